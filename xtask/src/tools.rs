//! Every tool outside this workspace.
//!
//! The tools are pinned here, in `rust-toolchain.toml` and in `package-lock.json`, and fetched when
//! they are first needed.
//!
//! Rust programs and npm's tools are in one directory per user, which every clone uses:
//! `GWOP_TOOLS`, by default `gwop-tools` in the user's cache directory. Each clone's `node_modules`
//! links to it. Browsers come from the system.

use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Step, say};
use crate::{Result, files, top};

/// A Rust program from the crate registry.
pub(crate) struct CargoTool {
    krate: &'static str,
    version: &'static str,
    /// The programs that it installs. The first one must support `--version`.
    programs: &'static [&'static str],
}

/// Generates the JavaScript glue. Its version must equal the crate's version in `Cargo.lock`.
pub(crate) const WASM_BINDGEN: CargoTool = CargoTool {
    krate: "wasm-bindgen-cli",
    version: "0.2.129",
    programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
};
/// Runs wasm tests in browsers.
pub(crate) const WASM_PACK: CargoTool = CargoTool {
    krate: "wasm-pack",
    version: "0.15.1",
    programs: &["wasm-pack"],
};
/// Builds the Worker.
pub(crate) const WORKER_BUILD: CargoTool = CargoTool {
    krate: "worker-build",
    version: "0.8.7",
    programs: &["worker-build"],
};
/// Drives Firefox.
pub(crate) const GECKODRIVER: CargoTool = CargoTool {
    krate: "geckodriver",
    version: "0.37.1",
    programs: &["geckodriver"],
};
/// Runs the fuzz targets, on the nightly toolchain.
pub(crate) const CARGO_FUZZ: CargoTool = CargoTool {
    krate: "cargo-fuzz",
    version: "0.13.2",
    programs: &["cargo-fuzz"],
};

/// Checks the crates of `Cargo.lock` before a release: vulnerabilities, licenses, sources.
///
/// It is fetched only for a release.
pub(crate) const CARGO_DENY: CargoTool = CargoTool {
    krate: "cargo-deny",
    version: "0.20.2",
    programs: &["cargo-deny"],
};

const CARGO_TOOLS: [&CargoTool; 5] = [
    &WASM_BINDGEN,
    &WASM_PACK,
    &WORKER_BUILD,
    &GECKODRIVER,
    &CARGO_FUZZ,
];

/// The oldest version of Node that supports npm's tools here.
const NODE_MAJOR: u32 = 20;

/// Returns the directory of the tools.
///
/// # Errors
///
/// When the environment does not determine a directory.
pub(crate) fn directory() -> Result<PathBuf> {
    if let Some(own) = variable("GWOP_TOOLS") {
        return Ok(own.into());
    }
    let base =
        match variable("XDG_CACHE_HOME") {
            Some(cache) => PathBuf::from(cache),
            None => PathBuf::from(variable("HOME").ok_or(
                "no place for tools: set HOME, XDG_CACHE_HOME or GWOP_TOOLS to a directory",
            )?)
            .join(".cache"),
        };
    Ok(base.join("gwop-tools"))
}

/// Returns an environment variable. An empty one counts as absent.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the directory of `name` for these `inputs` and this machine.
///
/// # Errors
///
/// The same as [`directory`].
pub(crate) fn place(name: &str, inputs: impl Hash) -> Result<PathBuf> {
    let mut hash = std::hash::DefaultHasher::new();
    (inputs, std::env::consts::OS, std::env::consts::ARCH).hash(&mut hash);
    Ok(directory()?.join(format!("{name}-{:016x}", hash.finish())))
}

