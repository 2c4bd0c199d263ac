//! Checks the packed package: its types, and the projects that install it.
//!
//! The checks are JavaScript: `tests/runners/package.mjs`.

use crate::process::Step;
use crate::{Result, build, runtimes, tools};

/// Checks the declarations in strict TypeScript projects.
///
/// There is one project per way of resolving modules, and one with the types of Node instead of
/// browsers.
///
/// # Errors
///
/// When a project does not compile.
pub(crate) fn types() -> Result {
    let consumer = runtimes::consumer()?;
    let tsc = tools::npm_program("tsc")?;
    for project in ["nodenext", "bundler", "node"] {
        let config = format!("projects/types/tsconfig.{project}.json");
        Step::new(format!("tsc, {project}"), &tsc)
            .args(["--project", &config])
            .dir(&consumer)
            .run()?;
    }
    Ok(())
}

/// Checks the command line `gwop` of the installed package, on every runtime that has one.
///
/// # Errors
///
/// When a check fails. Each prints a line.
pub(crate) fn cli() -> Result {
    Step::new("checks of the command line", "node")
        .args(["runners/cli.mjs"])
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .dir(runtimes::consumer()?)
        .shown()
        .run()
}

/// Runs all checks of the tarball as others install it.
///
/// # Errors
///
/// When a check fails. Each prints a line.
pub(crate) fn package() -> Result {
    build::package()?;
    let tarball = runtimes::pack()?;
    let consumer = runtimes::consumer()?;
    let chromium = tools::chromium()?;
    let firefox = tools::firefox()?;
    Step::new("package checks", "node")
        .args(["runners/package.mjs".as_ref(), tarball.as_os_str()])
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_WORKERD", tools::npm_program("workerd")?)
        .env("GWOP_CHROMIUM", chromium.program)
        .env("GWOP_CHROMEDRIVER", chromium.driver)
        .env("GWOP_FIREFOX", firefox.program)
        .env("GWOP_GECKODRIVER", firefox.driver)
        .dir(consumer)
        .shown()
        .run()
}
