//! The Worker: built by worker-build, tested on the real workerd.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::process::{Step, say};
use crate::sizes::{self, Size};
use crate::{Result, build, kept, tools, top};

/// Where Workers are compiled, from the top level.
const TARGET: &str = "target/workers";
/// What is deployed, from the top level.
pub const SHIPPED: &str = "dist/worker";
/// The build with faults on purpose and shorter times, for the tests alone.
const TESTED: &str = "build/worker-test";
/// What stands around worker-build's module in both, from the top level; beside it once built.
const ENTRY: &str = "src/worker/entry.js";
/// A merchant's own Worker on this crate.
const EXAMPLE: &str = "examples/worker-router";

/// Builds what is deployed, and prints its size. A second call in one run does nothing.
///
/// # Errors
///
/// When a tool cannot be had or the build fails.
pub fn build() -> Result {
    static DONE: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    if DONE.get().is_none() {
        say("Building the Worker");
        compile_shipped()?;
        let files =
            ["entry.js", "index.js", "index_bg.wasm"].map(|name| top().join(SHIPPED).join(name));
        sizes::print_head();
        Size::of_files(files)?.print("Worker, wasm and JavaScript");
        println!("  {}", top().join(SHIPPED).display());
    }
    DONE.get_or_init(|| ());
    Ok(())
}

/// Compiles what is deployed, without a word. A second call in one run does nothing.
///
/// # Errors
///
/// When a tool cannot be had or the build fails.
pub fn compile_shipped() -> Result {
    static DONE: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    if DONE.get().is_none() {
        let target = top().join(TARGET);
        kept::seed(&target)?;
        compile_main(SHIPPED, "worker-main")?;
        kept::keep(&target)?;
    }
    DONE.get_or_init(|| ());
    Ok(())
}

/// Compiles this crate as a program into `out`, from the top level.
fn compile_main(out: &str, feature: &str) -> Result {
    compile(".", out, &["--features", feature])?;
    fs::copy(top().join(ENTRY), top().join(out).join("entry.js"))?;
    Ok(())
}

/// Compiles the crate in `directory` into `out`, both from the top level, with more arguments for cargo.
fn compile(directory: &str, out: &str, arguments: &[&str]) -> Result {
    tools::rust()?;
    Step::new(
        format!("worker-build {out}"),
        tools::WORKER_BUILD.program()?,
    )
    .dir(top().join(directory))
    .args(["--profile", "worker", "--out-dir"])
    .args([top().join(out)])
    .args(["."])
    .args(arguments)
    // The example is no part of the workspace, but shares its dependencies.
    .env("CARGO_TARGET_DIR", top().join(TARGET))
    // It would fetch them otherwise, in versions of its own.
    .env("WASM_BINDGEN_BIN", tools::wasm_bindgen()?)
    .env("WASM_OPT_BIN", tools::npm_program("wasm-opt")?)
    .env("ESBUILD_BIN", tools::npm_program("esbuild")?)
    .run()
}

/// The tests of the Worker on workerd.
///
/// # Errors
///
/// When a build or a test fails.
pub fn test() -> Result {
    // Fulfilment verifies what it gets with the SDK, and the local Gwop comes with it.
    build::package()?;
    build()?;
    compile_main(TESTED, "worker-test")?;
    // The versions of the workspace, so that its compiled dependencies serve again.
    fs::copy(
        top().join("Cargo.lock"),
        top().join(EXAMPLE).join("Cargo.lock"),
    )?;
    compile(EXAMPLE, "build/worker-example", &[])?;
    Step::new("the Worker on workerd", "node")
        .args(["tests/worker/run.mjs"])
        .shown()
        .run()
}

/// Runs the Worker with a local Gwop and a fulfilment that prints, and builds anew when a source changes, until it is ended.
///
/// # Errors
///
/// When the first build fails, or one of the programs ends.
pub fn dev() -> Result {
    build::package()?;
    build()?;
    let mut programs = Command::new("node")
        .arg("xtask/dev.mjs")
        .current_dir(top())
        .stdin(Stdio::piped())
        .spawn()?;
    let mut built = SystemTime::now();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        if let Some(status) = programs.try_wait()? {
            return Err(format!("xtask/dev.mjs ended ({status})").into());
        }
        let sources = ["src", "Cargo.toml"].map(|name| top().join(name));
        let newest = sources.iter().filter_map(|path| newest(path)).max();
        if newest.is_some_and(|newest| newest > built) {
            built = SystemTime::now();
            say("A source has changed: building the Worker");
            // wrangler sees the new files and reloads; a build that fails leaves the last one running.
            match compile_main(SHIPPED, "worker-main") {
                Ok(()) => say("Reloaded"),
                Err(error) => println!("{error}"),
            }
        }
    }
}

/// When the newest file at or below `path` was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_dir() {
        return metadata.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?.flatten();
    entries.filter_map(|entry| newest(&entry.path())).max()
}