impl CargoTool {
    /// Returns the tool's main program. Fetches it if it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be built from the crate registry.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let name = self.programs.first().copied().unwrap_or(self.krate);
        Ok(self.directory()?.join(name))
    }

    /// Returns the directory of the tool's programs. Fetches them if they are missing.
    ///
    /// # Errors
    ///
    /// When it cannot be built from the crate registry.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        let home = directory()?.join(format!("{}-{}", self.krate, self.version));
        let bin = home.join("bin");
        if self.complete(&bin) {
            return Ok(bin);
        }
        if let Some(found) = self.on_path() {
            return Ok(found);
        }
        self.install(&home)?;
        if self.complete(&bin) {
            return Ok(bin);
        }
        Err(format!("{}: installed, but not in {}", self.krate, bin.display()).into())
    }

    fn complete(&self, bin: &Path) -> bool {
        self.programs.iter().all(|name| bin.join(name).is_file())
    }

    fn on_path(&self) -> Option<PathBuf> {
        let program = find(self.programs.first()?)?;
        let output = Command::new(&program).arg("--version").output().ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let exact = said.split_whitespace().any(|word| word == self.version);
        let bin = program.parent()?.to_path_buf();
        (exact && self.complete(&bin)).then_some(bin)
    }

    fn install(&self, home: &Path) -> Result {
        let Self { krate, version, .. } = self;
        let pinned = format!("{krate}@{version}");
        say(&format!("Installing {pinned} into {}", home.display()));
        let tools = directory()?;
        let _ = fs::remove_dir_all(home);
        files::make(home, |staging| {
            Step::new(format!("cargo install {pinned}"), "cargo")
                .args(["install", "--locked", &pinned, "--root"])
                .args([staging])
                // The tools share many dependencies, which are built only once.
                .env("CARGO_TARGET_DIR", tools.join("target"))
                .env("RUSTFLAGS", "")
                // The tools are built once and run for seconds, so a fast build matters more.
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                .run()
        })
    }
}

/// Returns the wasm-bindgen program, after a check that its version matches the crate.
///
/// # Errors
///
/// When `Cargo.lock` has another version of the crate than the one pinned here, or the program
/// cannot be fetched.
pub(crate) fn wasm_bindgen() -> Result<PathBuf> {
    let lock = fs::read_to_string(top().join("Cargo.lock"))?;
    let krate = locked_version(&lock, "wasm-bindgen")
        .ok_or("Cargo.lock holds no wasm-bindgen: is the workspace complete?")?;
    let pinned = WASM_BINDGEN.version;
    if krate != pinned {
        return Err(format!(
            "wasm-bindgen: the crate in Cargo.lock is {krate}, the CLI pinned in xtask/src/tools.rs is \
             {pinned}; they must be one version: change Cargo.toml and tools.rs together"
        )
        .into());
    }
    WASM_BINDGEN.program()
}

/// Returns the version of a package in the text of a `Cargo.lock`.
fn locked_version<'l>(lock: &'l str, krate: &str) -> Option<&'l str> {
    let name = format!("name = \"{krate}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?;
    version.strip_prefix("version = \"")?.strip_suffix('"')
}

/// Adds the components that `rust-toolchain.toml` and the wasm build need to the toolchain.
///
/// # Errors
///
/// When something is missing and rustup cannot add it.
pub(crate) fn rust() -> Result {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(top())
        .output()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !sysroot.join("lib/rustlib/wasm32-unknown-unknown").is_dir() {
        Step::new("rustup target add wasm32-unknown-unknown", "rustup")
            .args(["target", "add", "wasm32-unknown-unknown"])
            .run()?;
    }
    for (component, file) in [
        ("rustfmt", "bin/cargo-fmt"),
        ("clippy", "bin/cargo-clippy"),
        // The npm wasm compiles its own standard library.
        ("rust-src", "lib/rustlib/src/rust/library/Cargo.lock"),
    ] {
        if !sysroot.join(file).is_file() {
            Step::new(format!("rustup component add {component}"), "rustup")
                .args(["component", "add", component])
                .run()?;
        }
    }
    Ok(())
}

/// Installs the nightly toolchain, which fuzzing needs.
///
/// # Errors
///
/// When it is missing and rustup cannot fetch it.
pub(crate) fn nightly() -> Result {
    let present = Command::new("rustup")
        .args(["run", "nightly", "cargo", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if present {
        return Ok(());
    }
    Step::new("rustup toolchain install nightly", "rustup")
        .args(["toolchain", "install", "nightly", "--profile", "minimal"])
        .run()
}

/// Fills `node_modules` with exactly the packages in `package-lock.json`.
///
/// # Errors
///
/// When Node is missing or too old, or npm fails.
pub(crate) fn npm() -> Result {
    let output = Command::new("node").arg("--version").output();
    let said = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_string(),
    );
    let major = said
        .strip_prefix('v')
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR) {
        return Err(format!(
            "Node {NODE_MAJOR} or later with npm is needed, found {}: install it from your system's packages",
            if said.is_empty() { "none" } else { &said }
        )
        .into());
    }
    let lock = fs::read(top().join("package-lock.json"))?;
    // The stamp is a copy of the lock from which node_modules was installed.
    let modules = top().join("node_modules");
    let stamp = modules.join(".gwop-lock");
    if fs::read(&stamp).is_ok_and(|made_from| made_from == lock) {
        return Ok(());
    }
    let installed = npm_installed(&lock)?;
    let _ = fs::remove_dir_all(&modules);
    files::tree(&installed, &modules)?;
    Ok(fs::write(stamp, lock)?)
}

