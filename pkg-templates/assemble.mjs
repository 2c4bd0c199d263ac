// Assembles the JavaScript part of the npm package: `node assemble.mjs OUT VERSION`. `cargo xtask
// build` runs it when OUT contains the wasm and its glue. tsc emits the TypeScript declarations,
// and types.mjs completes them.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

const [out, version] = process.argv.slice(2);
const here = import.meta.dirname;

/**
 * The loaders of the wasm (`entries/load.*.js`), by the condition under which a runtime or bundler
 * selects them. The first match wins. No condition is specific to some tools, because the files
 * that a tool copies or bundles must be those that the runtime loads.
 */
const LOADERS = {
  workerd: "static",
  "edge-light": "static",
  deno: "embedded",
  node: "node",
  browser: "browser",
  default: "embedded",
};

/**
 * The loaders for `require`, which cannot wait and needs the bytes in the file. Bundlers that
 * compile ahead of time use the ES module.
 */
const REQUIRED = { node: "node", default: "embedded" };

/** The surfaces that load their wasm by themselves. */
const SURFACES = ["index", "checkout", "simulator"];

/** The agent's surface. It shares no file with the others, so that all of them stay small. */
const AGENT = ["agent"];

/** The subpaths that load nothing. */
const PLAIN = ["slim", "errors", "models/errors", "handlers/index", "stores/index", ...adapters()];

/** Returns the files that package.json names below `handlers/`, except the handlers themselves. */
function adapters() {
  const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8"));
  return Object.values(exports).flatMap(
    (value) => /^\(plain\) (handlers\/(?!index).+)$/.exec(value)?.[1] ?? [],
  );
}

/**
 * The shared files. Code of several subpaths is in files of its own, so that they share each class.
 * There are few of them, because each one costs Node about a millisecond.
 */
const SHARED = [
  [
    "gwop",
    /\/src\/(?!checkout|handlers|simulator|slim|stores|errors\.ts|models\/errors\.ts|instance|loading)/,
  ],
  ["handlers", /\/src\/handlers\/(apply|auth|fetch|http|node|reconcile|webhook)/],
  ["simulator", /\/src\/simulator(\/|\.ts)/],
  ["simulator.base64", /^base64:.*\/simulator/],
  ["gwop.base64", /^base64:.*\/gwop\.wasm\.base64$/],
];

/** The shared file of the agent. */
const SHARED_BY_AGENTS = [["agent", /\/src\/(?!agent-instance|loading)/]];

const flat = (name) => name.replaceAll("/", "-");
const bytesOf = (wasm) => readFileSync(join(out, wasm));
const hash = createHash("sha256")
  .update(bytesOf("gwop.wasm"))
  .update(bytesOf("simulator.wasm"))
  .update(bytesOf("agent.wasm"))
  .digest("hex")
  .slice(0, 12);

/** Returns the code of the loader for a surface's wasm. */
function loaderOf(loader, surface) {
  const code = readFileSync(join(here, "entries", `load.${loader}.js`), "utf8");
  if (surface !== "simulator" && surface !== "agent") return code;
  return code
    .replaceAll("gwop.wasm", `${surface}.wasm`)
    .replaceAll("./instance.js", `./${surface}-instance.js`);
}

/**
 * Returns the code of a loader's file, with the glue as a plain object instead of a namespace. For
 * a namespace, rolldown adds a helper file, which costs Node another third of a millisecond.
 */
function withoutNamespace(file) {
  const code = readFileSync(file, "utf8");
  if (!file.endsWith("_bg.js")) return code.replace("import * as glue from", "import glue from");
  const names = [...code.matchAll(/^export (?:function|class) (\w+)/gm)].map(([, name]) => name);
  return `${code}\nexport default { ${names.join(", ")} };`;
}

/**
 * Returns the page of the local Gwop as a module. Its styles and its program are inside the HTML,
 * and the page's policy allows their hashes. The text is split by line, so that no line is long.
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
 * Every file keeps its names and lines, so that stack traces stay readable. Bundlers minify.
 */
async function write(
  format,
  extension,
  loaders,
  { surfaces = SURFACES, plain = PLAIN, groups = SHARED, prefix = "" } = {},
) {
  /** The entries that are not files. They load the wasm and re-export. */
  const written = new Map();
  for (const loader of new Set(Object.values(loaders))) {
    for (const name of surfaces) {
      // Both use the same wasm, loaded once.
      const load = name === "checkout" ? `import "./index.${loader}.js";` : loaderOf(loader, name);
      written.set(`${name}.${loader}`, `${load}\nexport * from "./${name}.js";`);
    }
  }
  const resolver = {
    name: "resolver",
    resolveId(id, importer) {
      const name = basename(id, ".js");
      // The file is next to the entry.
      if (/\.wasm\?module$/.test(id)) return { id, external: true };
      if (importer && written.has(name)) return { id: `./${name}${extension}`, external: true };
      if (written.has(name)) return `written:${name}`;
      if (name === "page") return "page:";
      // Each entry has its own loader code: an entry that loads nothing must not contain it.
      const owner = /^written:(.+)/.exec(importer)?.[1] ?? /\?of=(.+)$/.exec(importer)?.[1];
      if (!owner) return name.endsWith("_bg") ? join(out, `${name}.js`) : undefined;
      if (name.endsWith("_bg")) return `${join(out, `${name}.js`)}?of=${owner}`;
      // Node's entry also has its own bytes, because another file costs it a third of a millisecond.
      // For Deno, which takes the embedded one, a file of their own saves most of a millisecond.
      if (/base64$/.test(id)) {
        const own = !id.includes("simulator") && owner !== "index.embedded";
        return `base64:${id}${own ? `?of=${owner}` : ""}`;
      }
      if (name === "requirements") return `${join(here, "entries", id)}?of=${owner}`;
      const own = /^(\w+-)?instance$|^loading$/.test(name);
      return join(here, "src", `${name}.ts`) + (own ? `?of=${owner}` : "");
    },
    load(id) {
      if (id.startsWith("written:")) return written.get(id.slice("written:".length));
      if (id === "page:") return pageModule();
      if (id.startsWith("base64:")) {
        // On a line of its own, so that runtimes that print the line of an error do not print this
        // one.
        return `export default\n"${bytesOf(basename(id.split("?")[0], ".base64")).toString("base64")}";`;
      }
      if (!id.includes("?of=")) return undefined;
      const [file] = id.split("?");
      return { code: withoutNamespace(file), moduleType: file.endsWith(".ts") ? "ts" : "js" };
    },
  };
  const bundle = await rolldown({
    input: {
      ...Object.fromEntries([...written.keys()].map((name) => [name, name])),
      ...Object.fromEntries(plain.map((name) => [flat(name), join(here, "src", `${name}.ts`)])),
    },
    plugins: [resolver],
    // Optional peers.
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
    // Two runs write to one directory.
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
// These programs import the entries. They are not bundled, and no entry imports them.
cpSync(join(here, "cli"), join(out, "cli"), { recursive: true });

// 2. package.json: the template's shorthands become conditional exports.
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// Loading has side effects. Bundlers may drop anything else that is not used.
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
