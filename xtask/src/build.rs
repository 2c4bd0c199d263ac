//! `cargo xtask build`: builds the npm package in `dist/npm`, ready to publish.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Step, say};
use crate::sizes::{self, Size};
use crate::{Result, tools, top};

/// The directory of the npm package, relative to the top level.
pub(crate) const PACKAGE: &str = "dist/npm";

/// The README of the npm package, relative to the top level.
const README: &str = "pkg-templates/README.md";

/// The WebAssembly features that rustc's wasm32 target uses beyond the first version.
///
/// wasm-opt needs this list, because the list in its input is stripped from the output.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// One wasm module of the package.
struct Module {
    /// The cargo package of the module.
    krate: &'static str,
    /// The features that export the module's functions to JavaScript.
    features: &'static str,
    /// The name of the module in the npm package: `NAME.wasm` and `NAME_bg.js`.
    name: &'static str,
    /// The profile in Cargo.toml.
    profile: &'static str,
    /// Additional flags for rustc.
    flags: &'static str,
    /// The optimization passes of wasm-opt.
    optimize: &'static [&'static str],
}

const SDK: Module = Module {
    krate: "gwop",
    features: "npm",
    name: "gwop",
    profile: "wasm",
    flags: "",
    // This module is optimized for speed. `-Oz` is slower.
    optimize: &["-O3"],
};

/// The local Gwop. It has its own wasm, so that the SDK stays small.
const SIMULATOR: Module = Module {
    krate: "gwop-simulator",
    features: "",
    name: "simulator",
    profile: "wasm",
    flags: "",
    // Nobody deploys it. More passes would save little and take a minute of each build.
    optimize: &["-O1"],
};

/// The agent's side. It has its own wasm, which sellers do not load.
const AGENT: Module = Module {
    krate: "gwop-agent",
    features: "",
    name: "agent",
    profile: "agent",
    // Hashes without unrolled rounds: 5 KB less with gzip. An agent hashes a few hundred bytes per
    // payment. secp256k1 uses limbs of 32 bits, which wasm multiplies in one step: 7 KB less, and
    // signatures are faster by a third.
    flags: r#" --cfg sha2_backend_soft="compact" --cfg cpubits="32""#,
    // Functions that are called once are not inlined: 2.4 KB less with gzip. The first 1,024 bytes
    // of the memory are the deepest part of the stack, which nothing reaches: 0.3 KB.
    optimize: &[
        "--low-memory-unused",
        "-Oz",
        "--one-caller-inline-max-function-size=0",
        "--converge",
    ],
};

/// Builds the package and prints its sizes.
///
/// # Errors
///
/// When a tool is not available or a step fails.
pub(crate) fn build() -> Result<PathBuf> {
    let package = package()?;
    print_sizes(&package)?;
    Ok(package)
}

/// Builds the package. A second call in one run does nothing.
///
/// # Errors
///
/// The same as [`build`].
pub(crate) fn package() -> Result<PathBuf> {
    static DONE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    if let Some(package) = DONE.get() {
        return Ok(package.clone());
    }
    tools::rust()?;
    tools::npm()?;
    say("Building the npm package");
    let package = top().join(PACKAGE);
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(&package)?;
    // TypeScript uses each module's glue and its models as generated sources.
    let generated = top().join("pkg-templates/src/generated");
    fs::create_dir_all(&generated)?;

    let target = top().join("target/npm");
    SDK.build(&target, &package, &generated)?;
    SIMULATOR.build(&target, &package, &generated)?;
    AGENT.build(&target, &package, &generated)?;
    models(&generated)?;
    let version = env!("CARGO_PKG_VERSION");
    Step::new("assemble the package", "node")
        .args(["pkg-templates/assemble.mjs", PACKAGE, version])
        .run()?;
    types(&package)?;
    // The repository's README is also for contributors. This one is only for merchants.
    fs::copy(top().join(README), package.join("README.md"))?;
    for document in ["LICENSE", "CHANGELOG.md", "SECURITY.md"] {
        if top().join(document).is_file() {
            fs::copy(top().join(document), package.join(document))?;
        }
    }
    // The README links to them.
    let docs = package.join("docs");
    crate::copy(&top().join("docs"), &docs)?;
    // These are measurements of one machine, for contributors.
    for name in ["performance.md", "performance.svg"] {
        fs::remove_file(docs.join(name))?;
    }
    Ok(DONE.get_or_init(|| package).clone())
}

