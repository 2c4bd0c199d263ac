//! Every framework that merchants use.
//!
//! The same list of requests is sent to each framework and to each folder of `examples/`. The
//! checks are JavaScript: `tests/frameworks/`. Each project here, including those of
//! `tests/matrix`, has one install.

use std::fs;
use std::path::PathBuf;

use crate::process::Step;
use crate::{Result, matrix, runtimes, tools, top};

/// The directory of the projects, relative to the top level.
const PROJECTS: &str = "build/frameworks";

/// The examples that share the install of `tests/frameworks/servers`.
const SHARED: [&str; 9] = [
    "azure-functions",
    "elysia",
    "express",
    "fastify",
    "google-functions",
    "hono",
    "koa",
    "lambda",
    "nestjs",
];

/// A project that its framework builds.
struct Built {
    project: &'static str,
    example: &'static str,
    /// The directory below `tests/` whose `package.json` pins its tools.
    pinned: &'static str,
}

const BUILT: [Built; 7] = [
    built("astro", "astro", "matrix/astro"),
    built("next", "next", "matrix/next16"),
    built(
        "next-cloudflare",
        "next-cloudflare",
        "frameworks/next-cloudflare",
    ),
    built("nitro", "nitro", "matrix/nitro3"),
    // The same handlers for Nitro 2, and therefore Nuxt. `examples.mjs` changes what differs.
    built("nitro2", "nitro", "matrix/nitro2"),
    built("react-router", "react-router", "matrix/react-router"),
    built("sveltekit", "sveltekit", "matrix/sveltekit"),
];

const fn built(project: &'static str, example: &'static str, pinned: &'static str) -> Built {
    Built {
        project,
        example,
        pinned,
    }
}

/// Runs every situation in every framework, the examples, and the documentation's samples.
///
/// # Errors
///
/// When a check fails (each prints a line), or when npm cannot fetch a framework.
pub(crate) fn frameworks() -> Result {
    let servers = servers()?;
    let tarball = runtimes::pack()?;
    for Built {
        project,
        example,
        pinned,
    } in BUILT
    {
        let project = top().join(PROJECTS).join(project);
        crate::copy(&top().join("examples").join(example), &project)?;
        let pinned = top().join("tests").join(pinned);
        let name = pinned.file_name().unwrap_or_default().to_string_lossy();
        matrix::install_tools(&name, &pinned.join("package.json"), &project, &tarball)?;
    }
    let run = |script: &'static str| {
        Ok::<_, crate::Error>(
            Step::new(script, tools::newer_node()?)
                .args([script])
                .dir(&servers)
                .env("GWOP_NODE", tools::newer_node()?)
                .env("GWOP_BUN", tools::npm_program("bun")?)
                .limit(15 * 60)
                .shown(),
        )
    };
    run("main.mjs")?.run()?;
    run("documented.mjs")?.run()?;
    run("examples.mjs")?.run()
}

/// Creates the project with all frameworks that need no build, with the tests and the packed
/// package.
///
/// # Errors
///
/// When npm cannot fetch a framework.
pub(crate) fn servers() -> Result<PathBuf> {
    let tarball = runtimes::pack()?;
    let tests = top().join("tests");
    let project = top().join(PROJECTS).join("servers");
    let source = tests.join("frameworks/servers");
    crate::copy(&source, &project)?;
    for shared in ["suite", "runners"] {
        crate::copy(&tests.join(shared), &project.join(shared))?;
    }
    fs::copy(
        tests.join("frameworks/situations.js"),
        project.join("situations.js"),
    )?;
    for example in SHARED {
        let from = top().join("examples").join(example);
        crate::copy(&from, &project.join("examples").join(example))?;
    }
    matrix::install_tools("servers", &source.join("package.json"), &project, &tarball)?;
    Ok(project)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{BUILT, SHARED};
    use crate::top;

    fn count(directory: &Path) -> crate::Result<usize> {
        let mut files = 0_usize;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let inside = if entry.file_type()?.is_dir() {
                count(&entry.path())?
            } else {
                1
            };
            files = files.saturating_add(inside);
        }
        Ok(files)
    }

    #[test]
    fn every_example_is_run_and_small() -> crate::Result {
        // These are a whole store and a crate.
        let others = ["store", "worker-router"];
        let run =
            |name: &str| SHARED.contains(&name) || BUILT.iter().any(|built| built.example == name);
        for entry in fs::read_dir(top().join("examples"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type()?.is_dir() || others.contains(&name.as_str()) {
                continue;
            }
            assert!(run(&name), "examples/{name} is not run");
            let files = count(&entry.path())?;
            assert!(files <= 10, "examples/{name} has {files} files");
            let page = fs::read_to_string(entry.path().join("README.md"))?;
            assert!(
                page.contains("npm install --ignore-scripts"),
                "examples/{name}"
            );
            // Node does not accept it there.
            let manifest = fs::read_to_string(entry.path().join("package.json"))?;
            assert!(
                !manifest.contains("NODE_OPTIONS=--env-file"),
                "examples/{name}"
            );
        }
        Ok(())
    }
}
