// Makes the JavaScript side of the npm package: `node assemble.mjs OUT VERSION`, run by `cargo xtask build`
// once OUT holds the wasm and its glue. TypeScript's declarations are emitted by tsc.
import { transform } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

const [out, version] = process.argv.slice(2);
const here = import.meta.dirname;

/**
 * What loads the wasm, by the condition under which a runtime or bundler picks it; the first match wins. Where Node knows `module-sync`
 * (20.19, 22.10) it has `process.getBuiltinModule` as well.
 */
const LOADERS = {
  workerd: "workerd",
  "edge-light": "edge-light",
  deno: "deno",
  bun: "bun",
  node: { "module-sync": "node", default: "node-import" },
  browser: "browser",
  default: "browser",
};

/** Surfaces that load their wasm by themselves. */
const SURFACES = ["index", "checkout", "simulator"];

/** Each wasm: `NAME.wasm` with its glue `NAME_bg.js`, as wasm-bindgen wrote them. */
const wasms = ["gwop", "simulator"];

/** Subpaths that load nothing. */
const PLAIN = ["slim", "errors", "models/errors", "handlers/index", "handlers/hono", "handlers/express", "handlers/next", "stores/index"];

const minify = { minify: true, target: "es2022", legalComments: "none" };
const flat = (name) => name.replaceAll("/", "-");
const runtimes = [...new Set(Object.values(LOADERS).flatMap((loader) => (typeof loader === "string" ? loader : Object.values(loader))))];

const write = async (name, code, options) =>
  writeFileSync(join(out, name), (await transform(code, { ...minify, format: "esm", ...options })).code);

// 1. The modules. What several subpaths share lies in files of its own, so that they share each class too; and in few, since each
//    costs Node about a millisecond. Their code has no effect until it is used: bundlers take of it only what a program needs.
/** The shared files and what they hold. Each imports only those before it. */
const SHARED = [
  ["gwop", /\/src\/(?!checkout|handlers|simulator|slim|stores|errors\.ts|models\/errors\.ts)|\/gwop_bg\.js$/],
  ["handlers", /\/src\/handlers\/(auth|http|webhook)/],
  ["simulator", /\/src\/simulator|\/simulator_bg\.js$/],
];
/** The code that loads `gwop.wasm`. */
function loaderOf(runtime) {
  const code = readFileSync(join(here, "entries", `load.${runtime.replace("-import", "")}.js`), "utf8");
  if (runtime !== "node-import") return code;
  const [line, names, module] = /^ *const (\{ \w+ \}) = process\.getBuiltinModule\((.+)\);\n/m.exec(code);
  return `import ${names} from ${module};\n${code.replace(line, "")}`;
}

/** The modules that no file holds: per surface and runtime the entry, which loads its wasm and re-exports. */
const written = new Map();
for (const runtime of runtimes) {
  const load = loaderOf(runtime);
  const loads = {
    index: load,
    // The same wasm, loaded once.
    checkout: `import "./index.${runtime}.js";`,
    simulator: load.replaceAll("gwop.wasm", "simulator.wasm").replaceAll("./instance.js", "./simulator-instance.js"),
  };
  for (const name of SURFACES) written.set(`${name}.${runtime}`, `${loads[name]}\nexport * from "./${name}.js";`);
}
const resolver = {
  name: "resolver",
  resolveId(id, importer) {
    const name = basename(id, ".js");
    // Every output lies at the top, as does the wasm, and an entry that another one imports.
    if (/\.wasm(\?module)?$/.test(id) || (importer && written.has(name))) return { id, external: true };
    if (written.has(name)) return `written:${name}`;
    if (name.endsWith("_bg")) return join(out, `${name}.js`);
    return importer?.startsWith("written:") ? join(here, "src", `${name}.ts`) : undefined;
  },
  load: (id) => written.get(id.replace("written:", "")),
};
const bundle = await rolldown({
  input: {
    ...Object.fromEntries([...written.keys()].map((name) => [name, name])),
    ...Object.fromEntries(PLAIN.map((name) => [flat(name), join(here, "src", `${name}.ts`)])),
    // A runtime that loads a wasm as an ES module finds its imports there.
    ...Object.fromEntries(wasms.map((wasm) => [`${wasm}_bg`, `${wasm}_bg`])),
  },
  plugins: [resolver],
  // A peer, for whoever has it.
  external: ["node:fs", "next/server.js"],
  platform: "neutral",
  tsconfig: false,
  logLevel: "warn",
});
const { output } = await bundle.generate({
  format: "esm",
  minify: true,
  chunkFileNames: ({ name, moduleIds }) => `${/^written:(.+)/.exec(moduleIds[0])?.[1] ?? name}.js`,
  codeSplitting: { groups: SHARED.map(([name, test], at) => ({ name, test, priority: SHARED.length - at })) },
});
await bundle.close();
// Rolldown keeps the annotations of what is without effect; esbuild the quotes by which bundlers know a file's name.
for (const { fileName, code, isEntry } of output) {
  if (isEntry) await write(fileName, code);
  else writeFileSync(join(out, fileName), code);
}
writeFileSync(join(out, "types-only.js"), "export {};\n");

await write("gwop-simulator.js", readFileSync(join(here, "simulator/cli.js"), "utf8"));

// 2. package.json: the template's shorthands become conditional exports.
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// Loading has effects; bundlers may drop anything else that is not used.
manifest.sideEffects = SURFACES.map((name) => `./${name}.*.js`);
for (const [subpath, value] of Object.entries(manifest.exports)) {
  const [, kind, name] = /^\((\w+)\) (.+)$/.exec(value) ?? [];
  if (!kind) continue;
  const types = { types: `./${name}.d.ts` };
  if (kind === "types") {
    manifest.exports[subpath] = { ...types, default: "./types-only.js" };
  } else if (kind === "plain") {
    manifest.exports[subpath] = { ...types, default: `./${flat(name)}.js` };
  } else {
    const entry = (loader) => (typeof loader === "string" ? `./${name}.${loader}.js` : entries(loader));
    const entries = (loaders) => Object.fromEntries(Object.entries(loaders).map(([condition, loader]) => [condition, entry(loader)]));
    manifest.exports[subpath] = { ...types, ...entries(LOADERS) };
  }
}
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
