//! Running other programs: with a line of progress while they are silent, with
//! their output kept in `build/logs`, and with a time limit that ends their children too.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::{Result, top};

/// How often a step that runs for long says so.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How much of a failed step's log is shown.
const TAIL_LINES: usize = 60;

/// Where a step's output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// To the person, as it comes.
    Shown,
    /// To `build/logs`, shown only when the step fails.
    Logged,
}

/// One program to run.
pub struct Step {
    name: String,
    command: Command,
    limit: Duration,
    output: Output,
}

impl Step {
    /// A step called `name` (also its log's name) that runs `program` at the top level.
    pub fn new(name: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(top()).stdin(Stdio::null());
        Self {
            name: name.into(),
            command,
            limit: Duration::from_secs(20 * 60),
            output: Output::Logged,
        }
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in `directory` instead of the top level.
    pub fn dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.command.current_dir(directory.into());
        self
    }

    /// Ends the program and its children after `seconds`; 20 minutes by default.
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Shows the output as it comes instead of keeping it for a failure.
    pub fn shown(mut self) -> Self {
        self.output = Output::Shown;
        self
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, exits non-zero, or exceeds its time
    /// limit; the message holds the end of its log.
    pub fn run(mut self) -> Result {
        let log = log_path(&self.name)?;
        if self.output == Output::Logged {
            let file = File::create(&log)?;
            self.command.stdout(file.try_clone()?).stderr(file);
        }
        let status = self.wait()?;
        if status.success() {
            return Ok(());
        }
        let mut message = format!("{}: failed ({status})", self.name);
        if self.output == Output::Logged {
            let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let from = lines.len().saturating_sub(TAIL_LINES);
            for line in lines.iter().skip(from) {
                message.push_str("\n  | ");
                message.push_str(line);
            }
            if from > 0 {
                message.push_str(&format!("\n  (all of it: {})", log.display()));
            }
        }
        Err(message.into())
    }

    /// Runs to the end and returns standard output.
    ///
    /// # Errors
    ///
    /// As [`Step::run`]; what the program said on standard error is in the message.
    pub fn read(mut self) -> Result<String> {
        let log = log_path(&self.name)?;
        let errors = log.with_extension("stderr.log");
        self.command
            .stdout(File::create(&log)?)
            .stderr(File::create(&errors)?);
        let status = self.wait()?;
        if status.success() {
            return Ok(fs::read_to_string(log)?);
        }
        let said = fs::read(&errors)?;
        Err(format!(
            "{}: failed ({status})\n{}",
            self.name,
            String::from_utf8_lossy(&said).trim_end()
        )
        .into())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let mut child = self.command.spawn().map_err(|error| {
            let program = self.command.get_program().to_string_lossy();
            format!("{}: cannot start `{program}`: {error}", self.name)
        })?;
        let started = Instant::now();
        let mut next_beat = HEARTBEAT;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let elapsed = started.elapsed();
            if elapsed >= self.limit {
                end_tree(&mut child);
                return Err(format!(
                    "{}: ended after its time limit of {} s",
                    self.name,
                    self.limit.as_secs()
                )
                .into());
            }
            if self.output == Output::Logged && elapsed >= next_beat {
                println!("  … {} ({} s)", self.name, elapsed.as_secs());
                next_beat = next_beat.saturating_add(HEARTBEAT);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Says what is being done.
pub fn say(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\x1b[1m{text}\x1b[0m");
    } else {
        println!("{text}");
    }
}

fn log_path(name: &str) -> Result<PathBuf> {
    let directory = top().join("build/logs");
    fs::create_dir_all(&directory)?;
    let file: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Ok(directory.join(format!("{file}.log")))
}

/// Ends a child and everything it started. Children stay in this process's
/// group, so that Ctrl-C reaches them; hence the walk over parents here.
fn end_tree(child: &mut Child) {
    let mut doomed = vec![child.id()];
    if let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() {
        let table: Vec<(u32, u32)> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| {
                let mut numbers = line.split_whitespace().map(str::parse);
                Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
            })
            .collect();
        let mut at = 0;
        while let Some(&parent) = doomed.get(at) {
            let children = table.iter().filter(|(_, of)| *of == parent);
            doomed.extend(children.map(|(pid, _)| *pid));
            at = at.saturating_add(1);
        }
    }
    // Parents first, so that none can start another child.
    for pid in doomed {
        let _ = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
    }
    let _ = child.wait();
}
