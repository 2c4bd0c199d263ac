// Makes the JavaScript side of the npm package: `node assemble.mjs OUT VERSION`, run by `cargo xtask build`
// once OUT holds the wasm and its glue. TypeScript's declarations are emitted by tsc.
import { transform } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";
import { shrink } from "./glue.mjs";

const [out, version] = process.argv.slice(2);
const here = import.meta.dirname;

/** What loads the wasm, by the condition under which a runtime or bundler picks it; the first match wins. */
const LOADERS = {
  workerd: "workerd",
  "edge-light": "edge-light",
  deno: "deno",
  bun: "bun",
  node: "node",
  browser: "browser",
  default: "browser",
};

/** Surfaces that load their wasm by themselves: the module's name, and the wasm that it needs. */
const SURFACES = { index: "gwop", checkout: "gwop", simulator: "simulator" };

/** Subpaths that load nothing. */
const PLAIN = ["slim", "errors", "models/errors", "handlers/index", "handlers/hono", "handlers/express", "handlers/next", "stores/index"];

const minify = { minify: true, target: "es2022", legalComments: "none" };
const flat = (name) => name.replaceAll("/", "-");
const surfaces = Object.keys(SURFACES);
const wasms = [...new Set(Object.values(SURFACES))];
const runtimes = [...new Set(Object.values(LOADERS))];

const write = async (name, code, options) =>
  writeFileSync(join(out, name), (await transform(code, { ...minify, format: "esm", ...options })).code);

// 1. The glue of each wasm.
for (const wasm of wasms) {
  const glue = join(out, `${wasm}_bg.js`);
  shrink(join(out, `${wasm}.wasm`), glue);
  await write(`${wasm}_bg.js`, readFileSync(glue, "utf8"), { mangleProps: /^__(wbg_ptr|destroy_into_raw)$/ });
}

// 2. The modules. What several subpaths share lies in files of its own, so that they share each class too; and in few, since each
//    costs a runtime that does not bundle about a millisecond.
/** The shared files and what they hold. Each imports only those before it. */
const SHARED = [
  ["base", /\/src\/(errors|models\/errors|env)\b/],
  ["handlers", /\/src\/handlers\/(auth|http|webhook)/],
  // What the simulator needs besides.
  ["http", /\/src\/(http-client|loading|race|sleep)\b/],
  ["simulator", /\/src\/simulator|\/simulator_bg\.js$/],
  ["core", /\/src\/(?!auth\/|checkout|gwop\b|handlers|index\b|operations\/|slim|stores)|\/gwop_bg\.js$/],
  // What checkout does without.
  ["gwop", /\/src\/(auth\/|gwop\b|index\b|operations\/)/],
];
const loader = (wasm, runtime) => (wasm === "gwop" ? `load.${runtime}` : `load-${wasm}.${runtime}`);
/** The modules that no file holds: per surface and runtime the entry, which loads and then re-exports, and per wasm what it loads by. */
const written = new Map();
for (const runtime of runtimes) {
  for (const name of surfaces) {
    written.set(`${name}.${runtime}`, `import "./${loader(SURFACES[name], runtime)}.js"; export * from "./${name}.js";`);
  }
  const code = readFileSync(join(here, "entries", `load.${runtime}.js`), "utf8");
  written.set(loader("gwop", runtime), code);
  written.set(loader("simulator", runtime), code.replaceAll("gwop.wasm", "simulator.wasm").replaceAll("./instance.js", "./simulator-instance.js"));
}
const resolver = {
  name: "resolver",
  resolveId(id, importer) {
    // Every output lies at the top, as the wasm does.
    if (/\.wasm(\?module)?$/.test(id)) return { id, external: true };
    const name = basename(id, ".js");
    if (written.has(name)) return `written:${name}`;
    if (name.endsWith("_bg")) return join(out, `${name}.js`);
    return importer?.startsWith("written:") ? join(here, "src", `${name}.ts`) : undefined;
  },
  load: (id) => written.get(id.replace("written:", "")),
};
const bundle = await rolldown({
  input: {
    ...Object.fromEntries([...written.keys()].filter((name) => !name.startsWith("load")).map((name) => [name, name])),
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
  chunkFileNames: ({ name, moduleIds }) => `${/^written:(.+)/.exec(moduleIds[0])?.[1] ?? name}.js`,
  codeSplitting: { groups: SHARED.map(([name, test], at) => ({ name, test, priority: SHARED.length - at })) },
});
await bundle.close();
for (const { fileName, code } of output) await write(fileName, code);
writeFileSync(join(out, "types-only.js"), "export {};\n");

await write("gwop-simulator.js", readFileSync(join(here, "simulator/cli.js"), "utf8"));

// 3. package.json: the template's shorthands become conditional exports.
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// Loading has effects, and so have the instances; bundlers may drop anything else that is not used.
const effects = output.filter(({ fileName, moduleIds }) => fileName.startsWith("load") || moduleIds.some((id) => id.endsWith("instance.ts")));
manifest.sideEffects = [...surfaces.map((name) => `${name}.*.js`), ...effects.map(({ fileName }) => fileName)].map((file) => `./${file}`);
for (const [subpath, value] of Object.entries(manifest.exports)) {
  const [, kind, name] = /^\((\w+)\) (.+)$/.exec(value) ?? [];
  if (!kind) continue;
  const types = { types: `./${name}.d.ts` };
  if (kind === "types") {
    manifest.exports[subpath] = { ...types, default: "./types-only.js" };
  } else if (kind === "plain") {
    manifest.exports[subpath] = { ...types, default: `./${flat(name)}.js` };
  } else {
    const entries = Object.entries(LOADERS).map(([condition, runtime]) => [condition, `./${name}.${runtime}.js`]);
    manifest.exports[subpath] = { ...types, ...Object.fromEntries(entries) };
  }
}
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
