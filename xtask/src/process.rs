//! Runs other programs.
//!
//! Prints a line of progress while a program is silent, keeps its output in `build/logs`, and has a
//! time limit that also ends child processes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{IsTerminal as _, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::{Result, top};

/// The interval of the progress lines of a long step.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many lines of a failed step's log are shown.
const TAIL_LINES: usize = 60;
/// How many lines are shown from a failed check on.
const CHECK_LINES: usize = 8;

/// Where a step's output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// Shown immediately, and written to `build/logs`.
    Shown,
    /// Written to `build/logs`, and shown only if the step fails.
    Logged,
}

/// One program to run.
pub(crate) struct Step {
    name: String,
    command: Command,
    limit: Duration,
    output: Output,
}

impl Step {
    /// Creates a step that runs `program` at the top level. `name` is also the name of its log.
    pub(crate) fn new(name: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
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
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in `directory` instead of the top level.
    pub(crate) fn dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.command.current_dir(directory.into());
        self
    }

    /// Ends the program and its children after `seconds`. The default is 20 minutes.
    pub(crate) fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Shows the output immediately, instead of only after a failure.
    pub(crate) fn shown(mut self) -> Self {
        self.output = Output::Shown;
        self
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, exits non-zero, or exceeds its time limit. The message
    /// contains the end of its log.
    pub(crate) fn run(mut self) -> Result {
        let log = log_path(&self.name)?;
        match self.output {
            Output::Shown => {
                self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
            }
            Output::Logged => {
                let file = File::create(&log)?;
                self.command.stdout(file.try_clone()?).stderr(file);
            }
        }
        let status = self.wait()?;
        if status.success() {
            return Ok(());
        }
        let mut message = format!("{}: failed ({status})", self.name);
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        let told = match self.output {
            Output::Logged => lines.iter().skip(from).copied().collect(),
            Output::Shown => failures(&lines),
        };
        for line in told {
            message.push_str("\n  | ");
            message.push_str(line);
        }
        if from > 0 {
            message.push_str(&format!("\n  (all of it: {})", log.display()));
        }
        Err(message.into())
    }

    /// Runs the program to its end and returns its standard output.
    ///
    /// # Errors
    ///
    /// The same as [`Step::run`]. The message contains the standard error of the program.
    pub(crate) fn read(mut self) -> Result<String> {
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
        let shown = Shown::begin(&mut child, &self.name)?;
        let started = Instant::now();
        let mut next_beat = HEARTBEAT;
        loop {
            if let Some(status) = child.try_wait()? {
                shown.end();
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

/// Copies the output of a shown step to the terminal and to its log.
struct Shown {
    ended: mpsc::Receiver<()>,
    streams: usize,
}

impl Shown {
    /// Copies the pipes of `child`. A step that is not shown has none.
    fn begin(child: &mut Child, name: &str) -> Result<Self> {
        let (tell, ended) = mpsc::channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        let mut streams = 0_usize;
        if pipes.iter().any(Option::is_some) {
            let log = File::create(log_path(name)?)?;
            for mut pipe in pipes.into_iter().flatten() {
                let (tell, mut log) = (tell.clone(), log.try_clone()?);
                streams = streams.saturating_add(1);
                std::thread::spawn(move || {
                    let mut chunk = [0; 8192];
                    while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                        let bytes = chunk.get(..length).unwrap_or_default();
                        let _ = log.write_all(bytes);
                        let mut out = std::io::stdout().lock();
                        let _ = out.write_all(bytes).and_then(|()| out.flush());
                    }
                    let _ = tell.send(());
                });
            }
        }
        Ok(Self { ended, streams })
    }

    /// Waits for the last lines, but not for a grandchild that keeps a pipe open.
    fn end(self) {
        for _ in 0..self.streams {
            let _ = self.ended.recv_timeout(Duration::from_secs(2));
        }
    }
}

/// Returns the lines from each failed check on. The runners mark failed checks.
fn failures<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let marks = ["✗", "FAILED", "panicked at", "not ok", "Error:"];
    let mut kept = Vec::new();
    let mut left = 0_usize;
    for line in lines {
        if marks.iter().any(|mark| line.contains(mark)) {
            left = CHECK_LINES;
        }
        if left > 0 && kept.len() < TAIL_LINES {
            kept.push(*line);
        }
        left = left.saturating_sub(1);
    }
    kept
}

/// Prints what is being done.
pub(crate) fn say(text: &str) {
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

/// Ends a child and all processes that it started.
///
/// Children stay in this process's group, so that Ctrl-C reaches them. This function therefore
/// finds them by their parents.
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
    // Parents are ended first, so that none can start another child.
    for pid in doomed {
        let _ = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
    }
    let _ = child.wait();
}
