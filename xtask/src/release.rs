//! `cargo xtask release`: creates, checks and lists the tarballs to publish.

use std::path::Path;

use crate::process::{Step, say};
use crate::{Result, runtimes, tools, top, worker};

/// Checks the dependencies of a release, packs both packages, checks them, and lists their SHA-512
/// hashes.
///
/// It does not publish. Whoever has the rights does that.
///
/// # Errors
///
/// When a crate or an npm package must not be used, when the advisories cannot be queried, or when
/// a tarball is not fit to be published.
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
        // The published packages have no dependencies. These are the tools that build them.
        Step::new("npm audit", "npm")
            .args(["audit", "--package-lock-only", "--audit-level=high"])
            .run()?;
    }
    rehearse()
}

/// Packs both packages like a release, checks them, and lists their hashes in
/// `build/pack/SHA512SUMS`.
///
/// # Errors
///
/// When a package cannot be built, or a tarball is not fit to be published.
pub(crate) fn rehearse() -> Result {
    checked_tarballs(Some(&worker::pack()?))
}

/// The checks of cargo-deny that need no network.
pub(crate) const OFFLINE: &[&str] = &["bans", "licenses", "sources"];

/// Checks the crates of the workspace with cargo-deny and `deny.toml`:
/// <https://embarkstudios.github.io/cargo-deny/>.
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

/// Packs `@gwop/sdk`, then checks and lists it with the tarball of `@gwop/worker`.
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
