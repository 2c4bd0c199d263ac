//! `cargo xtask fuzz`: runs the cargo-fuzz targets on the nightly toolchain.

use std::fs;

use crate::process::{Step, say};
use crate::{Error, Result, tools, top};

/// How long each target runs by default, in seconds.
const DEFAULT_SECONDS: u64 = 60;
/// The largest fuzzing input, in bytes. No input of the SDK is larger.
const MAX_LENGTH: u32 = 16 * 1024;

/// Runs the named targets, or all, for a limited time each on its committed corpus.
///
/// # Errors
///
/// When a target crashes. The input that caused it is in `fuzz/artifacts`.
pub(crate) fn command(arguments: &[String]) -> Result {
    let mut seconds = DEFAULT_SECONDS;
    let mut named = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some(value) = argument.strip_prefix("--seconds") {
            let value = match value.strip_prefix('=') {
                Some(value) => value,
                None => rest.next().ok_or("--seconds needs a number")?,
            };
            seconds = value
                .parse()
                .map_err(|_| format!("--seconds {value}: not a whole number of seconds"))?;
        } else {
            named.push(argument.clone());
        }
    }
    let targets = targets()?;
    if let Some(unknown) = named.iter().find(|name| !targets.contains(name)) {
        return Err(unknown_target(unknown, &targets));
    }
    let chosen = if named.is_empty() { targets } else { named };
    run(&chosen, seconds, &[])?;
    println!("\n{} passed, 0 failed", chosen.len());
    Ok(())
}

fn unknown_target(name: &str, targets: &[String]) -> Error {
    format!("no fuzz target `{name}`: there are {}", targets.join(", ")).into()
}

/// Returns the names of all targets.
fn targets() -> Result<Vec<String>> {
    let directory = top().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

fn run(targets: &[String], seconds: u64, options: &[&str]) -> Result {
    tools::nightly()?;
    let bin = tools::CARGO_FUZZ.directory()?;
    // cargo finds `cargo fuzz` on PATH.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
    for target in targets {
        say(&format!("Fuzzing {target} for {seconds} s"));
        let limits = [
            format!("-max_total_time={seconds}"),
            format!("-max_len={MAX_LENGTH}"),
            "-timeout=10".to_string(),
            "-print_final_stats=1".to_string(),
        ];
        Step::new(format!("fuzz {target}"), "rustup")
            .args(["run", "nightly", "cargo", "fuzz", "run", target])
            .args([format!("fuzz/corpus/{target}")])
            .args(["--"])
            .args(limits)
            .args(options)
            .env("PATH", &path)
            // The limit includes the time of the build.
            .limit(seconds.saturating_add(20 * 60))
            .run()?;
    }
    Ok(())
}
