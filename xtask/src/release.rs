//! `cargo xtask release`: the tarballs to publish, judged, checked and listed.

use std::path::Path;

use crate::process::{Step, say};
use crate::{Result, runtimes, tools, top, worker};

/// Judges what a release is made of, packs both packages, checks them and lists them with their SHA-512
/// hashes. Publishing itself is left to whoever holds the rights.
///
/// # Errors
///
/// When a crate or an npm package must not be used, when nobody can be asked about them, or when a tarball is not fit to be published.
pub(crate) fn command(arguments: &[String]) -> Result {
    let is_offline = match arguments {
        [dry_run] if dry_run == "--dry-run" => false,
        [dry_run, offline] if dry_run == "--dry-run" && offline == "--offline" => true,
        _ => {
            return Err(
                "usage: cargo xtask release --dry-run [--offline] (publish the tarballs that it makes with `npm publish`)".into(),
            );
        }
    };
    crates(if is_offline {
        OFFLINE
    } else {
        &["advisories", "bans", "licenses", "sources"]
    })?;
    if is_offline {
        say(
            "Not asked, for want of a network: known vulnerabilities. Run it without --offline before you publish.",
        );
    } else {
        // What is published depends on nothing: these are the tools that make it.
        Step::new("npm audit", "npm")
            .args(["audit", "--package-lock-only", "--audit-level=high"])
            .run()?;
    }
    rehearse()
}

/// Packs both packages as a release publishes them, checks them, and lists them with their hashes in
/// `build/pack/SHA512SUMS`.
///
/// # Errors
///
/// When a package cannot be built, or a tarball is not fit to be published.
pub(crate) fn rehearse() -> Result {
    checked_tarballs(Some(&worker::pack()?))
}

/// What cargo-deny can check without asking anybody.
pub(crate) const OFFLINE: &[&str] = &["bans", "licenses", "sources"];

/// cargo-deny over the crates of the workspace, as `deny.toml` says: <https://embarkstudios.github.io/cargo-deny/>.
///
/// # Errors
///
/// When a crate must not be used.
pub(crate) fn crates(checks: &[&str]) -> Result {
    Step::new("cargo deny", tools::CARGO_DENY.program()?)
        .args(["--all-features", "check"])
        .args(checks)
        .run()
}

/// Packs `@gwop/sdk`, and checks and lists it, with the tarball of `@gwop/worker`.
///
/// # Errors
///
/// When the package cannot be built, or a tarball is not fit to be published.
pub(crate) fn checked_tarballs(worker: Option<&Path>) -> Result {
    let tarball = runtimes::pack()?;
    Step::new("release checks", "node")
        .args(["pkg-templates/release.mjs".as_ref(), tarball.as_os_str()])
        .args([env!("CARGO_PKG_VERSION")])
        .args([top()])
        .args(worker)
        .shown()
        .run()
}
