//! Checks of the packed package: its types, and the projects that install it.
//! The checks themselves are JavaScript: `tests/runners/package.mjs`.

use crate::process::Step;
use crate::{Result, build, runtimes, tools};

/// The declarations in strict TypeScript projects: one per way of resolving modules, and one with the types of Node in place of browsers'.
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

/// The command line `gwop`, from the installed package, on every runtime that has one.
///
/// # Errors
///
/// When a check fails; each has its line.
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

/// Everything that concerns the tarball as others install it.
///
/// # Errors
///
/// When a check fails; each has its line.
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
