//! `cargo xtask demo`: plays the whole story in `demo/demo.mjs` and `demo/worker.mjs`.
//!
//! With `--store`, the agent of the sample store plays the story of the store.

use std::thread::{self, JoinHandle};

use crate::process::{Step, say};
use crate::{Result, patterns, runtimes, tools, worker};

/// How long `--serve` may run, in seconds: 12 hours.
const SERVE_LIMIT: u64 = 12 * 3600;

/// Builds the package, installs it like a merchant, and plays the story.
///
/// The story runs first with the SDK alone, then through the Worker.
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

/// Runs the demo as a part of `cargo xtask test`.
///
/// # Errors
///
/// The same as [`command`].
pub(crate) fn test() -> Result {
    command(&[])
}

/// Compiles the Worker in parallel with the package.
///
/// Each build ends in one long link, so two builds share two cores well.
fn start_worker_build() -> Result<JoinHandle<std::result::Result<(), String>>> {
    // Installs the tools before two builds request them at once.
    tools::rust()?;
    tools::npm()?;
    tools::wasm_bindgen()?;
    tools::WORKER_BUILD.program()?;
    Ok(thread::spawn(|| {
        worker::compile_shipped().map_err(|error| error.to_string())
    }))
}
