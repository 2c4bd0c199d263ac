//! `cargo xtask demo`: the whole story, told by `demo/demo.mjs` and `demo/worker.mjs`;
//! with `--store` that of the sample store, told by its agent.

use std::thread::{self, JoinHandle};

use crate::process::{Step, say};
use crate::{Result, patterns, runtimes, tools, worker};

/// How long `--serve` may go on, in seconds: a working day.
const SERVE_LIMIT: u64 = 12 * 3600;

/// Builds the package, installs it as a merchant would, and plays the story: with the SDK alone, then
/// through the Worker.
///
/// # Errors
///
/// When a step of the story fails, or the package cannot be built.
pub(crate) fn command(arguments: &[String]) -> Result {
    let serve = match arguments {
        [] => false,
        [flag] if flag == "--serve" => true,
        [flag] if flag == "--store" => return patterns::sample_store(),
        _ => return Err("usage: cargo xtask demo [--serve | --store]".into()),
    };
    let worker = if serve {
        None
    } else {
        Some(start_worker_build()?)
    };
    let consumer = runtimes::consumer()?;
    say("The story");
    let limit = if serve { SERVE_LIMIT } else { 120 };
    Step::new("demo", "node")
        .args(["demo/demo.mjs"])
        .args(arguments)
        .dir(consumer)
        .limit(limit)
        .shown()
        .run()?;
    let Some(worker) = worker else {
        return Ok(());
    };
    worker
        .join()
        .map_err(|_| "the Worker's build ended without a word")??;
    worker::package()?;
    say("The story through the Worker");
    Step::new("demo of the Worker", "node")
        .args(["demo/worker.mjs"])
        .limit(limit)
        .shown()
        .run()
}

/// The demo as a part of `cargo xtask test`.
///
/// # Errors
///
/// As [`command`].
pub(crate) fn test() -> Result {
    command(&[])
}

/// Compiles the Worker beside the package: each build ends in one long link, so two of them share two cores well.
fn start_worker_build() -> Result<JoinHandle<std::result::Result<(), String>>> {
    // Installed before two builds ask for them at once.
    tools::rust()?;
    tools::npm()?;
    tools::wasm_bindgen()?;
    tools::WORKER_BUILD.program()?;
    Ok(thread::spawn(|| {
        worker::compile_shipped().map_err(|error| error.to_string())
    }))
}
