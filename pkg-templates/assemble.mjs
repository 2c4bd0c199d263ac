// Makes the JavaScript side of the npm package: `node assemble.mjs OUT VERSION`, run by `cargo xtask build`
// once OUT holds the wasm and its glue. TypeScript's declarations are emitted by tsc, and completed by types.mjs.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

const [out, version] = process.argv.slice(2);
const here = import.meta.dirname;

/**
 * What loads the wasm (`entries/load.*.js`), by the condition under which a runtime or bundler picks it; the first match wins. There is none that
 * only some tools know: what a tool copies or bundles must be what the runtime loads.
 */
const LOADERS = {
  workerd: "static",
  "edge-light": "static",
  deno: "embedded",
  node: "node",
  browser: "browser",
  default: "embedded",
};

/** The same for `require`, which cannot wait and so has the bytes at hand. Where code is compiled ahead, bundlers take the ES module. */
const REQUIRED = { node: "node", default: "embedded" };

/** Surfaces that load their wasm by themselves. */
const SURFACES = ["index", "checkout", "simulator"];

/** The agent's surface, which shares no file with the others: it stays small, and so do they. */
const AGENT = ["agent"];

/** Subpaths that load nothing. */
const PLAIN = ["slim", "errors", "models/errors", "handlers/index", "stores/index", ...adapters()];

/** What package.json names below `handlers/`, beside the handlers themselves. */
function adapters() {
  const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8"));
  return Object.values(exports).flatMap(
    (value) => /^\(plain\) (handlers\/(?!index).+)$/.exec(value)?.[1] ?? [],
  );
}

/** What several subpaths share lies in files of its own, so that they share each class too; and in few, since each costs Node about a millisecond. */
const SHARED = [
  [
    "gwop",
    /\/src\/(?!checkout|handlers|simulator|slim|stores|errors\.ts|models\/errors\.ts|instance|loading)/,
  ],
  ["handlers", /\/src\/handlers\/(apply|auth|fetch|http|node|reconcile|webhook)/],
  ["simulator", /\/src\/simulator(\/|\.ts)/],
  ["simulator.base64", /^base64:.*\/simulator/],
];

/** The same for the agent. */
const SHARED_BY_AGENTS = [["agent", /\/src\/(?!agent-instance|loading)/]];

const flat = (name) => name.replaceAll("/", "-");
const bytesOf = (wasm) => readFileSync(join(out, wasm));
const hash = createHash("sha256")
  .update(bytesOf("gwop.wasm"))
  .update(bytesOf("simulator.wasm"))
  .update(bytesOf("agent.wasm"))
  .digest("hex")
  .slice(0, 12);

/** The code of a loader, for the wasm of a surface. */
function loaderOf(loader, surface) {
  const code = readFileSync(join(here, "entries", `load.${loader}.js`), "utf8");
  if (surface !== "simulator" && surface !== "agent") return code;
  return code
    .replaceAll("gwop.wasm", `${surface}.wasm`)
    .replaceAll("./instance.js", `./${surface}-instance.js`);
}

/**
 * The page of the local Gwop as a module: its styles and program stand in the HTML, and their hashes are what its policy
 * allows. Line by line, so that no line of the package is long.
 */
