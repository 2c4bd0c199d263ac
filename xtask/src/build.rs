//! `cargo xtask build`: the npm package, ready to publish, in `dist/npm`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Step, say};
use crate::sizes::{self, Size};
use crate::{Result, tools, top};

/// The npm package's directory, from the top level.
pub(crate) const PACKAGE: &str = "dist/npm";

/// The npm package's README, from the top level.
const README: &str = "pkg-templates/README.md";

/// What rustc's wasm32 target emits beyond the first WebAssembly; wasm-opt has
/// to be told, since its input's own list is stripped from the output.
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
    /// Its cargo package.
    krate: &'static str,
    /// The features that give it its JavaScript face.
    features: &'static str,
    /// Its name in the npm package: `NAME.wasm` and `NAME_bg.js`.
    name: &'static str,
    /// Its profile in Cargo.toml.
    profile: &'static str,
    /// Further flags for rustc.
    flags: &'static str,
    /// How hard wasm-opt tries.
    optimize: &'static [&'static str],
}

const SDK: Module = Module {
    krate: "gwop",
    features: "npm",
    name: "gwop",
    profile: "wasm",
    flags: "",
    // For speed: `-Oz` is slower.
    optimize: &["-O3"],
};

/// The local Gwop: a wasm of its own, so that the SDK stays small.
const SIMULATOR: Module = Module {
    krate: "gwop-simulator",
    features: "",
    name: "simulator",
    profile: "wasm",
    flags: "",
    // Nobody ships it: what more passes save is not worth a minute of each build.
    optimize: &["-O1"],
};

/// The agent's side: a wasm of its own, which whoever sells does not carry.
const AGENT: Module = Module {
    krate: "gwop-agent",
    features: "",
    name: "agent",
    profile: "agent",
    // Hashes without unrolled rounds: 5 KB less with gzip. It hashes some hundred bytes a payment.
    // secp256k1 on limbs of 32 bits, which wasm multiplies whole: 7 KB less, and signatures are
    // quicker by a third.
    flags: r#" --cfg sha2_backend_soft="compact" --cfg cpubits="32""#,
    // Functions that are called once stay functions: 2.4 KB less with gzip. The first 1,024 bytes of
    // the memory are the stack's deepest, which nothing reaches: 0.3 KB.
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
/// When a tool cannot be had or a step fails.
pub(crate) fn build() -> Result<PathBuf> {
    let package = package()?;
    print_sizes(&package)?;
    Ok(package)
}

/// Builds the package. A second call in one run does nothing.
///
/// # Errors
///
/// As [`build`].
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
    // TypeScript sees each module's glue, and its models, as generated sources.
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
    // The repository's README speaks to contributors as well; this one to merchants alone.
    fs::copy(top().join(README), package.join("README.md"))?;
    for document in ["LICENSE", "CHANGELOG.md", "SECURITY.md"] {
        if top().join(document).is_file() {
            fs::copy(top().join(document), package.join(document))?;
        }
    }
    // The README links to them.
    let docs = package.join("docs");
    crate::copy(&top().join("docs"), &docs)?;
    // Measurements of one machine, for contributors.
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
            // A cdylib alone: cargo links nothing across crates where an rlib is made as well, as
            // Cargo.toml asks for the tests.
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
        // wasm-bindgen declares the glue's exports under the name of the module that would load it; the package has
        // loaders of its own, which need one export more.
        let declared = fs::read_to_string(bound.join(format!("{name}.d.ts")))?;
        let declared = format!(
            "{declared}\n/** Gives the glue its instance. */\n\
             export function __wbg_set_wasm(exports: object): void;\n"
        );
        let file = format!("{name}_bg.d.ts");
        write_if_changed(&generated.join(&file), &declared)?;
        // The package's declarations refer to it, and tsc copies no declarations. Projects older than `using` cannot read
        // the one line that is left out.
        fs::create_dir_all(package.join("generated"))?;
        let readable = declared.replace("    [Symbol.dispose](): void;\n", "");
        // `@types/node` declares no type of that name before version 25.
        let readable = readable
            .replace(": CryptoKey", ": object")
            .replace("<CryptoKey>", "<object>");
        Ok(fs::write(package.join("generated").join(file), readable)?)
    }
}

/// Panics name their place in the sources, but not where those lay when they were built.
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

/// Makes a module small, unless the very same input and passes were the last ones.
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

/// Writes the TypeScript of what Rust declares: the models in both namings.
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

/// Emits and checks the declarations.
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

/// An entry's JavaScript as a program carries it: everything it imports, in one minified file.
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

/// What a program carries that imports this entry: all JavaScript, and the wasm unless its bytes are in there.
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

/// What a program carries that imports `@gwop/sdk/agent`: its JavaScript and its wasm.
///
/// # Errors
///
/// When the entry cannot be bundled.
pub(crate) fn agent_size(package: &Path) -> Result<Size> {
    let bundle = bundled(package, "agent.static.js")?;
    Size::of_files([bundle, package.join("agent.wasm")])
}

/// The main entry where the wasm's bytes are in the JavaScript.
pub(crate) const EMBEDDED: [&str; 2] = ["index.node.js", "index.embedded.js"];

/// What a program that imports the main entry carries, on the runtime where that is most: the wasm file and all JavaScript.
///
/// # Errors
///
/// When an entry cannot be bundled.
fn main_entry_size(package: &Path) -> Result<Size> {
    let mut most: Option<Size> = None;
    for file in fs::read_dir(package)? {
        let name = file?.file_name();
        let name = name.to_string_lossy();
        // One per kind of runtime: `index.static.js`.
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

/// Prints what each module weighs, each entry's JavaScript, and the main entry, whose size it returns.
///
/// # Errors
///
/// When a file cannot be read, or an entry not be bundled.
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