impl Module {
    /// Compiles the module in `target` into `package`, and its declarations into `generated`.
    fn build(&self, target: &Path, package: &Path, generated: &Path) -> Result {
        let Self { krate, name, .. } = self;
        Step::new(format!("cargo build {krate} for wasm32"), "cargo")
            // Builds only a cdylib. If an rlib is also built, as Cargo.toml requests for the tests,
            // cargo does not link across crates.
            .args(["rustc", "--lib", "--crate-type", "cdylib"])
            .args(["--package", krate])
            .args(["--features", self.features])
            .args([
                "--profile",
                self.profile,
                "--target",
                "wasm32-unknown-unknown",
            ])
            .args([OsStr::new("--target-dir"), target.as_os_str()])
            .env("RUSTFLAGS", remapped_paths() + self.flags)
            .run()?;
        let crate_file = krate.replace('-', "_");
        let compiled = target
            .join("wasm32-unknown-unknown")
            .join(self.profile)
            .join(format!("{crate_file}.wasm"));
        let bound = top().join("build/wasm-bindgen").join(name);
        Step::new(format!("wasm-bindgen {name}"), tools::wasm_bindgen()?)
            .args(["--target", "bundler", "--out-name", name, "--out-dir"])
            .args([bound.as_os_str(), compiled.as_os_str()])
            .run()?;

        let raw = bound.join(format!("{name}_bg.wasm"));
        let optimized = bound.join(format!("{name}.wasm"));
        optimize(self.optimize, &raw, &optimized)?;
        let glue = format!("{name}_bg.js");
        fs::copy(optimized, package.join(format!("{name}.wasm")))?;
        fs::copy(bound.join(&glue), package.join(glue))?;
        // wasm-bindgen declares the glue's exports under the name of the module that would load it.
        // The package has its own loaders, which need one more export.
        let declared = fs::read_to_string(bound.join(format!("{name}.d.ts")))?;
        let declared = format!(
            "{declared}\n/** Gives the glue its instance. */\n\
             export function __wbg_set_wasm(exports: object): void;\n"
        );
        let file = format!("{name}_bg.d.ts");
        write_if_changed(&generated.join(&file), &declared)?;
        // The package's declarations refer to it, and tsc does not copy declarations. Projects
        // older than `using` cannot read the one line that is left out.
        fs::create_dir_all(package.join("generated"))?;
        let readable = declared.replace("    [Symbol.dispose](): void;\n", "");
        // `@types/node` has no type with that name before version 25.
        let readable = readable
            .replace(": CryptoKey", ": object")
            .replace("<CryptoKey>", "<object>");
        Ok(fs::write(package.join("generated").join(file), readable)?)
    }
}

/// Returns flags that make panics show a path within the sources, without the directory of the
/// build.
fn remapped_paths() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = format!("--remap-path-prefix={}=gwop", top().display());
    if let Ok(sysroot) = Command::new("rustc").args(["--print", "sysroot"]).output() {
        let sysroot = String::from_utf8_lossy(&sysroot.stdout);
        flags.push_str(&format!(
            " --remap-path-prefix={}/lib/rustlib/src/rust=rust",
            sysroot.trim()
        ));
    }
    if let Some(home) = home {
        flags.push_str(&format!(" --remap-path-prefix={}=cargo", home.display()));
    }
    flags
}

/// Optimizes a module for size, unless the last run had the same input and passes.
fn optimize(passes: &[&str], raw: &Path, optimized: &Path) -> Result {
    let stamp = raw.with_extension("optimized");
    let input = [fs::read(raw)?, passes.join(" ").into_bytes()].concat();
    if optimized.is_file() && fs::read(&stamp).is_ok_and(|last| last == input) {
        return Ok(());
    }
    let program = tools::npm_program("wasm-opt")?;
    Step::new("wasm-opt", program)
        .args(passes)
        .args(["--strip-debug", "--strip-producers"])
        .args(["--strip-target-features"])
        .args(FEATURES)
        .args([raw.as_os_str(), OsStr::new("-o"), optimized.as_os_str()])
        .run()?;
    Ok(fs::write(stamp, input)?)
}

/// Writes the TypeScript types of Rust's declarations: the models in both namings.
fn models(generated: &Path) -> Result {
    for (file, part) in [("models.ts", "models"), ("wire.ts", "wire")] {
        let text = Step::new("gwop-codegen", "cargo")
            .args(["run", "--quiet", "--package", "gwop"])
            .args(["--features", "codegen", "--bin", "gwop-codegen", part])
            .read()?;
        write_if_changed(&generated.join(file), &text)?;
    }
    Ok(())
}

/// Writes and checks the declarations.
fn types(package: &Path) -> Result {
    Step::new("tsc declarations", tools::npm_program("tsc")?)
        .args(["--project", "pkg-templates/tsconfig.json", "--outDir"])
        .args([package])
        .run()?;
    Step::new("declarations for `require`", "node")
        .args(["pkg-templates/types.mjs".as_ref(), package.as_os_str()])
        .run()
}

