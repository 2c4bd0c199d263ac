// Checks of the packed package: `package.mjs TARBALL`, from the consumer project. `cargo xtask test
// --only package` runs it. It names the programs in GWOP_DENO, GWOP_BUN, GWOP_WORKERD,
// GWOP_CHROMIUM, GWOP_CHROMEDRIVER, GWOP_FIREFOX and GWOP_GECKODRIVER.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build as bundle, transform } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { rolldown } from "rolldown";
import { build as viteBuild, createServer } from "vite";
import { EXPECTED } from "../projects/story.js";
import { runChecks } from "./checks.mjs";
import { freePort, runProgram, serveDirectory, started, startProgram } from "./programs.mjs";
import { readmeChecks } from "./readme.mjs";
import { resultOfPage, startBrowser } from "./webdriver.mjs";

const [tarball] = process.argv.slice(2);
const consumer = process.cwd();
const installed = join(consumer, "node_modules/@gwop/sdk");
const bin = resolve(consumer, "../../node_modules/.bin");
const out = join(consumer, "out/package");
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
const files = readdirSync(installed, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(installed, join(entry.parentPath, entry.name)));
const browsers = {
  chromium: { program: process.env.GWOP_CHROMIUM, driver: process.env.GWOP_CHROMEDRIVER },
  firefox: { program: process.env.GWOP_FIREFOX, driver: process.env.GWOP_GECKODRIVER },
};
/** The programs that `bin` names, and the files that only they import. */
const PROGRAMS = /^(gwop-simulator(-state)?\.js|cli\/.+)$/;
/**
 * Returns whether a file may use Node's modules: Node's entries, which load the wasm, and programs.
 */
const isForNode = (file) =>
  PROGRAMS.test(file) || /^(index|simulator|agent)\.node\.c?js$/.test(file);

function expect(holds, message) {
  if (!holds) throw new Error(message);
}

function expectEqual(actual, expected, what) {
  expect(actual === expected, `${what}: expected ${expected}, got ${actual}`);
}

/** Returns all files below a directory whose names have this ending. */
const below = (directory, ending) =>
  readdirSync(directory, { recursive: true }).filter((file) => file.endsWith(ending));

/** Returns all targets of `exports`: [subpath, conditions, file]. */
const targetsOf = (subpath, target, conditions = "") =>
  typeof target === "string"
    ? [[subpath, conditions, target]]
    : Object.entries(target).flatMap(([condition, inner]) =>
        targetsOf(subpath, inner, `${conditions} ${condition}`),
      );
const targets = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  targetsOf(subpath, target),
);

