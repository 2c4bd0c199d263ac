//! `cargo xtask bench`: speed, memory and sizes of the packed package.
//!
//! It compares the package with other packages and with Web Crypto alone, or with another build of
//! the package. `--differential` compares the results of two builds for the same random inputs.
//!
//! JavaScript does the measuring (`bench/`, docs/performance.md) and the comparing
//! (`tests/differential/`). This module provides the project and the runtimes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Step;
use crate::{Result, build, frameworks, runtimes, tools, top, worker, x402};

/// The parts of the benchmark, in the order of a whole run.
const PARTS: [&str; 11] = [
    "node",
    "deno",
    "bun",
    "workerd",
    "start",
    "memory",
    "simulator",
    "agent",
    "worker",
    "sizes",
    "adapters",
];
/// The parts that can be compared with another build.
const PARTS_AGAINST: [&str; 5] = ["node", "deno", "bun", "workerd", "start"];

/// Compares the results of two builds instead of their speed.
const DIFFERENTIAL: &str = "--differential";

/// The arguments of the benchmark.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// The parts to run. Empty for all parts.
    only: Vec<String>,
    check: bool,
    keep_baseline: bool,
    against: Option<PathBuf>,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            match (name, value) {
                ("--check", None) => plan.check = true,
                ("--keep-baseline", None) => plan.keep_baseline = true,
                ("--only", _) => {
                    let parts = value_of(name, value, &mut rest, "the names of parts")?;
                    plan.only.extend(parts.split(',').map(str::to_owned));
                }
                ("--against", _) => {
                    let directory = value_of(name, value, &mut rest, "a built package")?;
                    plan.against = Some(package_in(directory)?);
                }
                _ => return Err(not_understood(argument)),
            }
        }
        if plan.against.is_some() && (plan.check || plan.keep_baseline) {
            return Err(
                "bench: --against goes with --only alone, the baseline is of one build".into(),
            );
        }
        let known: &[&str] = if plan.against.is_some() {
            &PARTS_AGAINST
        } else {
            &PARTS
        };
        if let Some(unknown) = plan
            .only
            .iter()
            .find(|part| !known.contains(&part.as_str()))
        {
            let known = known.join(", ");
            return Err(format!("bench: no part `{unknown}`: --only takes {known}").into());
        }
        Ok(plan)
    }

    fn runs(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == part)
    }
}

/// Returns the value of an option: after `=`, or the next argument.
fn value_of<'a>(
    name: &str,
    value: Option<&'a str>,
    rest: &mut impl Iterator<Item = &'a String>,
    what: &str,
) -> Result<&'a str> {
    match value.or_else(|| rest.next().map(String::as_str)) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(format!("{name} needs {what}").into()),
    }
}

fn not_understood(argument: &str) -> crate::Error {
    format!("bench: `{argument}` is not understood, see `cargo xtask help`").into()
}

/// Returns a directory that contains a built package, such as the `dist/npm` of another worktree.
fn package_in(directory: &str) -> Result<PathBuf> {
    let path = Path::new(directory);
    let manifest = path.join("package.json");
    let text = fs::read_to_string(&manifest).map_err(|error| {
        format!(
            "{}: {error}; name a built package, such as another worktree's dist/npm",
            manifest.display()
        )
    })?;
    if !text.contains("\"@gwop/sdk\"") {
        return Err(format!("{} is not of @gwop/sdk", manifest.display()).into());
    }
    Ok(fs::canonicalize(path)?)
}

/// Runs the benchmark and shows its tables as they are produced.
///
/// # Errors
///
/// When something cannot be built or measured, when an argument is not valid, or with `--check`
/// when a value is worse than `bench/baseline.json` allows.
pub(crate) fn command(arguments: &[String]) -> Result {
    if arguments.iter().any(|argument| argument == DIFFERENTIAL) {
        return differential(arguments);
    }
    let mut plan = Plan::read(arguments)?;
    let mut adapters_checked = Ok(());
    if plan.against.is_none() && plan.runs("adapters") {
        adapters_checked = adapters(plan.check);
        if !plan.only.is_empty() {
            plan.only.retain(|part| part != "adapters");
            if plan.only.is_empty() {
                return adapters_checked;
            }
        }
    }
    let mut given = Vec::new();
    if !plan.only.is_empty() {
        given.push(format!("--only={}", plan.only.join(",")));
    }
    given.extend(plan.check.then(|| "--check".to_owned()));
    given.extend(plan.keep_baseline.then(|| "--keep-baseline".to_owned()));
    if plan.against.is_none() && plan.runs("worker") {
        worker::build()?;
    }
    let clients = if plan.against.is_none() && (plan.runs("simulator") || plan.runs("agent")) {
        // These include viem.
        x402::npm_clients()?
    } else {
        PathBuf::new()
    };
    let consumer = runtimes::consumer()?;
    crate::copy(&top().join("bench"), &consumer.join("bench"))?;
    let mut out = "dist/bench.json";
    if let Some(before) = &plan.against {
        given.push("--against".to_owned());
        out = "dist/bench-against.json";
        let installed = consumer.join("node_modules/@gwop");
        crate::copy(before, &installed.join("before"))?;
        crate::copy(before, &installed.join("again"))?;
        crate::copy(&build::package()?, &installed.join("now"))?;
    }
    fs::create_dir_all(top().join("dist"))?;
    let path = |name: &str| top().join(name).into_os_string();
    Step::new("bench", "node")
        .args(["bench/main.mjs"])
        .args(given)
        .dir(consumer)
        .env("GWOP_DENO", tools::npm_program("deno")?)
        .env("GWOP_BUN", tools::npm_program("bun")?)
        .env("GWOP_WORKERD", tools::npm_program("workerd")?)
        .env("GWOP_X402_CLIENTS", clients)
        .env("GWOP_BENCH_WORKER", path("dist/worker/entry.js"))
        .env(
            "GWOP_BENCH_REFERENCE",
            path("tests/worker/fixtures/1.0.0/entry.js"),
        )
        .env("GWOP_BENCH_OUT", path(out))
        .env("GWOP_BENCH_BASELINE", path("bench/baseline.json"))
        .limit(60 * 60)
        .shown()
        .run()?;
    // The results of the other parts are kept.
    adapters_checked
}

