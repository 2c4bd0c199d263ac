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
