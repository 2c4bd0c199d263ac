//! The integration patterns: stores, framework adapters and the sample store, each on the real thing. The checks
//! themselves are JavaScript: `tests/stores/`, `tests/frameworks/` and `examples/store/`.

use std::fs;

use crate::process::Step;
use crate::{Result, matrix, runtimes, tools, top};

/// The conformance suite over every webhook store.
///
/// # Errors
///
/// When a check fails; each has its line.
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
        // Fewer invoices and kills, as in the Worker's tests, unless all of them are asked for.
        .env(
            "GWOP_ALL",
            if matrix::ALL.get().is_some() { "1" } else { "" },
        )
        .limit(30 * 60)
        .shown()
        .run()
}

/// The framework adapters, in the real frameworks.
///
/// # Errors
///
/// When a check fails; each has its line.
pub(crate) fn handlers() -> Result {
    Step::new("handlers", "node")
        .args(["frameworks/main.mjs"])
        .dir(runtimes::consumer()?)
        .limit(2 * 60)
        .shown()
        .run()
}

/// Next.js and its peers. Not in `package.json`: its lock would have to name builds of it that not every registry has.
const NEXT: [&str; 3] = ["next@16.4.6", "react@19.3.1", "react-dom@19.3.1"];

/// The adapter in the real Next.js, in a project of its own that outlives the run: its packages and its build's cache are large.
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
    // The same version again would be taken for installed.
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

/// The local Gwop as it is installed: its page in real browsers, its state file, its guards on every runtime that serves
/// it, its documentation.
///
/// # Errors
///
/// When a check fails; each has its line.
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

/// Draws the page of the local Gwop into `docs/`, for the README.
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

/// The sample store: its types, and its story on every runtime, with the same transcript on each.
///
/// # Errors
///
/// When the types or a step of the story are not as they have to be.
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