fn write_if_changed(path: &Path, text: &str) -> Result {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}

/// Returns an entry's JavaScript as one minified file with everything that it imports.
fn bundled(package: &Path, entry: &str) -> Result<PathBuf> {
    let bundle = top().join("build/size").join(entry);
    Step::new(format!("esbuild {entry}"), tools::npm_program("esbuild")?)
        .args(["--bundle", "--format=esm", "--target=es2022", "--minify"])
        .args([
            "--external:*.wasm",
            "--external:*.wasm?module",
            "--external:node:*",
            &format!("--outfile={}", bundle.display()),
        ])
        .args([package.join(entry)])
        .run()?;
    Ok(bundle)
}

/// Returns the size of what a program loads that imports this entry.
///
/// This is all JavaScript, and the wasm unless the JavaScript contains its bytes.
///
/// # Errors
///
/// When the entry cannot be bundled.
pub(crate) fn entry_size(package: &Path, entry: &str) -> Result<Size> {
    let bundle = bundled(package, entry)?;
    if EMBEDDED.contains(&entry) {
        return Size::of_file(&bundle);
    }
    Size::of_files([bundle, package.join("gwop.wasm")])
}

/// Returns the size of what a program loads that imports `@gwop/sdk/agent`: its JavaScript and its
/// wasm.
///
/// # Errors
///
/// When the entry cannot be bundled.
pub(crate) fn agent_size(package: &Path) -> Result<Size> {
    let bundle = bundled(package, "agent.static.js")?;
    Size::of_files([bundle, package.join("agent.wasm")])
}

/// The files of the main entry whose JavaScript contains the bytes of the wasm.
pub(crate) const EMBEDDED: [&str; 2] = ["index.node.js", "index.embedded.js"];

/// Returns the size of what a program loads that imports the main entry, on the runtime with the
/// largest size.
///
/// This is the wasm file and all JavaScript.
///
/// # Errors
///
/// When an entry cannot be bundled.
fn main_entry_size(package: &Path) -> Result<Size> {
    let mut most: Option<Size> = None;
    for file in fs::read_dir(package)? {
        let name = file?.file_name();
        let name = name.to_string_lossy();
        // There is one file per kind of runtime, such as `index.static.js`.
        let is_entry = name.starts_with("index.") && name.ends_with(".js");
        if !is_entry || EMBEDDED.contains(&name.as_ref()) {
            continue;
        }
        let size = entry_size(package, &name)?;
        if most.as_ref().is_none_or(|most| most.gzip < size.gzip) {
            most = Some(size);
        }
    }
    most.ok_or_else(|| "the package has no entries".into())
}

/// Prints the size of each module, of each entry's JavaScript, and of the main entry. Returns the
/// last one.
///
/// # Errors
///
/// When a file cannot be read, or an entry cannot be bundled.
pub(crate) fn print_sizes(package: &Path) -> Result<Size> {
    sizes::print_head();
    for entry in fs::read_dir(package)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("wasm")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Size::of_file(&path)?.print(&name);
        }
    }
    for (label, file) in [
        ("@gwop/sdk, JavaScript", "index.static.js"),
        ("@gwop/sdk/checkout, JavaScript", "checkout.static.js"),
        ("@gwop/sdk/slim, JavaScript", "slim.js"),
        ("@gwop/sdk/errors, JavaScript", "errors.js"),
        ("@gwop/sdk/simulator, JavaScript", "simulator.static.js"),
        ("@gwop/sdk/agent, JavaScript", "agent.static.js"),
    ] {
        Size::of_file(&bundled(package, file)?)?.print(label);
    }
    let main = main_entry_size(package)?;
    main.print("@gwop/sdk, wasm and JavaScript, at most");
    agent_size(package)?.print("@gwop/sdk/agent, wasm and JavaScript");
    for entry in EMBEDDED {
        entry_size(package, entry)?.print(&format!("{entry}, with the bytes"));
    }
    println!("  {}", package.display());
    Ok(main)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::top;

    #[test]
    fn both_readmes_begin_with_the_same_screen() -> crate::Result {
        let screen = |path: &str| -> crate::Result<String> {
            let text = fs::read_to_string(top().join(path))?;
            let (screen, _) = text
                .split_once("\n## Variables\n")
                .ok_or_else(|| format!("{path} has no heading `## Variables`"))?;
            Ok(screen.to_owned())
        };
        let of_the_repository = screen("README.md")?;
        assert!(of_the_repository.contains("```js app.mjs\n"));
        assert_eq!(
            of_the_repository,
            screen(super::README)?,
            "README.md and {} begin differently: copy the first screen",
            super::README
        );
        Ok(())
    }
}
