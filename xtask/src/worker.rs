//! The Worker: built by worker-build, tested on the real workerd.

use crate::process::{Step, say};
use crate::sizes::{self, Size};
use crate::{Result, build, tools, top};

/// What is deployed, from the top level.
pub const SHIPPED: &str = "dist/worker";
/// The build with faults on purpose and shorter times, for the tests alone.
const TESTED: &str = "build/worker-test";

/// Builds what is deployed, and prints its size. A second call in one run does nothing.
///
/// # Errors
///
/// When a tool cannot be had or the build fails.
pub fn build() -> Result {
    static DONE: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    if DONE.get().is_none() {
        say("Building the Worker");
        compile("worker-main", SHIPPED, ".")?;
        let files = ["index.js", "index_bg.wasm"].map(|name| top().join(SHIPPED).join(name));
        sizes::print_head();
        Size::of_files(files)?.print("Worker, wasm and JavaScript");
        println!("  {}", top().join(SHIPPED).display());
    }
    DONE.get_or_init(|| ());
    Ok(())
}

/// Compiles the crate in `directory` with `features` into `out`, both from the top level.
fn compile(features: &str, out: &str, directory: &str) -> Result {
    tools::rust()?;
    Step::new(
        format!("worker-build {out}"),
        tools::WORKER_BUILD.program()?,
    )
    .dir(top().join(directory))
    .args(["--profile", "worker", "--out-dir"])
    .args([top().join(out)])
    .args([".", "--features", features])
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
    compile("worker-test", TESTED, ".")?;
    Step::new("the Worker on workerd", "node")
        .args(["tests/worker/run.mjs"])
        .shown()
        .run()
}