/// Returns the `node_modules` that npm installs from this lock.
fn npm_installed(lock: &[u8]) -> Result<PathBuf> {
    let home = place("npm", lock)?;
    let modules = home.join("node_modules");
    if modules.is_dir() {
        return Ok(modules);
    }
    say("Installing the JavaScript tools");
    files::make(&home, |staging| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(top().join(file), staging.join(file))?;
        }
        npm_installing("npm ci", "ci").dir(staging).run()
    })?;
    Ok(modules)
}

/// Returns a step in which npm installs packages. `command` is `ci` or `install`.
///
/// No script of a package runs. Otherwise a package that was taken over would run with the rights
/// of the developer. Audits are a part of `cargo xtask release`.
pub(crate) fn npm_installing(name: impl Into<String>, command: &str) -> Step {
    Step::new(name, "npm").args([command, "--ignore-scripts", "--no-audit", "--no-fund"])
}

/// Returns a program of npm's tools, such as `esbuild`, to run directly.
///
/// # Errors
///
/// When it is missing after `npm ci`.
pub(crate) fn npm_program(name: &str) -> Result<PathBuf> {
    npm()?;
    let modules = top().join("node_modules");
    // These two packages contain a native program per platform. Their start scripts would need an
    // install script to link it, so the program runs directly.
    let native = match name {
        "bun" => Some(("@oven", "bin/bun")),
        "deno" => Some(("@deno", "deno")),
        _ => None,
    };
    if let Some((scope, inside)) = native {
        for entry in fs::read_dir(modules.join(scope))? {
            let program = entry?.path().join(inside);
            let runs = Command::new(&program).arg("--version").output();
            if runs.is_ok_and(|output| output.status.success()) {
                return Ok(program);
            }
        }
        return Err(format!("{name}: npm has no build of it for this system").into());
    }
    let program = modules.join(".bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{name}: not in node_modules; is it in package.json?").into())
}

/// A browser and the program that drives it.
pub(crate) struct Browser {
    /// The browser itself.
    pub program: PathBuf,
    /// Its WebDriver.
    pub driver: PathBuf,
}

/// Returns Chromium with ChromeDriver. Installs them with apt-get if they are missing.
///
/// `GWOP_CHROMIUM` and `GWOP_CHROMEDRIVER` name others.
///
/// # Errors
///
/// When they are not available. The message says what to install.
pub(crate) fn chromium() -> Result<Browser> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    Ok(Browser {
        program: system("GWOP_CHROMIUM", &names, "chromium")?,
        driver: system("GWOP_CHROMEDRIVER", &["chromedriver"], "chromium-driver")?,
    })
}

/// Returns Firefox with geckodriver. `GWOP_FIREFOX` names another Firefox.
///
/// # Errors
///
/// When they are not available. The message says what to install.
pub(crate) fn firefox() -> Result<Browser> {
    Ok(Browser {
        program: system("GWOP_FIREFOX", &["firefox", "firefox-esr"], "firefox-esr")?,
        driver: GECKODRIVER.program()?,
    })
}

fn system(own: &str, names: &[&str], package: &str) -> Result<PathBuf> {
    if let Some(path) = variable(own) {
        return Ok(path.into());
    }
    let look = || names.iter().find_map(find);
    if let Some(found) = look() {
        return Ok(found);
    }
    let wanted = names.join("` or `");
    if find("apt-get").is_none() {
        return Err(format!(
            "`{wanted}` is not on PATH: install it (Debian's package {package}), or name it in {own}"
        )
        .into());
    }
    say(&format!("Installing {package} by apt-get"));
    apt(&["update", "-qq"])?;
    apt(&["install", "-y", "-qq", "--no-install-recommends", package])?;
    look().ok_or_else(|| {
        format!("`{wanted}` is not on PATH after installing {package}: name it in {own}").into()
    })
}

fn apt(arguments: &[&str]) -> Result {
    let root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    let (program, prefix): (&str, &[&str]) = if root {
        ("apt-get", &[])
    } else {
        ("sudo", &["-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get"])
    };
    Step::new(format!("apt-get {}", arguments.join(" ")), program)
        .args(prefix)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Finds a program on PATH.
fn find(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name.as_ref()))
        .find(|program| program.is_file())
}

