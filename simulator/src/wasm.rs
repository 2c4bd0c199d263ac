//! The functions that JavaScript calls. Arguments and results are JSON text, except that the body
//! of a request is passed as bytes.

use crate::input::read;
use crate::{CommandError, Kept, Now, Request, Simulator};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// The simulator's core. Times are in milliseconds since the epoch: `clock` is the simulator's and
/// `wall` is the real one.
#[wasm_bindgen]
pub struct SimulatorCore {
    simulator: Kept,
}

#[wasm_bindgen]
impl SimulatorCore {
    /// Creates a simulator from its options as JSON. Throws JSON `{ code, field?, message }`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Result<Self, JsValue> {
        let config = read(options).map_err(|error| thrown(&error))?;
        let simulator = Simulator::new(config).map_err(|error| thrown(&error))?;
        Ok(Self {
            simulator: Kept::new(simulator),
        })
    }

    /// Continues where a journal ends. `given` are the options of this start. Throws the same JSON
    /// as the constructor.
    pub fn open(file: &[u8], given: &str, wall: f64) -> Result<Self, JsValue> {
        let given = read(given).map_err(|error| thrown(&error))?;
        let simulator =
            Kept::open(file, &given, now(wall, wall).wall).map_err(|error| thrown(&error))?;
        Ok(Self { simulator })
    }

    /// Starts a journal.
    pub fn begin(&mut self) {
        self.simulator.begin();
    }

    /// Returns the first lines of a journal. They contain everything that happened so far.
    pub fn snapshot(&mut self) -> String {
        self.simulator.snapshot()
    }

    /// Returns the lines to append to the journal since the last call.
    #[wasm_bindgen(js_name = takeLines)]
    pub fn take_lines(&mut self) -> String {
        self.simulator.take_lines()
    }

    /// Returns the initial warnings for people as a JSON array.
    pub fn warnings(&mut self) -> String {
        text(&self.simulator.take_warnings())
    }

    /// Handles a request (JSON `{ method, url, headers }`) and returns the result as JSON.
    pub fn handle(
        &mut self,
        request: &str,
        body: Vec<u8>,
        clock: f64,
        wall: f64,
    ) -> Result<String, JsValue> {
        let mut request: Request = read(request).map_err(|error| thrown(&error))?;
        request.body = body;
        Ok(text(&self.simulator.handle(request, now(clock, wall))))
    }

    /// Completes a response that waited for a signature. `undefined` if the ticket is unknown.
    pub fn complete(&mut self, ticket: u32, signature: &[u8]) -> Option<String> {
        let reply = self.simulator.complete(ticket, signature)?;
        Some(text(&reply))
    }

    /// Runs a command (JSON with its name in `command`). Throws JSON `{ code, field?, message }`.
    pub fn command(&mut self, command: &str, clock: f64, wall: f64) -> Result<String, JsValue> {
        self.simulator
            .command(command, now(clock, wall))
            .map(|value| value.to_string())
            .map_err(|error| thrown(&error))
    }
}

// The conversion from float to integer saturates: negative numbers and NaN become 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn now(clock: f64, wall: f64) -> Now {
    Now {
        clock: clock as u64,
        wall: wall as u64,
    }
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn thrown(error: &CommandError) -> JsValue {
    JsValue::from_str(&text(error))
}
