//! `cargo xtask docs` and `cargo xtask release`: the API reference, `llms.txt`, and the tarball to publish.

use std::fs;

use crate::process::{Step, say};
use crate::{Result, build, runtimes, tools, top};

/// Where the API reference lies, from the top level.
const REFERENCE: &str = "dist/docs";

/// Writes the reference of the npm package (typedoc, no warnings), that of the crate (rustdoc), and `llms.txt`.
///
/// # Errors
///
/// When a page cannot be made, or is not as it should be.
pub fn docs() -> Result {
    build::package()?;
    Step::new("typedoc", tools::npm_program("typedoc")?)
        .args(["--options", "pkg-templates/typedoc.json"])
        .args(["--tsconfig", "pkg-templates/tsconfig.json"])
        .args(["--out", REFERENCE])
        .run()?;
    Step::new("cargo doc", "cargo")
        .args(["doc", "--no-deps", "--package", "gwop"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Step::new("llms.txt", "node")
        .args(["pkg-templates/llms.mjs"])
        .args([top()])
        .run()?;
    say(&format!(
        "{REFERENCE}/index.html, target/doc/gwop/index.html, llms.txt"
    ));
    Ok(())
}

/// Makes the documentation, refuses an `llms.txt` that was not the one committed, and rehearses a release.
///
/// # Errors
///
/// As [`docs`] and [`release`], and when `llms.txt` was out of date.
pub fn test() -> Result {
    let path = top().join("llms.txt");
    let committed = fs::read_to_string(&path)?;
    docs()?;
    if fs::read_to_string(&path)? != committed {
        return Err("llms.txt was out of date; it is written anew: commit it".into());
    }
    release(&["--dry-run".to_owned()])
}

/// Packs what would be published, and checks and lists it. Publishing itself is left to whoever holds the rights.
///
/// # Errors
///
/// When the tarball is not fit to be published; each problem has its line.
pub fn release(arguments: &[String]) -> Result {
    if arguments != ["--dry-run"] {
        return Err(
            "usage: cargo xtask release --dry-run (publish the tarball that it makes with `npm publish`)".into(),
        );
    }
    let tarball = runtimes::pack()?;
    Step::new("release checks", "node")
        .args(["pkg-templates/release.mjs".as_ref(), tarball.as_os_str()])
        .args([env!("CARGO_PKG_VERSION")])
        .args([top()])
        .shown()
        .run()
}
