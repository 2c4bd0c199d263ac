//! `cargo xtask docs`: builds the documentation site with the API reference, and writes the pages
//! that are generated from the sources.

use std::fs;

use crate::process::{Step, say};
use crate::{Result, build, patterns, release, tools, top};

/// The directory of the site, relative to the top level.
const SITE: &str = "dist/docs";

/// The directory of the API reference in the site.
const REFERENCE: &str = "dist/docs/reference";

/// The committed pages that are generated from the sources, relative to the top level.
const WRITTEN: [&str; 5] = [
    "llms.txt",
    "docs/cli.md",
    "docs/errors.md",
    "docs/performance.md",
    "docs/performance.svg",
];

/// Writes the documentation. With `--screenshot`, also writes the picture of the local Gwop's page.
///
/// # Errors
///
/// The same as [`docs`], and when the page cannot be drawn or an argument is not valid.
pub(crate) fn command(arguments: &[String]) -> Result {
    match arguments {
        [] => docs(),
        [screenshot] if screenshot == "--screenshot" => {
            docs()?;
            patterns::screenshot()
        }
        _ => Err("docs: only `--screenshot` is understood, see `cargo xtask help`".into()),
    }
}

/// Writes the generated pages, then builds the site (`VitePress`) and the references.
///
/// The generated pages are the commands in `docs/cli.md`, the codes in `docs/errors.md`, and
/// `llms.txt`. The references are those of the npm package (typedoc, no warnings) and of the crate
/// (rustdoc).
///
/// # Errors
///
/// When a page cannot be generated or is not valid.
fn docs() -> Result {
    build::package()?;
    for (name, script) in [
        ("the reference in docs/cli.md", "pkg-templates/cli-docs.mjs"),
        (
            "the codes in docs/errors.md",
            "pkg-templates/errors-docs.mjs",
        ),
        ("the figures in docs/performance.md", "bench/page.mjs"),
        ("llms.txt", "pkg-templates/llms.mjs"),
    ] {
        Step::new(name, "node").args([script]).args([top()]).run()?;
    }
    site()?;
    Step::new("typedoc", tools::npm_program("typedoc")?)
        .args(["--options", "pkg-templates/typedoc.json"])
        .args(["--tsconfig", "pkg-templates/tsconfig.json"])
        .args(["--out", REFERENCE])
        .run()?;
    Step::new("cargo doc", "cargo")
        .args(["doc", "--no-deps", "--package", "gwop"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    say(&format!(
        "{SITE}/index.html, {REFERENCE}/index.html, target/doc/gwop/index.html, llms.txt"
    ));
    Ok(())
}

/// Builds the site. Puts the pages into `build/site`, where `VitePress` converts them to HTML.
fn site() -> Result {
    let staged = top().join("build/site");
    Step::new("the pages of the site", "node")
        .args(["site/stage.mjs"])
        .args([&staged])
        .run()?;
    Step::new("VitePress", tools::npm_program("vitepress")?)
        .args(["build".as_ref(), staged.as_os_str(), "--outDir".as_ref()])
        .args([top().join(SITE)])
        .run()
}

/// Builds the documentation and checks it.
///
/// Fails for a generated page that differs from the committed one, a dead link, and a line that is
/// too long. Opens the site in Chromium. Checks the tarball of a release, but not its dependencies,
/// because their advisories change from day to day.
///
/// # Errors
///
/// The same as [`docs`] and [`release::checked_tarballs`], and when a page was out of date.
pub(crate) fn test() -> Result {
    let read = || WRITTEN.map(|page| fs::read_to_string(top().join(page)));
    let committed = read();
    docs()?;
    for ((page, before), after) in WRITTEN.iter().zip(committed).zip(read()) {
        if before? != after? {
            return Err(format!("{page} was out of date; it is written anew: commit it").into());
        }
    }
    Step::new("links and lines of the pages", "node")
        .args(["site/check.mjs"])
        .shown()
        .run()?;
    let chromium = tools::chromium()?;
    Step::new("the site in Chromium", "node")
        .args(["site/test.mjs"])
        .args([top().join(SITE)])
        .env("GWOP_CHROMIUM", chromium.program)
        .env("GWOP_CHROMEDRIVER", chromium.driver)
        .limit(10 * 60)
        .shown()
        .run()?;
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

    /// Returns SQL without its layout.
    fn squeezed(sql: &str) -> String {
        sql.split_whitespace()
            .collect::<String>()
            .replace([';', '\\'], "")
    }

    #[test]
    fn the_storage_schema_has_every_statement_that_makes_or_changes_a_table() -> crate::Result {
        let page = squeezed(&fs::read_to_string(top().join("docs/storage-schema.md"))?);
        let mut found = 0_usize;
        for file in [
            "src/worker/ledger/store.rs",
            "src/worker/sessions/object.rs",
            "pkg-templates/src/stores/sql.ts",
            "pkg-templates/src/agent/sql-journals.ts",
        ] {
            let text = fs::read_to_string(top().join(file))?;
            for statement in text.split('"').skip(1).step_by(2) {
                let is_schema = ["CREATE ", "ALTER TABLE "]
                    .iter()
                    .any(|start| statement.starts_with(start));
                if is_schema {
                    found += 1;
                    assert!(
                        page.contains(&squeezed(statement)),
                        "docs/storage-schema.md lacks this statement of {file}: {statement}"
                    );
                }
            }
        }
        assert!(found >= 18, "only {found} statements were found");
        Ok(())
    }
}
