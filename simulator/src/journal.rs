//! The journal of a simulator: everything it was asked, in order, so that another process can
//! continue where this one ended.
//!
//! The file consists of JSON lines. The first line names the format. The second is a snapshot of
//! the whole state. Each further line is a request or a command with both clocks. Reading the lines
//! again gives the same state, because the simulator has no other input. The driver writes the
//! lines, and sends a response only after its lines are on the disk.
//!
//! The file contains keys and secrets.

use crate::config::Config;
use crate::control::{Command, CommandError};
use crate::http::{HandleResult, Reply, Request};
use crate::input::{read, read_value};
use crate::simulator::Simulator;
use crate::time::Now;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// A simulator, and the journal lines that are not written yet.
#[derive(Debug)]
pub struct Kept {
    simulator: Simulator,
    /// The lines to write. Absent if there is no journal.
    lines: Option<String>,
}

/// The first line.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    /// The marker of the file type.
    gwop_simulator: String,
    /// The version of its format.
    format: u32,
    /// The version of the package that wrote it.
    version: String,
}

/// The second line.
#[derive(Deserialize)]
struct Snapshot {
    snapshot: Simulator,
}

/// Any other line.
#[derive(Deserialize, Serialize)]
struct Record {
    #[serde(flatten)]
    what: What,
    #[serde(flatten)]
    now: Now,
    /// The position in the sequence of identifiers after this line. A different position on replay
    /// means that the rules differ between versions.
    ids: u64,
}

/// The content of a line.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum What {
    /// A request arrived. The body is in base64.
    Request(Request, String),
    /// A command was given.
    Command(Value),
    /// Everything that was due was run.
    Due(()),
}

impl Kept {
    /// Creates a simulator without a journal.
    #[must_use]
    pub const fn new(simulator: Simulator) -> Self {
        Self {
            simulator,
            lines: None,
        }
    }

