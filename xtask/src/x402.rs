//! Runs the real, unchanged clients and reference facilitators of x402 with the local Gwop.
//!
//! The checks are JavaScript and Python: `tests/x402/`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Step, say};
use crate::{Result, files, matrix, runtimes, tools, top};

/// The directory of the checks, relative to the top level.
const CHECKS: &str = "tests/x402";

/// Runs the checks.
///
/// # Errors
///
/// When a check fails (each prints a line), or when npm or pip cannot fetch the clients.
pub(crate) fn test() -> Result {
    let (npm, python) = (npm_clients()?, python_clients()?);
    let sdk = runtimes::consumer()?.join("node_modules/@gwop/sdk");
    // With `--all`, runs as many as the agent's page promises.
    let (payloads, runs) = if matrix::ALL.get().is_some() {
        ("10000", "300")
    } else {
        ("200", "40")
    };
    // The checks are copied beside the clients' packages, so that bare imports find them.
    let project = top().join("build/x402");
    let _ = fs::remove_dir_all(&project);
    for from in [CHECKS, "tests/runners"] {
        let from = top().join(from);
        crate::copy(&from, &project.join(from.file_name().unwrap_or_default()))?;
    }
    files::link(&npm.join("node_modules"), &project.join("node_modules"))?;
    Step::new("x402", "node")
        .args(["main.mjs"])
        .dir(project.join("x402"))
        .env("GWOP_SIMULATOR", sdk.join("gwop-simulator.js"))
        .env("GWOP_AGENT", sdk.join("agent.node.js"))
        .env("GWOP_AGENT_PAYLOADS", payloads)
        .env("GWOP_AGENT_RUNS", runs)
        .env("GWOP_PYTHON", "python3")
        .env("PYTHONPATH", python)
        .limit(15 * 60)
        .shown()
        .run()
}

/// Installs the clients and facilitators from npm, as the lock file pins them.
///
/// # Errors
///
/// When npm cannot fetch them.
pub(crate) fn npm_clients() -> Result<PathBuf> {
    installed(
        "x402-npm",
        &["package.json", "package-lock.json"],
        |staging| {
            tools::npm_installing("npm ci, the x402 clients", "ci")
                .args(["--prefer-offline", "--omit-lockfile-registry-resolved"])
                .dir(staging)
                .limit(10 * 60)
                .run()
        },
    )
}

/// Installs the client from PyPI, as the requirements pin it.
fn python_clients() -> Result<PathBuf> {
    installed("x402-python", &["requirements.txt"], |staging| {
        Step::new("pip install, the x402 client", "python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--target", "."])
            .args(["--requirement", "requirements.txt"])
            .dir(staging)
            .limit(10 * 60)
            .run()
    })
}

/// Returns the result of an installer for these files. It runs once per user.
fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path) -> Result) -> Result<PathBuf> {
    let checks = top().join(CHECKS);
    let texts = files
        .iter()
        .map(|file| fs::read(checks.join(file)))
        .collect::<std::io::Result<Vec<_>>>()?;
    let home = tools::place(name, texts)?;
    if !home.is_dir() {
        say(&format!(
            "Installing {} into {}",
            files.join(", "),
            home.display()
        ));
        files::make(&home, |staging| {
            for file in files {
                fs::copy(checks.join(file), staging.join(file))?;
            }
            install(staging)
        })?;
    }
    Ok(home)
}