const checks = {
  "the tarball holds what it should and nothing else": () => {
    const expected =
      /^([\w-]+(\.[\w-]+)?\.c?js|cli\/([\w-]+\/)?[\w-]+\.js|[\w/-]+\.d\.c?ts|(gwop|simulator|agent)\.wasm|package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|docs\/([\w-]+\/)?[\w-]+\.(md|png))$/;
    const stray = files.filter((file) => !expected.test(file));
    expectEqual(stray.join(", "), "", "unexpected files");
    for (const file of [
      "README.md",
      "LICENSE",
      "CHANGELOG.md",
      "SECURITY.md",
      "gwop.wasm",
      "gwop_bg.js",
    ]) {
      expect(files.includes(file), `${file} is missing`);
    }
    for (const [subpath, condition, file] of targets) {
      expect(
        existsSync(join(installed, file)),
        `exports ${subpath} (${condition}) points to ${file}, which is missing`,
      );
    }
  },
  "a release is refused that lacks a file which another imports, or names another version":
    async () => {
      const directory = join(out, "release");
      const check = async (change) => {
        rmSync(directory, { recursive: true, force: true });
        cpSync(installed, join(directory, "package"), { recursive: true });
        change((file) => join(directory, "package", file));
        const packed = join(directory, "changed.tgz");
        await runProgram("tar", ["czf", packed, "-C", directory, "package"]);
        const args = [
          resolve(consumer, "../../pkg-templates/release.mjs"),
          packed,
          manifest.version,
          consumer,
        ];
        return runProgram(process.execPath, args).then(
          () => "taken",
          (error) => error.message,
        );
      };
      expectEqual(await check(() => {}), "taken", "the package as it is");
      for (const file of ["gwop.js", "handlers.js", "stores/record.d.ts"]) {
        const answer = await check((path) => rmSync(path(file)));
        expect(
          answer.includes(`/${file.replace(".d.ts", ".js").split("/").at(-1)}, which is not there`),
          `without ${file}: ${answer}`,
        );
      }
      const old = await check((path) => {
        const wasm = readFileSync(path("gwop.wasm"), "latin1");
        writeFileSync(
          path("gwop.wasm"),
          wasm.replace(/gwop-sdk\/\d+\.\d+\.\d+/, "gwop-sdk/0.9.9"),
          "latin1",
        );
      });
      expect(old.includes("the User-Agent is gwop-sdk/0.9.9"), old);
    },
  "a store alone, where nothing has loaded the wasm, says what to import": async () => {
    const file = join(out, "stores-alone.mjs");
    mkdirSync(out, { recursive: true });
    writeFileSync(
      file,
      `import { memoryStore } from "@gwop/sdk/stores";
const claim = () => memoryStore().claim({ eventId: "e", invoiceId: "i", status: "PAID", now: 1, leaseMs: 1000 });
const before = await claim().catch((error) => error.message);
await import("@gwop/sdk");
console.log(before, (await claim()).state);`,
    );
    const answer = await runProgram(process.execPath, [file]);
    expect(/gwop\.wasm is not loaded yet\. Import @gwop\/sdk .* claimed/.test(answer), answer);
  },
  "every entry loads without the wasm, and a rule of its that is asked before says what to import":
    async () => {
      const file = join(out, "rules-alone.mjs");
      mkdirSync(out, { recursive: true });
      writeFileSync(
        file,
        `const { createAuthRoutes } = await import("@gwop/sdk/handlers");
await import("@gwop/sdk/stores");
await import("@gwop/sdk/errors");
const { Gwop } = await import("@gwop/sdk/slim");
const gwop = new Gwop({ merchantId: "m", merchantApiKey: "k" });
const routes = () => createAuthRoutes({ gwop, authSecret: "a-secret-of-the-tests" });
let before = "no error";
try {
  routes();
} catch (error) {
  before = error.message;
}
await import("@gwop/sdk");
console.log(before, typeof routes());`,
      );
      const answer = await runProgram(process.execPath, [file]);
      expect(/gwop\.wasm is not loaded yet\. Import @gwop\/sdk .* function/.test(answer), answer);
    },
  "every relative link of a Markdown file leads to something in the tarball": () => {
    let links = 0;
    for (const file of files.filter((name) => name.endsWith(".md"))) {
      // Code contains no links.
      const text = readFileSync(join(installed, file), "utf8").replace(
        /^```[^]*?^```|`[^`]*`/gm,
        "",
      );
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path, anchor] = target.split("#");
        const linked = path ? join(dirname(file), path) : file;
        expect(files.includes(linked), `${file} links to ${target}, which is not packed`);
        const headings = readFileSync(join(installed, linked), "utf8").match(/^#+ .+$/gm) ?? [];
        const anchors = headings.map((line) =>
          line
            .replace(/^#+ /, "")
            .toLowerCase()
            .replace(/[^\w\- ]/g, "")
            .replaceAll(" ", "-"),
        );
        expect(
          !anchor || anchors.includes(anchor),
          `${file} links to ${target}, which has no such heading`,
        );
        links += 1;
      }
    }
    expect(links >= 6, `only ${links} links were found`);
  },
  "package.json promises no dependency but optional peers, and no install script": () => {
    for (const field of ["dependencies", "optionalDependencies", "scripts"]) {
      expect(!(field in manifest), `package.json has ${field}`);
    }
    for (const peer of Object.keys(manifest.peerDependencies)) {
      expect(
        manifest.peerDependenciesMeta[peer].optional === true,
        `the peer ${peer} is not optional`,
      );
    }
    expectEqual(manifest.type, "module", "type");
    const subpaths = [
      ".",
      "./slim",
      "./checkout",
      "./errors",
      "./models/errors",
      "./models",
      "./models/operations",
    ];
    const adapters = [
      "astro",
      "azure-functions",
      "elysia",
      "express",
      "fastify",
      "h3",
      "hono",
      "koa",
      "lambda",
      "nestjs",
      "next",
      "react-router",
      "sveltekit",
    ];
    const patterns = ["./handlers", "./stores", ...adapters.map((name) => `./${name}`)];
    for (const subpath of [
      ...subpaths,
      ...patterns,
      "./models/webhooks",
      "./types",
      "./simulator",
      "./agent",
      "./package.json",
    ]) {
      expect(subpath in manifest.exports, `exports lacks ${subpath}`);
    }
    for (const surface of [".", "./checkout", "./simulator", "./agent"]) {
      // No condition is specific to some tools, so that they copy what the runtime loads. Node has
      // one file.
      const order = Object.keys(manifest.exports[surface]).join(" ");
      expectEqual(
        order,
        "types workerd edge-light require deno node browser default",
        `conditions of ${surface}`,
      );
      expectEqual(
        Object.keys(manifest.exports[surface].require).join(" "),
        "node default",
        `conditions of ${surface}, required`,
      );
    }
  },
  "no JavaScript needs Node, Buffer, or code from strings": () => {
    for (const file of files.filter((name) => /\.c?js$/.test(name))) {
      const code = readFileSync(join(installed, file), "utf8");
      if (!PROGRAMS.test(file)) expect(!/["'`]node:/.test(code), `${file} imports from Node`);
      expect(file.endsWith(".cjs") || !/\brequire\(/.test(code), `${file} requires`);
      if (!isForNode(file)) expect(!/\bBuffer\b/.test(code), `${file} uses Buffer`);
      // wasm-bindgen's glue contains `Function(name)` in a message.
      expect(
        !/\beval\(|new Function\(|(?<!`)\bFunction\(/.test(code),
        `${file} makes code from strings`,
      );
      // Code that is compiled ahead of the program must not contain the bytes in any form.
      const carries = /\.base64\.c?js["']|"AGFzbQ/.test(code) && !/\.base64\./.test(file);
      expectEqual(
        carries,
        /^(index|simulator|agent)\.(node|embedded)\.c?js$/.test(file),
        `${file} carries the wasm's bytes`,
      );
    }
  },
  "workerd and edge runtimes get their wasm by a static import": () => {
    for (const [file, wasm] of [
      ["index.static.js", "gwop.wasm"],
      ["simulator.static.js", "simulator.wasm"],
      ["agent.static.js", "agent.wasm"],
    ]) {
      const code = readFileSync(join(installed, file), "utf8");
      expect(
        new RegExp(`^import \\w+ from "\\./${wasm}\\?module";$`, "m").test(code),
        `${file} does not import ${wasm} statically`,
      );
      expect(
        !/new WebAssembly\.Module|\bfetch\(/.test(
          code.replace(/^\t\tcompile\(bytes\) \{[^}]*\}/m, ""),
        ),
        `${file} compiles code`,
      );
    }
  },
  "an error's stack and source line can be read": async () => {
    const program = 'import { Gwop } from "@gwop/sdk";\nnew Gwop({ timeoutMs: null });\n';
    const said = await runProgram(process.execPath, [
      "--input-type=module",
      "--eval",
      program,
    ]).catch((error) => error.message);
    expect(/options\.timeoutMs must be left out, not null/.test(said), said);
    expect(
      /at readOptions \(.*\/gwop\.js:\d+:\d+\)\n +at new Gwop \(/.test(said),
      `names are lost: ${said.slice(0, 2_000)}`,
    );
    expect(said.length < 3_000, `${said.length} characters`);
    // The wasm's bytes have their own line, and no code on it throws.
    const lines = (file) =>
      readFileSync(join(installed, file), "utf8")
        .split("\n")
        .filter((line) => !/^(\w+ \w+ = )?"[\w+/=]+";$/.test(line));
    const longest = (file) => Math.max(...lines(file).map((line) => line.length));
    for (const file of files.filter((name) => /\.c?js$/.test(name))) {
      expect(longest(file) < 2_000, `${file} has a line of ${longest(file)} characters`);
    }
  },
  "each surface loads few files, and none that only another one needs": () => {
    const reached = (file, all = new Set()) => {
      if (all.has(file)) return all;
      all.add(file);
      const code = readFileSync(join(installed, file), "utf8");
      for (const [, next] of code.matchAll(/(?:\bfrom|\bimport) "\.\/([\w.-]+\.js)"/g))
        reached(next, all);
      return all;
    };
    const expected = {
      "index.node.js": ["gwop.js"],
      "checkout.node.js": ["gwop.js", "index.node.js", "checkout.js"],
      "simulator.node.js": ["gwop.js", "simulator.base64.js", "simulator.js"],
      "agent.node.js": ["agent.js"],
      "errors.js": ["gwop.js"],
      "handlers-hono.js": ["gwop.js", "handlers.js"],
    };
    for (const [entry, files] of Object.entries(expected)) {
      expectEqual([...reached(entry)].sort().join(), [entry, ...files].sort().join(), entry);
    }
  },
  "a bundle holds only what it uses of the shared files": async () => {
    const client = /validateWebhookSync|addHook/;
    const loading = /WebAssembly\.|base64|\.wasm\?module|__wbg_/;
    const absent = {
      errors: [client, loading, /TextEncoder|TextDecoder/],
      "models/errors": [client, loading, /TextEncoder|TextDecoder/],
      hono: [/addHook/, loading],
      // No other adapter contains code for Lambda's event forms. Base64 does not count as loading.
      fastify: [/addHook/, loading, /statusDescription/],
      koa: [/addHook/, loading, /statusDescription/],
      lambda: [/addHook/, /WebAssembly\.|\.wasm\?module|__wbg_/, /readableDidRead/],
      stores: [client, loading],
      checkout: [/validateWebhookSync/],
      simulator: [/validateWebhookSync/],
    };
    for (const [subpath, patterns] of Object.entries(absent)) {
      const file = join(out, `uses-${subpath.replace("/", "-")}.js`);
      writeFileSync(file, `export * from "@gwop/sdk/${subpath}";\n`);
      const settings = {
        bundle: true,
        format: "esm",
        platform: "neutral",
        minify: true,
        external: ["node:*", "*.wasm", "*.wasm?module", "express"],
        write: false,
      };
      const { outputFiles } = await bundle({
        entryPoints: [file],
        conditions: ["workerd"],
        ...settings,
      });
      const rolled = await rolldown({
        input: file,
        resolve: { conditionNames: ["import", "workerd"] },
        external: /\.wasm(\?module)?$|^node:/,
        logLevel: "warn",
      });
      const { output } = await rolled.generate({ format: "esm" });
      for (const code of [outputFiles[0].text, output.map((chunk) => chunk.code).join("\n")]) {
        for (const pattern of patterns)
          expect(!pattern.test(code), `a bundle of ${subpath} holds ${pattern.exec(code)?.[0]}`);
      }
    }
  },
  "only what loads by fetch awaits at the top level": async () => {
    for (const file of files.filter((name) => name.endsWith(".js") && !PROGRAMS.test(name))) {
      // This format refuses an `await` at the top level.
      const awaits = await transform(readFileSync(join(installed, file), "utf8"), {
        format: "cjs",
        logLevel: "silent",
      }).then(
        () => false,
        () => true,
      );
      expectEqual(
        awaits,
        file.endsWith(".browser.js") && !file.startsWith("checkout"),
        `${file} awaits`,
      );
    }
  },
  publint: async () => {
    const { messages } = await publint({ pkgDir: installed, strict: true, pack: false });
    expectEqual(
      messages.map((message) => formatMessage(message, manifest)).join("\n"),
      "",
      "publint",
    );
  },
  "are the types wrong?": () =>
    // `node10` ignores `exports`: it cannot find the wasm. `types` checks the subpaths that it
    // finds.
    runProgram(join(bin, "attw"), [tarball, "--profile", "node16"]),
  "every subpath can be imported and required, and has the same exports": async () => {
    const subpaths = Object.keys(manifest.exports).filter(
      (subpath) => !/\.(json|wasm)$/.test(subpath),
    );
    const program = `import { createRequire } from "node:module";
const names = (exported) => Object.keys(exported).filter((name) => name !== "default" && name !== "module.exports").sort().join();
for (const subpath of ${JSON.stringify(subpaths.map((subpath) => `@gwop/sdk${subpath.slice(1)}`))}) {
  const [imported, required] = [await import(subpath), createRequire(import.meta.url)(subpath)].map(names);
  if (imported !== required) throw new Error(subpath + ": " + imported + " is not " + required);
}`;
    const file = join(out, "every.mjs");
    writeFileSync(file, program);
    await runProgram(process.execPath, [file]);
  },
  "Node: import and require, which share the wasm, the errors, the JWK Set and the stores":
    async () => {
      await runProgram(process.execPath, ["projects/print.mjs"]);
      // Whether or not this Node can require an ES module.
      await runProgram(process.execPath, ["projects/require.cjs"]);
      await runProgram(process.execPath, ["projects/both.mjs"]);
    },
  "Node: one signal for many calls, the hosts of the environment, and errors about it":
    async () => {
      await runProgram(process.execPath, ["projects/signal.mjs"]);
      await runProgram(process.execPath, ["projects/hosts.mjs"]);
      await runProgram(process.execPath, ["projects/variables.mjs"]);
    },
  "gwop-simulator, as npx finds it": async () => {
    const command = startProgram(join(consumer, "node_modules/.bin/gwop-simulator"), [
      "--port",
      "0",
    ]);
    try {
      await started(() => /listens on http/.test(command.output()), command, "gwop-simulator");
    } finally {
      command.end();
    }
  },
  "gwop, as npx finds it": async () => {
    const said = await runProgram(join(consumer, "node_modules/.bin/gwop"), ["--version"]);
    expectEqual(said.trim(), manifest.version, "gwop --version");
  },
  "Deno, without any permission": () =>
    runProgram(process.env.GWOP_DENO, [
      "run",
      "--no-prompt",
      "--node-modules-dir=manual",
      "projects/print.mjs",
    ]),
  "Bun: run, and a bundle": async () => {
    await runProgram(process.env.GWOP_BUN, ["run", "projects/print.mjs"]);
    const outdir = join(out, "bun");
    await runProgram(process.env.GWOP_BUN, [
      "build",
      "projects/print.mjs",
      "--target=bun",
      `--outdir=${outdir}`,
    ]);
    // From another directory, so that nothing is found by accident.
    await runProgram(process.env.GWOP_BUN, [join(outdir, "print.js")], { cwd: "/" });
  },
  "workerd through wrangler": async () => {
    const cwd = join(consumer, "projects/wrangler");
    const outdir = join(out, "wrangler");
    const env = {
      ...process.env,
      CI: "1",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_LOG_PATH: join(out, "wrangler-logs"),
    };
    const wrangler = join(bin, "wrangler");
    await runProgram(wrangler, ["deploy", "--dry-run", "--outdir", outdir], { cwd, env });
    expectEqual(below(outdir, ".wasm").length, 1, "wasm files in the bundle");
    const [port, inspector] = [await freePort(), await freePort()];
    const ports = ["--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", `${inspector}`];
    const server = startProgram(wrangler, ["dev", "--local", ...ports], { cwd, env });
    try {
      const answer = () =>
        fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) });
      await started(async () => (await answer()).ok, server, "wrangler dev");
      expectEqual(await (await answer()).text(), EXPECTED, "the worker's answer");
    } finally {
      server.end();
    }
  },
  "an esbuild bundle for Node, and for browsers with the wasm copied beside it": async () => {
    for (const [platform, entry] of [
      ["node", "print.mjs"],
      ["browser", "vite/page.js"],
    ]) {
      const outdir = join(out, `esbuild-${platform}`);
      const result = await bundle({
        entryPoints: [`projects/${entry}`],
        bundle: true,
        format: "esm",
        target: "es2022",
        platform,
        outdir,
        entryNames: "main",
        metafile: true,
      });
      expect(Object.keys(result.metafile.outputs).length === 1, "esbuild made more than one file");
      if (platform === "browser") cpSync(join(installed, "gwop.wasm"), join(outdir, "gwop.wasm"));
    }
    await runProgram(process.execPath, [join(out, "esbuild-node/main.js")], { cwd: "/" });
    const site = join(out, "esbuild-browser");
    writeFileSync(
      join(site, "index.html"),
      '<!doctype html><meta charset="utf-8"><script type="module" src="main.js"></script>',
    );
  },
  "an esbuild bundle over /slim, by esbuild's own loaders": async () => {
    for (const loader of ["binary"]) {
      const outdir = join(out, `esbuild-slim-${loader}`);
      await bundle({
        entryPoints: ["projects/slim.mjs"],
        bundle: true,
        format: "esm",
        target: "es2022",
        loader: { ".wasm": loader },
        outdir,
      });
      await runProgram(process.execPath, [join(outdir, "slim.js")], { cwd: "/" });
    }
  },
  "a Vite build": async () => {
    await viteBuild({
      root: "projects/vite",
      configFile: false,
      logLevel: "warn",
      build: { outDir: join(out, "vite"), emptyOutDir: true, target: "es2022" },
    });
    expectEqual(below(join(out, "vite"), ".wasm").length, 1, "wasm files in the build");
  },
};