    /// Starts a journal. Its first lines are those of [`snapshot`](Self::snapshot).
    pub fn begin(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// Continues where a journal ends, at the real time `wall`. `given` are the options of this
    /// start. Options that are left out keep their value. Attempts that were in progress are sent
    /// again.
    ///
    /// # Errors Returns an error if the file is not a journal, has another format, is damaged
    /// before its last line, or was written by a version with other rules, and if an option is
    /// invalid.
    pub fn open(file: &[u8], given: &Value, wall: u64) -> Result<Self, CommandError> {
        let mut simulator = replay(file)?;
        simulator.reconfigure(given)?;
        simulator.complete_snapshot();
        simulator.pending.clear();
        simulator.new_requests = 0;
        let now = simulator.clock.at(wall);
        simulator.interrupted(now);
        let mut kept = Self::new(simulator);
        kept.begin();
        Ok(kept)
    }

    /// Returns the first lines of a new journal. They contain everything that happened so far.
    pub fn snapshot(&mut self) -> String {
        if let Some(lines) = &mut self.lines {
            lines.clear();
        }
        let header = Header {
            gwop_simulator: "journal".into(),
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let header = serde_json::to_string(&header).unwrap_or_default();
        let state = serde_json::to_string(&self.simulator).unwrap_or_default();
        format!("{header}\n{{\"snapshot\":{state}}}\n")
    }

    /// Returns the lines to append since the last call.
    pub fn take_lines(&mut self) -> String {
        self.lines.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Handles a request, like [`Simulator::handle`].
    pub fn handle(&mut self, request: Request, now: Now) -> HandleResult {
        self.catch_up(now);
        let result = self.simulator.handle(&request, now);
        // The driver sends the request again once the key exists.
        if self.lines.is_some() && !matches!(result, HandleResult::NeedsKey { .. }) {
            let body = STANDARD.encode(&request.body);
            self.record(What::Request(request, body), now);
        }
        result
    }

    /// Completes a response, like [`Simulator::complete`].
    pub fn complete(&mut self, ticket: u32, signature: &[u8]) -> Option<Reply> {
        self.simulator.complete(ticket, signature)
    }

    /// Returns new warnings, like [`Simulator::take_warnings`].
    pub fn take_warnings(&mut self) -> Vec<&'static str> {
        self.simulator.take_warnings()
    }

    /// Runs a command from JSON.
    ///
    /// # Errors Returns the same errors as [`Simulator::command`].
    pub fn command(&mut self, text: &str, now: Now) -> Result<Value, CommandError> {
        let command: Command = read(text)?;
        self.catch_up(now);
        let is_kept = self.lines.is_some()
            && match command {
                Command::TakeDue {} => {
                    self.simulator.deliveries.next_due() <= Some(now.clock)
                        && self.simulator.deliveries.next_due().is_some()
                }
                _ => command.changes(),
            };
        let result = self.simulator.command(command, now);
        if is_kept {
            // This cannot fail: the text was parsed above.
            let command = serde_json::from_str(text).unwrap_or_default();
            self.record(What::Command(command), now);
        }
        result
    }

    /// Runs everything that is due, independently of the next request. The clock may be set back
    /// afterwards.
    fn catch_up(&mut self, now: Now) {
        if self.lines.is_some() && self.simulator.is_due(now) {
            self.simulator.catch_up(now);
            self.record(What::Due(()), now);
        }
    }

    fn record(&mut self, what: What, now: Now) {
        let ids = self.simulator.ids.position();
        let record = Record { what, now, ids };
        if let (Some(lines), Ok(line)) = (&mut self.lines, serde_json::to_string(&record)) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
}

/// Returns the state that a journal's lines describe.
fn replay(file: &[u8]) -> Result<Simulator, CommandError> {
    let mut lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    // A last line that was cut never got a response. In a complete file, this removes the empty
    // text after the end of the last line.
    lines.pop();
    let header: Option<Header> = lines
        .first()
        .and_then(|line| serde_json::from_slice(line).ok())
        .filter(|header: &Header| header.gwop_simulator == "journal");
    let Some(header) = header else {
        return Err(damaged("it is no journal of the local Gwop"));
    };
    if header.format != FORMAT {
        return Err(damaged(&format!(
            "its format is {}, and this version reads {FORMAT}: use the version that wrote it ({}), or another file",
            header.format, header.version
        )));
    }
    let snapshot: Result<Snapshot, _> =
        serde_json::from_slice(lines.get(1).copied().unwrap_or_default());
    let Ok(Snapshot {
        snapshot: mut simulator,
    }) = snapshot
    else {
        return Err(damaged("line 2 is no snapshot that can be read"));
    };
    simulator.complete_snapshot();
    let last = lines.len().saturating_sub(1);
    for (index, line) in lines.iter().enumerate().skip(2) {
        let Ok(record) = serde_json::from_slice::<Record>(line) else {
            if index == last {
                break;
            }
            let number = index.saturating_add(1);
            return Err(damaged(&format!("line {number} cannot be read")));
        };
        let Record { what, now, ids } = record;
        match what {
            What::Due(()) => simulator.catch_up(now),
            What::Request(mut request, body) => {
                request.body = STANDARD.decode(body).unwrap_or_default();
                simulator.handle(&request, now);
            }
            What::Command(command) => {
                // A command that was refused is refused again.
                _ = read_value(&command).and_then(|command| simulator.command(command, now));
            }
        }
        if simulator.ids.position() != ids {
            let number = index.saturating_add(1);
            return Err(damaged(&format!(
                "line {number} has another outcome now: version {} wrote it by other rules. Start that version once and end \
                 it with Ctrl-C, so that it leaves nothing but a snapshot",
                header.version
            )));
        }
    }
    Ok(simulator)
}

fn damaged(message: &str) -> CommandError {
    CommandError::new("INVALID_STATE", message)
}

impl Simulator {
    /// Returns whether something other than a delivery is due by now.
    fn is_due(&self, now: Now) -> bool {
        let invoices = self.invoices.next_due().map(|(at, _)| at);
        let intents = self.intents.next_due().map(|(at, _)| at);
        let late = self.late.keys().next().map(|(at, _)| *at);
        [invoices, intents, late]
            .into_iter()
            .flatten()
            .any(|at| at <= now.clock)
    }

    /// Applies the options of another start. Options that are left out keep their value. The same
    /// holds for the fields of merchants, which are matched by id, except that the first merchant
    /// given is matched with the first one.
    fn reconfigure(&mut self, given: &Value) -> Result<(), CommandError> {
        let mut options = serde_json::to_value(&self.config).unwrap_or_default();
        let mut merchants: Vec<Value> = self
            .merchants
            .iter()
            .map(|state| serde_json::to_value(&state.merchant).unwrap_or_default())
            .collect();
        let own = given.get("merchants").and_then(Value::as_array);
        for (index, merchant) in own.into_iter().flatten().enumerate() {
            let same = |other: &Value| other.get("id") == merchant.get("id");
            let place = match index {
                0 => Some(0),
                _ => merchants.iter().position(same),
            };
            match place.and_then(|place| merchants.get_mut(place)) {
                Some(place) => merge(place, merchant),
                None => merchants.push(merchant.clone()),
            }
        }
        merge(&mut options, given);
        merge(&mut options, &json!({ "merchants": merchants }));
        let config: Config = read_value(&options)?;
        config.check()?;
        for (index, merchant) in config.merchants.iter().enumerate() {
            match self.merchants.get_mut(index) {
                Some(state) => {
                    if state.merchant.webhook_secret != merchant.webhook_secret {
                        state.old_secrets.clear();
                    }
                    state.merchant = merchant.clone();
                }
                None => self.merchants.push(crate::simulator::MerchantState {
                    merchant: merchant.clone(),
                    old_secrets: Vec::new(),
                }),
            }
        }
        self.config = config;
        Ok(())
    }
}

/// Copies the members of one object into another.
fn merge(into: &mut Value, given: &Value) {
    if let (Some(into), Some(given)) = (into.as_object_mut(), given.as_object()) {
        into.extend(
            given
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
}
