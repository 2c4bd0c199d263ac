// Makes the JavaScript side of the npm package: `node assemble.mjs OUT VERSION`, run by `cargo xtask build`
// once OUT holds the wasm and its glue. TypeScript's declarations are emitted by tsc.
import { build, transform } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
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
const source = (name) => join(here, "src", `${name}.ts`);
const flat = (name) => name.replaceAll("/", "-");
const surfaces = Object.keys(SURFACES);
const wasms = new Set(Object.values(SURFACES));

// 1. The TypeScript. Splitting shares class identity over the subpaths. Every output lies at the top,
//    so that `./gwop_bg.js` is right from each chunk; that glue stays a file of its own, since the wasm
//    imports it too and both must get the same module.
const glue = {
  name: "glue",
  setup: ({ onResolve }) =>
    onResolve({ filter: /_bg\.js$/ }, ({ path }) => ({ path: `./${basename(path)}`, external: true })),
};
const instances = ["instance", "simulator-instance"];
const modules = [...surfaces, ...PLAIN, ...instances];
const { metafile } = await build({
  ...minify,
  metafile: true,
  entryPoints: Object.fromEntries(modules.map((name) => [flat(name), source(name)])),
  outdir: out,
  bundle: true,
  splitting: true,
  chunkNames: "chunk-[hash]",
  format: "esm",
  plugins: [glue],
  // A peer, for whoever has it.
  external: ["next/server.js"],
  logLevel: "warning",
});

// 2. The glue and the loaders, minified where they lie.
const write = async (name, code, options) =>
  writeFileSync(join(out, name), (await transform(code, { ...minify, format: "esm", ...options })).code);
for (const wasm of wasms) {
  const glued = `${wasm}_bg.js`;
  shrink(join(out, `${wasm}.wasm`), join(out, glued));
  await write(glued, readFileSync(join(out, glued), "utf8"), { mangleProps: /^__(wbg_ptr|destroy_into_raw)$/ });
}
for (const file of readdirSync(join(here, "entries"))) {
  const code = readFileSync(join(here, "entries", file), "utf8");
  await write(file, code);
  // The same loaders, over the simulator's own wasm and instance.
  const own = code.replaceAll("gwop.wasm", "simulator.wasm").replaceAll("./instance.js", "./simulator-instance.js");
  await write(file.replace("load.", "load-simulator."), own);
}

// 3. One entry per surface and runtime: load, then re-export.
for (const name of surfaces) {
  const loader = SURFACES[name] === "gwop" ? "load" : `load-${SURFACES[name]}`;
  for (const runtime of new Set(Object.values(LOADERS))) {
    const code = `import "./${loader}.${runtime}.js";\nexport * from "./${name}.js";\n`;
    writeFileSync(join(out, `${name}.${runtime}.js`), code);
  }
}
writeFileSync(join(out, "types-only.js"), "export {};\n");

await write("gwop-simulator.js", readFileSync(join(here, "simulator/cli.js"), "utf8"));

// 4. package.json: the template's shorthands become conditional exports.
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// Loading has effects, and so have the instances, wherever splitting put them; bundlers may drop anything else that is not used.
const effects = (inputs) => instances.some((name) => Object.keys(inputs).some((input) => input.endsWith(`/src/${name}.ts`)));
const holders = Object.keys(metafile.outputs).filter((file) => effects(metafile.outputs[file].inputs));
manifest.sideEffects = [
  ...new Set([
    ...surfaces.map((name) => `./${name}.*.js`),
    "./load.*.js",
    "./load-simulator.*.js",
    ...instances.map((name) => `./${name}.js`),
    ...holders.map((file) => `./${basename(file)}`),
  ]),
];
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
