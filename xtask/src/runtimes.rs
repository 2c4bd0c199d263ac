//! Runs the runtime suite on each runtime, with the package as it would be installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Step;
use crate::{Result, build, tools, top};

/// The project with the packed package installed, relative to the top level.
const CONSUMER: &str = "build/consumer";

/// Packs the package, and installs it into a new project that also contains the suite and its
/// runners.
///
/// A second call in one run does nothing.
///
/// # Errors
///
/// When the package cannot be built, packed or installed.
pub(crate) fn consumer() -> Result<PathBuf> {
    static DONE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    if let Some(consumer) = DONE.get() {
        return Ok(consumer.clone());
    }
    let tarball = pack()?;
    let consumer = top().join(CONSUMER);
    let _ = fs::remove_dir_all(&consumer);
    fs::create_dir_all(&consumer)?;
    fs::write(
        consumer.join("package.json"),
        "{ \"name\": \"consumer\", \"private\": true, \"type\": \"module\" }\n",
    )?;
    tools::npm_installing("npm install the tarball", "install")
        .args(["--offline", "--no-package-lock"])
        .args([tarball])
        .dir(&consumer)
        .run()?;
    // They are copied into the project, so that their bare imports find the installed package.
    for from in [
        "tests/suite",
        "tests/runners",
        "tests/projects",
        "tests/simulator",
        "tests/stores",
        "tests/frameworks",
        "examples/store",
        "demo",
    ] {
        let from = top().join(from);
        let name = from.file_name().unwrap_or_default();
        crate::copy(&from, &consumer.join(name))?;
    }
    Step::new("extract the samples of tests/seeds", "node")
        .args(["tests/seeds/extract.mjs"])
        .args([consumer.join("suite/seeds")])
        .run()?;
    Ok(DONE.get_or_init(|| consumer).clone())
}

/// Packs the package like `npm publish`. A second call in one run does nothing.
///
/// # Errors
///
/// When the package cannot be built or packed.
pub(crate) fn pack() -> Result<PathBuf> {
    static DONE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    if let Some(tarball) = DONE.get() {
        return Ok(tarball.clone());
    }
    let tarball = packed(&build::package()?)?;
    Ok(DONE.get_or_init(|| tarball).clone())
}

/// Packs a package's directory like `npm publish`.
///
/// # Errors
///
/// When npm cannot pack it.
pub(crate) fn packed(package: &Path) -> Result<PathBuf> {
    let directory = top().join("build/pack");
    fs::create_dir_all(&directory)?;
    let name = Step::new("npm pack", "npm")
        .args(["pack", "--silent", "--pack-destination"])
        .args([&directory])
        .dir(package)
        .read()?;
    Ok(directory.join(name.trim()))
}

/// Runs the suite on one runtime. The last line of its output is its summary.
fn suite(runtime: &str, program: &Path, driver: Option<&Path>) -> Result {
    let mut step = Step::new(format!("suite on {runtime}"), "node")
        .args(["runners/main.mjs", runtime])
        .dir(consumer()?)
        .env("GWOP_PROGRAM", program)
        .limit(10 * 60)
        .shown();
    if let Some(driver) = driver {
        step = step.env("GWOP_DRIVER", driver);
    }
    step.run()
}

/// Runs the suite on Node.
pub(crate) fn node() -> Result {
    suite("node", Path::new("node"), None)
}

/// Runs the suite on Deno.
pub(crate) fn deno() -> Result {
    suite("deno", &tools::npm_program("deno")?, None)
}

/// Runs the suite on Bun.
pub(crate) fn bun() -> Result {
    suite("bun", &tools::npm_program("bun")?, None)
}

/// Runs the suite on workerd.
pub(crate) fn workerd() -> Result {
    suite("workerd", &tools::npm_program("workerd")?, None)
}

/// Runs the suite in Chromium.
pub(crate) fn chromium() -> Result {
    let browser = tools::chromium()?;
    suite("chromium", &browser.program, Some(&browser.driver))
}

/// Runs the suite in Firefox.
pub(crate) fn firefox() -> Result {
    let browser = tools::firefox()?;
    suite("firefox", &browser.program, Some(&browser.driver))
}