/// Returns the directory of Postgres's programs. Installs them with apt-get if they are missing.
///
/// `GWOP_POSTGRES` names another directory.
///
/// # Errors
///
/// When they are not available. The message says what to install.
pub(crate) fn postgres() -> Result<PathBuf> {
    // Debian installs them in a directory per version that is not on PATH.
    let debian = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut found: Vec<_> = versions
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
            .collect();
        found.sort();
        found.pop()
    };
    if let Some(bin) = debian() {
        return Ok(bin);
    }
    match system("GWOP_POSTGRES", &["postgres"], "postgresql") {
        Ok(program) => Ok(program.parent().unwrap_or(&program).to_path_buf()),
        Err(error) => debian().ok_or(error),
    }
}

/// Returns a Node with `node:sqlite`, from npm.
///
/// # Errors
///
/// When npm has none for this system.
pub(crate) fn newer_node() -> Result<PathBuf> {
    npm()?;
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("node-{}-{architecture}", std::env::consts::OS);
    let program = top().join("node_modules").join(&package).join("bin/node");
    if program.is_file() {
        return Ok(program);
    }
    Err(
        format!("{package}: not in node_modules; package.json names the systems that have it")
            .into(),
    )
}

/// The version of `better-sqlite3`: the last one that supports Node 20.
const BETTER_SQLITE3: &str = "12.9.0";

/// Returns the package `better-sqlite3`, compiled for this Node.
///
/// # Errors
///
/// When npm cannot fetch or compile it.
pub(crate) fn better_sqlite3() -> Result<PathBuf> {
    let home = directory()?.join(format!("better-sqlite3-{BETTER_SQLITE3}"));
    let module = home.join("node_modules/better-sqlite3");
    if module.join("build/Release/better_sqlite3.node").is_file() {
        return Ok(module);
    }
    let pinned = format!("better-sqlite3@{BETTER_SQLITE3}");
    say(&format!("Compiling {pinned} into {}", home.display()));
    let _ = fs::remove_dir_all(&home);
    files::make(&home, |staging| {
        npm_installing(format!("npm install {pinned}"), "install")
            .args([&pinned, "--prefix"])
            .args([staging])
            .run()?;
        // This is the only package whose script has to run, because it compiles the package. Its
        // dependencies have no scripts.
        Step::new(format!("npm rebuild {pinned}"), "npm")
            .args(["rebuild", "better-sqlite3", "--prefix"])
            .args([staging])
            // Its script would first look for a prebuilt program, which is not available here.
            .env("npm_config_build_from_source", "true")
            .limit(15 * 60)
            .run()
    })?;
    Ok(module)
}

/// Fetches all tools now.
///
/// # Errors
///
/// At the first tool that is not available.
pub(crate) fn all() -> Result {
    rust()?;
    npm()?;
    wasm_bindgen()?;
    for tool in CARGO_TOOLS {
        println!("{}", tool.program()?.display());
    }
    nightly()?;
    for name in ["deno", "bun"] {
        println!("{}", npm_program(name)?.display());
    }
    for browser in [chromium()?, firefox()?] {
        println!("{}", browser.program.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn no_install_runs_a_script() -> crate::Result {
        // Installs by xtask: only in one function.
        for entry in fs::read_dir(crate::top().join("xtask/src"))? {
            let path = entry?.path();
            let code: String = fs::read_to_string(&path)?.split_whitespace().collect();
            for command in ["install", "ci", "add"] {
                let by_itself = ["\"npm\").args([\"", command, "\""].concat();
                assert!(
                    !code.contains(&by_itself),
                    "{}: use npm_installing",
                    path.display()
                );
            }
        }
        // Installs by people, as the documents describe them.
        let mut told = 0_usize;
        for page in [
            "README.md",
            "CONTRIBUTING.md",
            "docs/worker.md",
            "examples/store/README.md",
        ] {
            for line in fs::read_to_string(crate::top().join(page))?.lines() {
                // Merchants install the packages in their own projects: `@gwop/sdk`, or what `init`
                // has written.
                let line = line
                    .replace("npm install @gwop/sdk", "")
                    .replace("npx @gwop/worker init && npm install", "");
                if line == "npm install" {
                    continue;
                }
                if line.contains("npm ci") || line.contains("npm install") {
                    assert!(line.contains("--ignore-scripts"), "{page}: {line}");
                    told += 1;
                }
            }
        }
        assert!(told >= 3, "only {told} lines tell how to install");
        Ok(())
    }

    #[test]
    fn the_locked_version_is_that_of_the_very_crate() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.9\"\n";
        assert_eq!(super::locked_version(lock, "wasm-bindgen"), Some("0.2.9"));
        assert_eq!(super::locked_version(lock, "wasm"), None);
    }
}