Object.assign(checks, readmeChecks({ directory: join(out, "readme"), browsers }));

for (const [name, paths] of Object.entries(browsers)) {
  checks[
    `in ${name}: Vite's build and dev server, the esbuild bundle, a server with wrong media types`
  ] = async () => {
    const sites = [
      ["the Vite build", await serveDirectory(join(out, "vite"))],
      [
        "the Vite build with a wrong media type",
        await serveDirectory(join(out, "vite"), { ".wasm": "text/plain" }),
      ],
      ["the esbuild bundle", await serveDirectory(join(out, "esbuild-browser"))],
    ];
    const port = await freePort();
    const dev = await createServer({
      root: join(consumer, "projects/vite"),
      configFile: false,
      logLevel: "warn",
      cacheDir: join(out, `vite-cache-${name}`),
      server: { host: "127.0.0.1", port, strictPort: true, ws: false },
    });
    const browser = await startBrowser(name, paths);
    try {
      await dev.listen();
      sites.push([
        "the Vite dev server",
        { url: `http://127.0.0.1:${port}`, close: () => dev.close() },
      ]);
      for (const [what, { url }] of sites) {
        expectEqual(await resultOfPage(browser, `${url}/`, 30_000), EXPECTED, what);
      }
    } finally {
      await browser.close();
      for (const [, site] of sites) await site.close();
    }
  };
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
(await runChecks("package", checks)).end();
