//! Follows the pages of `docs/quickstarts` exactly, with the packed tarballs.
//!
//! The checks are JavaScript: `tests/quickstarts/main.mjs`.

use std::fs;

use crate::process::Step;
use crate::{Result, matrix, runtimes, tools, top, worker};

/// The directory of the packages that the pages install, relative to the top level.
const PREPARED: &str = "build/quickstarts";

/// The directories below `tests/` that pin the packages of the pages. Each is one install.
const PINNED: [&str; 7] = [
    "frameworks/servers",
    "matrix/astro",
    "matrix/next16",
    "matrix/nitro3",
    "matrix/nuxt",
    "matrix/react-router",
    "matrix/sveltekit",
];

/// Checks every page.
///
/// `cargo xtask test --all` installs the packages of the pages from npm instead of the tools'
/// cache.
///
/// # Errors
///
/// When a page does not lead to a verified webhook (each prints a line), or when npm cannot fetch a
/// framework.
pub(crate) fn quickstarts() -> Result {
    let tarball = runtimes::pack()?;
    let prepared = top().join(PREPARED);
    fs::create_dir_all(&prepared)?;
    if matrix::ALL.get().is_none() {
        for pinned in PINNED {
            let source = top().join("tests").join(pinned);
            let name = source.file_name().unwrap_or_default().to_string_lossy();
            let project = prepared.join(name.as_ref());
            fs::create_dir_all(&project)?;
            matrix::install_tools(&name, &source.join("package.json"), &project, &tarball)?;
        }
    }
    Step::new("quickstarts", tools::newer_node()?)
        .args(["tests/quickstarts/main.mjs"])
        .args(matrix::ALL.get().map(|()| "--all"))
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_TARBALL", tarball)
        .env("GWOP_WORKER_TARBALL", worker::pack()?)
        .env("GWOP_PREPARED", prepared)
        .limit(40 * 60)
        .shown()
        .run()
}
