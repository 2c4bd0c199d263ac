//! The tools with which merchants build, bundle and test.
//!
//! Each tool uses the packed package, builds a program and runs it with one signed webhook. The
//! rows are JavaScript: `tests/matrix/main.mjs`. Each directory beside it is one install, which
//! several rows share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::process::{Step, say};
use crate::{Result, files, runtimes, tools, top};

/// Whether to run the rows that take too long for every run: `cargo xtask test --all`.
pub(crate) static ALL: OnceLock<()> = OnceLock::new();

/// Runs the whole matrix.
///
/// # Errors
///
/// When a row fails (each prints a line), or when npm cannot fetch a tool.
pub(crate) fn matrix() -> Result {
    let tarball = runtimes::pack()?;
    let rows = top().join("tests/matrix");
    let matrix = top().join("build/matrix");
    fs::create_dir_all(&matrix)?;
    let mut shared = vec![top().join("tests/projects/sign.js")];
    for entry in fs::read_dir(&rows)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            shared.push(path);
        }
    }
    for entry in fs::read_dir(&rows)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            install(
                &entry.path(),
                &matrix.join(entry.file_name()),
                &shared,
                &tarball,
            )?;
        }
    }
    for file in [
        rows.join("main.mjs"),
        top().join("tests/runners/checks.mjs"),
        top().join("tests/runners/programs.mjs"),
        top().join("tests/projects/sign.js"),
    ] {
        fs::copy(&file, matrix.join(file.file_name().unwrap_or_default()))?;
    }
    Step::new("matrix", "node")
        .args(["main.mjs"])
        .args(ALL.get().map(|()| "--all"))
        .env("GWOP_NODE", tools::newer_node()?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_WRANGLER", tools::npm_program("wrangler")?)
        .env("GWOP_TARBALL", tarball)
        .dir(matrix)
        .limit(40 * 60)
        .shown()
        .run()
}

/// Makes `project` a copy of `source`, with its tools and the packed package installed.
fn install(source: &Path, project: &Path, shared: &[PathBuf], tarball: &Path) -> Result {
    crate::copy(source, project)?;
    for file in shared {
        fs::copy(file, project.join(file.file_name().unwrap_or_default()))?;
    }
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    install_tools(&name, &source.join("package.json"), project, tarball)
}

/// Installs the tools that `manifest` pins and the packed package in `project`.
///
/// The tools remain after the run because they are large. Projects with the same manifest share
/// them.
///
/// # Errors
///
/// When npm cannot fetch a tool.
pub(crate) fn install_tools(name: &str, manifest: &Path, project: &Path, tarball: &Path) -> Result {
    let manifest = fs::read(manifest)?;
    let modules = project.join("node_modules");
    let stamp = modules.join(".gwop-manifest");
    if fs::read(&stamp).is_ok_and(|made_from| made_from == manifest) {
        return unpack(tarball, &modules.join("@gwop/sdk"));
    }
    let home = tools::place(&format!("matrix-{name}"), &manifest)?;
    if !home.is_dir() {
        say(&format!("Installing the tools of {name}"));
        files::make(&home, |staging| {
            fs::write(staging.join("package.json"), &manifest)?;
            tools::npm_installing(format!("npm install {name}"), "install")
                .args(["--no-package-lock"])
                .dir(staging)
                .run()
        })?;
    }
    let _ = fs::remove_dir_all(&modules);
    files::tree(&home.join("node_modules"), &modules)?;
    fs::write(stamp, manifest)?;
    unpack(tarball, &modules.join("@gwop/sdk"))
}

/// Installs the package like npm. For a package without dependencies, npm only unpacks it.
fn unpack(tarball: &Path, package: &Path) -> Result {
    let _ = fs::remove_dir_all(package);
    fs::create_dir_all(package)?;
    Step::new("unpack the package", "tar")
        .args(["xzf".as_ref(), tarball.as_os_str()])
        .args(["--strip-components=1", "-C"])
        .args([package])
        .run()
}