function pageModule() {
  const part = (name) => readFileSync(join(here, "simulator/page", name), "utf8");
  const [style, script] = [part("page.css"), part("page.js")].map((text) => `\n${text}`);
  const hashed = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
  const html = part("index.html")
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`);
  const lines = html.split("\n").map((line) => JSON.stringify(line));
  return `export default {
html: [
${lines.join(",\n")}
].join("\\n"),
style: ${JSON.stringify(hashed(style))},
script: ${JSON.stringify(hashed(script))},
};`;
}

/**
 * Writes one of the two builds: ES modules as `.js`, or CommonJS as `.cjs`.
 *
 * Every file keeps its names and lines, for the stacks that people read; bundlers minify.
 */
async function write(
  format,
  extension,
  loaders,
  { surfaces = SURFACES, plain = PLAIN, groups = SHARED, prefix = "" } = {},
) {
  /** The entries that no file holds: they load the wasm, and re-export. */
  const written = new Map();
  for (const loader of new Set(Object.values(loaders))) {
    for (const name of surfaces) {
      // The same wasm for both, loaded once.
      const load = name === "checkout" ? `import "./index.${loader}.js";` : loaderOf(loader, name);
      written.set(`${name}.${loader}`, `${load}\nexport * from "./${name}.js";`);
    }
  }
  const resolver = {
    name: "resolver",
    resolveId(id, importer) {
      const name = basename(id, ".js");
      // It lies beside the entry.
      if (/\.wasm\?module$/.test(id)) return { id, external: true };
      if (importer && written.has(name)) return { id: `./${name}${extension}`, external: true };
      if (written.has(name)) return `written:${name}`;
      if (name === "page") return "page:";
      // The code that loads is each entry's own: what loads nothing must not hold it.
      const owner = /^written:(.+)/.exec(importer)?.[1] ?? /\?of=(.+)$/.exec(importer)?.[1];
      if (!owner) return name.endsWith("_bg") ? join(out, `${name}.js`) : undefined;
      if (name.endsWith("_bg")) return `${join(out, `${name}.js`)}?of=${owner}`;
      // So are its bytes, since a file of their own costs a third of a millisecond. The simulator has time, and more bytes.
      if (/base64$/.test(id))
        return `base64:${id}${id.includes("simulator") ? "" : `?of=${owner}`}`;
      if (name === "requirements") return `${join(here, "entries", id)}?of=${owner}`;
      const own = /^(\w+-)?instance$|^loading$/.test(name);
      return join(here, "src", `${name}.ts`) + (own ? `?of=${owner}` : "");
    },
    load(id) {
      if (id.startsWith("written:")) return written.get(id.slice("written:".length));
      if (id === "page:") return pageModule();
      if (id.startsWith("base64:")) {
        // On a line of its own: a runtime that shows the line of an error does not show this one.
        return `export default\n"${bytesOf(basename(id.split("?")[0], ".base64")).toString("base64")}";`;
      }
      if (!id.includes("?of=")) return undefined;
      const [file] = id.split("?");
      return { code: readFileSync(file, "utf8"), moduleType: file.endsWith(".ts") ? "ts" : "js" };
    },
  };
  const bundle = await rolldown({
    input: {
      ...Object.fromEntries([...written.keys()].map((name) => [name, name])),
      ...Object.fromEntries(plain.map((name) => [flat(name), join(here, "src", `${name}.ts`)])),
    },
    plugins: [resolver],
    // Peers, for whoever has them.
    external: ["next/server.js", "@nestjs/common"],
    platform: "neutral",
    tsconfig: false,
    transform: { define: { GWOP_BUILD: JSON.stringify(`${version} ${hash}`) } },
    // The wasm's bytes are a constant too.
    optimization: { inlineConst: false },
    logLevel: "warn",
  });
  const { output } = await bundle.generate({
    format,
    comments: false,
    entryFileNames: `[name]${extension}`,
    // Two runs write into one directory.
    chunkFileNames: ({ name }) =>
      `${name.startsWith(surfaces[0]) ? "" : prefix}${name}${extension}`,
    codeSplitting: {
      groups: groups.map(([name, test], at) => ({ name, test, priority: groups.length - at })),
    },
  });
  await bundle.close();
  for (const { fileName, code } of output) writeFileSync(join(out, fileName), code);
}

// 1. The modules.
await write("esm", ".js", LOADERS);
await write("cjs", ".cjs", REQUIRED);
const agent = { surfaces: AGENT, plain: [], groups: SHARED_BY_AGENTS, prefix: "agent-" };
await write("esm", ".js", LOADERS, agent);
await write("cjs", ".cjs", REQUIRED, agent);
writeFileSync(join(out, "types-only.js"), "export {};\n");
writeFileSync(join(out, "types-only.cjs"), "");
writeFileSync(join(out, "gwop-simulator.js"), readFileSync(join(here, "simulator/cli.js"), "utf8"));
writeFileSync(
  join(out, "gwop-simulator-state.js"),
  readFileSync(join(here, "simulator/state-file.js"), "utf8"),
);
// Programs that import the entries: nothing of them is bundled, and no entry knows of them.
cpSync(join(here, "cli"), join(out, "cli"), { recursive: true });

// 2. package.json: the template's shorthands become conditional exports.
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// Loading has effects; bundlers may drop anything else that is not used.
manifest.sideEffects = [...SURFACES, ...AGENT].flatMap((name) => [
  `./${name}.*.js`,
  `./${name}.*.cjs`,
]);
for (const [subpath, value] of Object.entries(manifest.exports)) {
  const [, kind, name] = /^\((\w+)\) (.+)$/.exec(value) ?? [];
  if (!kind) continue;
  const types = { types: { require: `./${name}.d.cts`, default: `./${name}.d.ts` } };
  if (kind === "types") {
    manifest.exports[subpath] = {
      ...types,
      require: "./types-only.cjs",
      default: "./types-only.js",
    };
  } else if (kind === "plain") {
    manifest.exports[subpath] = {
      ...types,
      require: `./${flat(name)}.cjs`,
      default: `./${flat(name)}.js`,
    };
  } else {
    const files = (loaders, extension) =>
      Object.fromEntries(
        Object.entries(loaders).map(([condition, loader]) => [
          condition,
          `./${name}.${loader}${extension}`,
        ]),
      );
    const { workerd, "edge-light": edge, ...imported } = files(LOADERS, ".js");
    manifest.exports[subpath] = {
      ...types,
      workerd,
      "edge-light": edge,
      require: files(REQUIRED, ".cjs"),
      ...imported,
    };
  }
}
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
