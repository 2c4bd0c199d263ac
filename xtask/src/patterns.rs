//! The integration patterns: stores, framework adapters and the sample store, each on the real thing. The checks
//! themselves are JavaScript: `tests/stores/`, `tests/frameworks/` and `examples/store/`.

use crate::process::Step;
use crate::{Result, runtimes, tools};

/// The conformance suite over every webhook store.
///
/// # Errors
///
/// When a check fails; each has its line.
pub fn stores() -> Result {
    Step::new("stores", "node")
        .args(["stores/main.mjs"])
        .dir(runtimes::consumer()?)
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_WRANGLER", tools::npm_program("wrangler")?)
        .env("GWOP_POSTGRES", tools::postgres()?)
        .env("GWOP_BETTER_SQLITE3", tools::better_sqlite3()?)
        .limit(5 * 60)
        .shown()
        .run()
}

/// The framework adapters, in the real frameworks.
///
/// # Errors
///
/// When a check fails; each has its line.
pub fn handlers() -> Result {
    Step::new("handlers", "node")
        .args(["frameworks/main.mjs"])
        .dir(runtimes::consumer()?)
        .limit(2 * 60)
        .shown()
        .run()
}

/// The sample store: its types, and its story on every runtime, with the same transcript on each.
///
/// # Errors
///
/// When the types or a step of the story are not as they have to be.
pub fn sample_store() -> Result {
    let consumer = runtimes::consumer()?;
    Step::new("tsc, the sample store", tools::npm_program("tsc")?)
        .args(["--project", "store/tsconfig.json"])
        .dir(&consumer)
        .run()?;
    Step::new("the sample store", "node")
        .args(["store/demo.mjs"])
        .dir(consumer)
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_WRANGLER", tools::npm_program("wrangler")?)
        .limit(5 * 60)
        .shown()
        .run()
}
