//! `cargo xtask bench`: speed, memory and sizes of the packed package, next to other packages and to bare Web Crypto.
//!
//! The measuring is JavaScript's (`bench/`, docs/performance.md); this gives it the project and the runtimes.

use std::fs;

use crate::process::Step;
use crate::{Result, runtimes, tools, top, worker};

/// Runs the benchmark; its tables are shown as they come.
///
/// # Errors
///
/// When something cannot be built or measured, an argument is not understood, or with `--check` when a figure is worse than
/// `bench/baseline.json` allows.
pub fn command(arguments: &[String]) -> Result {
    let mut given = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--only" {
            let parts = rest.next().ok_or("--only needs the names of parts")?;
            given.push(format!("--only={parts}"));
        } else {
            given.push(argument.clone());
        }
    }
    let named = given.iter().filter_map(|one| one.strip_prefix("--only="));
    let parts: Vec<&str> = named.flat_map(|all| all.split(',')).collect();
    if parts.is_empty() || parts.contains(&"worker") {
        worker::build()?;
    }
    let consumer = runtimes::consumer()?;
    runtimes::copy(&top().join("bench"), &consumer.join("bench"))?;
    fs::create_dir_all(top().join("dist"))?;
    let path = |name: &str| top().join(name).into_os_string();
    Step::new("bench", "node")
        .args(["bench/main.mjs"])
        .args(given)
        .dir(consumer)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_WORKERD", tools::npm_program("workerd")?)
        .env("GWOP_BENCH_WORKER", path("dist/worker/entry.js"))
        .env(
            "GWOP_BENCH_REFERENCE",
            path("tests/worker/fixtures/1.0.0/entry.js"),
        )
        .env("GWOP_BENCH_OUT", path("dist/bench.json"))
        .env("GWOP_BENCH_BASELINE", path("bench/baseline.json"))
        .limit(20 * 60)
        .shown()
        .run()
}
