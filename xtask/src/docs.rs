//! `cargo xtask docs` and `cargo xtask release`: the API reference, `llms.txt`, and the tarball to publish.

use std::fs;
use std::path::Path;

use crate::process::{Step, say};
use crate::{Result, build, runtimes, tools, top, worker};

/// Where the API reference lies, from the top level.
const REFERENCE: &str = "dist/docs";

/// Pages that are written from the sources, and committed: from the top level.
const WRITTEN: [&str; 2] = ["llms.txt", "docs/cli.md"];

/// Writes the reference of the npm package (typedoc, no warnings), that of the crate (rustdoc), that of the commands
/// in `docs/cli.md`, and `llms.txt`.
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
    Step::new("the reference in docs/cli.md", "node")
        .args(["pkg-templates/cli-docs.mjs"])
        .args([top()])
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

/// Looks for circular imports, makes the documentation, refuses a page that was not the one committed, and checks the tarball of a
/// release: not what it is made of, for that changes from day to day with what others find.
///
/// # Errors
///
/// As [`docs`] and [`checked_tarballs`], and when a page was out of date.
pub fn test() -> Result {
    tools::npm()?;
    Step::new("no circular imports", "node")
        .args(["tests/circles.mjs"])
        .run()?;
    let read = || WRITTEN.map(|page| fs::read_to_string(top().join(page)));
    let committed = read();
    docs()?;
    for ((page, before), after) in WRITTEN.iter().zip(committed).zip(read()) {
        if before? != after? {
            return Err(format!("{page} was out of date; it is written anew: commit it").into());
        }
    }
    checked_tarballs(None)
}

/// Judges what a release is made of, packs both packages, checks them and lists them with their SHA-512
/// hashes. Publishing itself is left to whoever holds the rights.
///
/// # Errors
///
/// When a crate or an npm package must not be used, when nobody can be asked about them, or when a tarball is not fit to be published.
pub fn release(arguments: &[String]) -> Result {
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
        &["bans", "licenses", "sources"]
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
pub fn rehearse() -> Result {
    checked_tarballs(Some(&worker::pack()?))
}

/// cargo-deny over the crates of the workspace, as `deny.toml` says: <https://embarkstudios.github.io/cargo-deny/>.
fn crates(checks: &[&str]) -> Result {
    Step::new("cargo deny", tools::CARGO_DENY.program()?)
        .args(["--all-features", "check"])
        .args(checks)
        .run()
}

/// Packs `@gwop/sdk`, and checks and lists it, with the tarball of `@gwop/worker`.
fn checked_tarballs(worker: Option<&Path>) -> Result {
    let tarball = runtimes::pack()?;
    Step::new("release checks", "node")
        .args(["pkg-templates/release.mjs".as_ref(), tarball.as_os_str()])
        .args([env!("CARGO_PKG_VERSION")])
        .args([top()])
        .args(worker)
        .shown()
        .run()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::top;

    #[test]
    fn security_md_names_tests_that_are_there() -> crate::Result {
        let mut named = 0_usize;
        let text = fs::read_to_string(top().join("SECURITY.md"))?;
        for line in text
            .lines()
            .filter(|line| line.starts_with("| ") && line.contains("`tests/"))
        {
            let file = line
                .split('`')
                .find(|part| part.starts_with("tests/"))
                .unwrap_or_default();
            let title = line.split(['“', '”']).nth(1).unwrap_or_default();
            let tests = fs::read_to_string(top().join(file))?;
            assert!(
                !title.is_empty() && tests.contains(title),
                "{file} has no test called: {title}"
            );
            named += 1;
        }
        assert!(named >= 10, "only {named} tests are named");
        Ok(())
    }
}