/// Measures the overhead of the adapters over the frameworks, in the project that contains the
/// frameworks.
///
/// With `check`, it fails if the overhead exceeds the limit.
fn adapters(check: bool) -> Result {
    let project = frameworks::servers()?;
    fs::copy(
        top().join("bench/adapters.mjs"),
        project.join("adapters.mjs"),
    )?;
    Step::new("bench, adapters", tools::newer_node()?)
        .args(["adapters.mjs"])
        .args(check.then_some("--check"))
        .dir(project)
        .limit(8 * 60)
        .shown()
        .run()
}

/// Gives two builds of the package the same random inputs, and shows their different results.
///
/// # Errors
///
/// When the package cannot be built, an argument is not valid, or a difference is not expected.
fn differential(arguments: &[String]) -> Result {
    let (mut before, mut seconds, mut seed) = (None, 600_u64, 1_u32);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        let whole = |text: &str| format!("{name} {text}: not a whole number");
        match name {
            "--against" => {
                before = Some(package_in(value_of(
                    name,
                    value,
                    &mut rest,
                    "a built package",
                )?)?);
            }
            "--seconds" => {
                let text = value_of(name, value, &mut rest, "a number of seconds")?;
                seconds = text.parse().map_err(|_| whole(text))?;
            }
            "--seed" => {
                let text = value_of(name, value, &mut rest, "a number")?;
                seed = text.parse().map_err(|_| whole(text))?;
            }
            DIFFERENTIAL => {}
            _ => return Err(not_understood(argument)),
        }
    }
    let before =
        before.ok_or("bench: --differential needs --against DIR, another built package")?;
    let now = build::package()?;
    Step::new("differential", "node")
        .args([
            "tests/differential/main.mjs".as_ref(),
            "--old".as_ref(),
            before.as_os_str(),
        ])
        .args(["--new".as_ref(), now.as_os_str()])
        .args([format!("--seconds={seconds}"), format!("--seed={seed}")])
        .limit(seconds.saturating_add(10 * 60))
        .shown()
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> std::result::Result<Plan, String> {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        Plan::read(&arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn parts_in_both_forms() {
        let only = vec!["node".to_owned(), "start".to_owned()];
        for arguments in [
            &["--only", "node,start"][..],
            &["--only=node", "--only", "start"],
        ] {
            let plan = Plan {
                only: only.clone(),
                ..Plan::default()
            };
            assert_eq!(read(arguments), Ok(plan));
        }
    }

    #[test]
    fn refuses_before_anything_is_built() {
        for (arguments, message) in [
            (&["--only"][..], "--only needs"),
            (&["--only", "nod"], "no part `nod`"),
            (&["--chekc"], "`--chekc` is not understood"),
            (&["--against"], "--against needs"),
            (
                &["--against", "no/such/place"],
                "no/such/place/package.json",
            ),
        ] {
            let error = read(arguments).err().unwrap_or_default();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
        for (arguments, message) in [
            (&["--differential"][..], "--differential needs --against"),
            (
                &["--differential", "--check"],
                "`--check` is not understood",
            ),
            (&["--differential", "--seed=x"], "not a whole number"),
        ] {
            let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
            let error = command(&arguments).err().map(|error| error.to_string());
            assert!(
                error.is_some_and(|error| error.contains(message)),
                "{message}"
            );
        }
    }

    #[test]
    fn another_build_goes_with_its_own_parts() -> Result {
        let package = top().join("target/test-package");
        fs::create_dir_all(&package)?;
        fs::write(package.join("package.json"), r#"{ "name": "@gwop/sdk" }"#)?;
        let against = format!("--against={}", package.display());
        assert!(read(&[&against, "--only", "start"]).is_ok());
        for (more, message) in [
            ("--check", "--only alone"),
            ("--only=sizes", "no part `sizes`"),
        ] {
            let error = read(&[&against, more]).err().unwrap_or_default();
            assert!(error.contains(message), "{more}: {error}");
        }
        Ok(())
    }
}
