//! `cargo xtask docs`: the API reference and `llms.txt`.

use std::fs;

use crate::process::{Step, say};
use crate::{Result, build, release, tools, top};

/// Where the API reference lies, from the top level.
const REFERENCE: &str = "dist/docs";

/// Pages that are written from the sources, and committed: from the top level.
const WRITTEN: [&str; 3] = ["llms.txt", "docs/cli.md", "docs/errors.md"];

/// Writes the reference of the npm package (typedoc, no warnings), that of the crate (rustdoc), that of the commands
/// in `docs/cli.md`, that of the codes in `docs/errors.md`, and `llms.txt`.
///
/// # Errors
///
/// When a page cannot be made, or is not as it should be.
pub(crate) fn docs() -> Result {
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
    Step::new("the codes in docs/errors.md", "node")
        .args(["pkg-templates/errors-docs.mjs"])
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

/// Makes the documentation, refuses a page that was not the one committed, and checks the tarball of a
/// release: not what it is made of, for that changes from day to day with what others find.
///
/// # Errors
///
/// As [`docs`] and [`release::checked_tarballs`], and when a page was out of date.
pub(crate) fn test() -> Result {
    let read = || WRITTEN.map(|page| fs::read_to_string(top().join(page)));
    let committed = read();
    docs()?;
    for ((page, before), after) in WRITTEN.iter().zip(committed).zip(read()) {
        if before? != after? {
            return Err(format!("{page} was out of date; it is written anew: commit it").into());
        }
    }
    release::checked_tarballs(None)
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
