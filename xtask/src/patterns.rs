//! The integration patterns: stores, framework adapters and the sample store.
//!
//! They run with real databases and frameworks. The checks are JavaScript: `tests/stores/`,
//! `tests/frameworks/` and `examples/store/`.

use std::fs;

use crate::process::Step;
use crate::{Result, matrix, runtimes, tools, top};

/// Runs the conformance suite with every webhook store.
///
/// # Errors
///
/// When a check fails. Each prints a line.
pub(crate) fn stores() -> Result {
    Step::new("stores", "node")
        .args(["stores/main.mjs"])
        .dir(runtimes::consumer()?)
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_WRANGLER", tools::npm_program("wrangler")?)
        .env("GWOP_POSTGRES", tools::postgres()?)
        .env("GWOP_BETTER_SQLITE3", tools::better_sqlite3()?)
        // Uses fewer invoices and kills unless all are requested, like the Worker's tests.
        .env(
            "GWOP_ALL",
            if matrix::ALL.get().is_some() { "1" } else { "" },
        )
        .limit(30 * 60)
        .shown()
        .run()
}

/// Checks the framework adapters in the real frameworks.
///
/// # Errors
///
/// When a check fails. Each prints a line.
pub(crate) fn handlers() -> Result {
    Step::new("handlers", "node")
        .args(["frameworks/main.mjs"])
        .dir(runtimes::consumer()?)
        .limit(2 * 60)
        .shown()
        .run()
}

/// Next.js and its peers. They are not in `package.json`, because its lock would have to name
/// builds of Next.js that not every registry has.
const NEXT: [&str; 3] = ["next@16.4.6", "react@19.3.1", "react-dom@19.3.1"];

/// Checks the adapter in the real Next.js.
///
/// The project remains after the run, because its packages and its build cache are large.
///
/// # Errors
///
/// When a check fails, or npm cannot fetch Next.js.
pub(crate) fn next() -> Result {
    let tarball = runtimes::pack()?;
    let project = top().join("build/next");
    for from in ["tests/suite", "tests/runners"] {
        let from = top().join(from);
        crate::copy(&from, &project.join(from.file_name().unwrap_or_default()))?;
    }
    let frameworks = top().join("tests/frameworks");
    crate::copy(&frameworks.join("next"), &project)?;
    fs::copy(frameworks.join("next.mjs"), project.join("next.mjs"))?;
    // npm would treat the same version as already installed.
    let _ = fs::remove_dir_all(project.join("node_modules/@gwop"));
    tools::npm_installing("npm install Next.js and the tarball", "install")
        .args(["--no-save", "--no-package-lock", "--prefer-offline"])
        .args(NEXT)
        .args([tarball])
        .dir(&project)
        .run()?;
    Step::new("next", "node")
        .args(["next.mjs"])
        .dir(project)
        .limit(10 * 60)
        .shown()
        .run()
}

/// Checks the installed local Gwop.
///
/// The checks cover its page in real browsers, its state file, its guards on every runtime that can
/// serve it, and its documentation.
///
/// # Errors
///
/// When a check fails. Each prints a line.
pub(crate) fn simulator() -> Result {
    let chromium = tools::chromium()?;
    let firefox = tools::firefox()?;
    Step::new("simulator", "node")
        .args(["simulator/main.mjs"])
        .dir(runtimes::consumer()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_CHROMIUM", chromium.program)
        .env("GWOP_CHROMEDRIVER", chromium.driver)
        .env("GWOP_FIREFOX", firefox.program)
        .env("GWOP_GECKODRIVER", firefox.driver)
        .limit(5 * 60)
        .shown()
        .run()
}

/// Takes a screenshot of the local Gwop's page for the README, and puts it into `docs/`.
///
/// # Errors
///
/// When the package cannot be built, or Chromium does not show the page.
pub(crate) fn screenshot() -> Result {
    let chromium = tools::chromium()?;
    Step::new("screenshot", "node")
        .args([
            "simulator/screenshot.mjs".as_ref(),
            top().join("docs/simulator-page.png").as_os_str(),
        ])
        .dir(runtimes::consumer()?)
        .env("GWOP_CHROMIUM", chromium.program)
        .env("GWOP_CHROMEDRIVER", chromium.driver)
        .shown()
        .run()
}

/// Checks the types of the sample store, and plays its story on every runtime.
///
/// The transcript must be the same on each runtime.
///
/// # Errors
///
/// When the types or a step of the story are not correct.
pub(crate) fn sample_store() -> Result {
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
