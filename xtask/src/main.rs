//! The repository's commands, as `cargo xtask COMMAND`.
//!
//! - [`tools`]: every tool outside this workspace, pinned, and how it is fetched.
//! - [`build`]: the npm package, built in `dist/npm`.
//! - [`mod@test`]: the table of test parts. [`package`] and [`runtimes`] are its larger ones.
//! - [`mod@matrix`]: the tools with which merchants build, bundle and test.
//! - [`patterns`]: stores, adapters and the sample store, with real databases and frameworks.
//! - [`demo`]: the story for newcomers.
//! - [`mod@bench`]: speed, memory and sizes compared with other packages or another build, and the
//!   different results of that build.
//! - [`docs`]: the API reference and `llms.txt`.
//! - [`release`]: the tarballs to publish.
//! - [`fuzz`]: the cargo-fuzz targets.
//! - [`worker`]: the Worker, built in `dist/worker`, and its tests.
//! - [`x402`]: the real clients and facilitators of x402 with the local Gwop.
//! - [`circles`]: the check for circular imports.
//! - [`files`]: links and atomic creation of directories.
//! - [`process`]: running other programs with progress, logs and time limits.

mod bench;
mod build;
mod circles;
mod common;
mod demo;
mod docs;
mod files;
mod frameworks;
mod fuzz;
mod matrix;
mod package;
mod patterns;
mod process;
mod quickstarts;
mod release;
mod runtimes;
mod sizes;
mod test;
mod tools;
mod worker;
mod x402;

use std::process::ExitCode;

pub use common::{Error, Result, copy, top};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  build                  build the npm package into dist/npm, the Worker into dist/worker and its npm
                         package into dist/npm-worker, and print their sizes
  test [--only PART]...  run every test part, or the named ones (comma-separated or repeated)
  test --all             every part at full length: the Worker under 1,000 and 5,000 invoices and
                         20 kills, and what of the matrix takes too long for every run
  test --list            name the test parts
  test --tools           fetch every tool that the parts need, now
  demo [--serve | --store]
                         play the whole story against the local Gwop; --serve keeps that running,
                         --store plays an agent's story at the sample store
  dev                    run the Worker on workerd with a local Gwop and a fulfillment that
                         prints; build anew and reload when a source changes
  bench [--check] [--only PART,...] [--keep-baseline]
                         measure speed, memory and sizes into dist/bench.json;
                         --check compares with bench/baseline.json
  bench --against DIR [--only PART,...]
                         measure next to another built package, in the same processes
  bench --differential --against DIR [--seconds N] [--seed N]
                         give another built package and this one the same random inputs, for
                         N seconds (600 by default), and show what they say differently
  docs [--screenshot]    build the documentation's site with the API reference into dist/docs, and
                         write the generated parts of docs/ and llms.txt; --screenshot also draws
                         the local Gwop's page into docs/simulator-page.png
  release --dry-run [--offline]
                         judge the crates and the npm tools (cargo deny, npm audit), pack what would be
                         published, check it, and list it with SHA-512 hashes; --offline asks nobody
                         about known vulnerabilities
  fuzz [--seconds N] [TARGET]...
                         fuzz each target for N seconds (60 by default)

Tools are fetched once into GWOP_TOOLS, by default the user's cache directory
(~/.cache/gwop-tools), and reused by every clone.";

fn command(arguments: &[String]) -> Result {
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("build") if rest.is_empty() => build::build()
            .and_then(|_| worker::build())
            .and_then(|()| worker::package().map(drop)),
        Some("test") => test::command(rest),
        Some("demo") => demo::command(rest),
        Some("docs") => docs::command(rest),
        Some("release") => release::command(rest),
        Some("dev") if rest.is_empty() => worker::dev(),
        Some("bench") => bench::command(rest),
        Some("fuzz") => fuzz::command(rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
