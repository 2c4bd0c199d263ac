// The tools with which merchants build, bundle and test. Each row takes the packed package, builds
// a program with it, and runs the program with one signed webhook. `main.mjs [--all] [--only
// ROW,...]`, in a directory with the projects of `tests/matrix` and their installed packages.
// `cargo xtask test
// --only matrix` runs it. It names programs in GWOP_NODE, GWOP_BUN, GWOP_DENO and GWOP_WRANGLER,
// and the package in GWOP_TARBALL.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Report } from "./checks.mjs";
import { freePort, runProgram, started, startProgram } from "./programs.mjs";
import { sign } from "./sign.js";

const { GWOP_NODE, GWOP_BUN, GWOP_DENO, GWOP_WRANGLER, GWOP_TARBALL } = process.env;
const top = process.cwd();
const DELIVERED = "200 applied, 401";
const env = {
  ...process.env,
  CI: "1",
  NODE_ENV: undefined,
  // Several of the tools need a newer Node than this repository.
  PATH: `${dirname(GWOP_NODE)}${delimiter}${process.env.PATH}`,
  NEXT_TELEMETRY_DISABLED: "1",
  ASTRO_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
  PARCEL_WORKERS: "0",
  NO_COLOR: "1",
};

function expect(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, got ${actual}`);
}

/** The project of a row, and how its tools run there. */
function project(name) {
  const cwd = join(top, name);
  const bin = (program) => join(cwd, "node_modules/.bin", program);
  const run = (program, args, more = {}) =>
    runProgram(program === "node" ? GWOP_NODE : bin(program), args, {
      cwd,
      limitMs: 240_000,
      ...more,
      env: { ...env, ...more.env },
    });
  /** Imports a tool as its users do. */
  const load = (file) => import(pathToFileURL(join(cwd, "node_modules", file)));
  const clean = (directory) => {
    rmSync(join(cwd, directory), { recursive: true, force: true });
    return join(cwd, directory);
  };
  return { cwd, bin, run, load, clean };
}

/**
 * Runs a built program in another place, where nothing is found by accident, and reads its output.
 */
async function expectDelivered(
  file,
  { program = GWOP_NODE, args = [file], directory = dirname(file) } = {},
) {
  const elsewhere = join("/tmp", `gwop-matrix-${process.pid}`);
  rmSync(elsewhere, { recursive: true, force: true });
  cpSync(directory, elsewhere, { recursive: true, verbatimSymlinks: true });
  try {
    const said = await runProgram(
      program,
      args.map((arg) => arg.replace(directory, elsewhere)),
      { cwd: elsewhere, env, limitMs: 30_000 },
    );
    expect(said.trim().split("\n").at(-1), DELIVERED, file);
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
}

/** Starts a server, sends it the webhooks, and ends it. `start` receives a free port. */
async function expectServed(start, path = "/hook") {
  const port = await freePort();
  const server = await start(port);
  const url = `http://127.0.0.1:${port}${path}`;
  try {
    const get = () => fetch(url, { signal: AbortSignal.timeout(20_000) });
    // Any response to GET shows that it listens.
    await started(async () => (await get()).status > 0, server, "the server", 200);
    const { request } = await sign();
    const headers = {
      ...request.headers,
      "content-type": "application/json",
      origin: `http://127.0.0.1:${port}`,
    };
    const answers = [];
    for (const given of [headers, { "content-type": "application/json", origin: headers.origin }]) {
      const response = await fetch(url, {
        method: "POST",
        body: request.body,
        headers: given,
        signal: AbortSignal.timeout(30_000),
      });
      answers.push([response.status, await response.text()]);
    }
    const [[status, text], [unsigned]] = answers;
    const outcome = /"outcome":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 500);
    if (`${status} ${outcome}, ${unsigned}` !== DELIVERED) {
      throw new Error(
        `${url}: expected ${DELIVERED}, got ${status} ${outcome}, ${unsigned}\n${server.output().slice(-3_000)}`,
      );
    }
  } finally {
    server.end();
    await server.exit;
  }
}

const node =
  (file, options = {}) =>
  (port) =>
    startProgram(GWOP_NODE, [file], {
      cwd: dirname(file),
      ...options,
      env: { ...env, PORT: `${port}`, HOST: "127.0.0.1", HOSTNAME: "127.0.0.1", ...options.env },
    });

/** Runs wrangler's workerd with a framework's build for Cloudflare. */
const wrangler =
  (cwd, args = []) =>
  async (port) => {
    const inspector = await freePort();
    const ports = ["--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", `${inspector}`];
    return startProgram(GWOP_WRANGLER, ["dev", ...args, "--local", ...ports], {
      cwd,
      env: { ...env, WRANGLER_LOG_PATH: join(top, "wrangler-logs") },
    });
  };

/** The content of a container: only the directory, away from the sources and installed packages. */
function deployed(directory) {
  const target = join("/tmp", `gwop-matrix-${process.pid}-deployed`);
  rmSync(target, { recursive: true, force: true });
  cpSync(directory, target, { recursive: true, verbatimSymlinks: true });
  process.once("exit", () => rmSync(target, { recursive: true, force: true }));
  return target;
}

/** A row per tool, or per way of using it. */
const rows = {};

// ── Bundlers and file tracing, for Node.
{
  const { cwd, bin, run, load, clean } = project("bundlers");
  rows["nft"] = async () => {
    const { nodeFileTrace } = await load("@vercel/nft/out/index.js");
    const { fileList } = await nodeFileTrace([join(cwd, "print.js")], {
      base: cwd,
      processCwd: cwd,
    });
    const traced = clean("out/nft");
    for (const file of fileList) cpSync(join(cwd, file), join(traced, file));
    await expectDelivered(join(traced, "print.js"));
  };
  for (const format of ["esm", "cjs"]) {
    const file = join(cwd, `out/esbuild-${format}/index.${format === "esm" ? "mjs" : "cjs"}`);
    // With the settings of the AWS CDK's NodejsFunction, SAM and serverless-esbuild.
    rows[`esbuild, ${format}`] = async () => {
      await run("node", [
        "node_modules/esbuild/bin/esbuild",
        "print.js",
        "--bundle",
        "--platform=node",
        "--target=node20",
        `--format=${format}`,
        `--outfile=${file}`,
        "--minify",
      ]);
      await expectDelivered(file);
    };
  }
  rows["rollup"] = async () => {
    const { rollup } = await load("rollup/dist/es/rollup.js");
    const { nodeResolve } = await load("@rollup/plugin-node-resolve/dist/es/index.js");
    const warnings = [];
    const bundle = await rollup({
      input: join(cwd, "print.js"),
      plugins: [nodeResolve({ exportConditions: ["node"] })],
      onwarn: (warning) => warnings.push(warning.message),
    });
    for (const [format, file] of [
      ["es", "index.mjs"],
      ["cjs", "index.cjs"],
    ]) {
      await bundle.write({
        file: join(cwd, "out/rollup", file),
        format,
        inlineDynamicImports: true,
      });
      await expectDelivered(join(cwd, "out/rollup", file));
    }
    expect(warnings.join(), "", "rollup's warnings");
  };
  rows["webpack"] = async () => {
    await run("webpack", ["--config", "webpack.config.mjs"]);
    await expectDelivered(join(cwd, "out/webpack/main.js"));
  };
  rows["rspack"] = async () => {
    await run("rspack", ["build", "--config", "rspack.config.mjs"]);
    await expectDelivered(join(cwd, "out/rspack/main.js"));
  };
  for (const version of [7, 8]) {
    rows[`vite ${version}`] = async () => {
      const { build } = await load(`vite${version}/dist/node/index.js`);
      const outDir = join(cwd, `out/vite${version}`);
      await build({
        root: cwd,
        configFile: false,
        logLevel: "warn",
        ssr: { noExternal: true },
        build: { ssr: "print.js", outDir, emptyOutDir: true },
      });
      const [file] = readdirSync(outDir).filter((name) => /^print\.m?js$/.test(name));
      writeFileSync(join(outDir, "package.json"), '{ "type": "module" }');
      await expectDelivered(join(outDir, file));
    };
  }
  rows["bun, compiled"] = async () => {
    const file = join(clean("out/bun"), "program");
    await runProgram(GWOP_BUN, ["build", "--compile", "print.js", `--outfile=${file}`], {
      cwd,
      env,
    });
    await expectDelivered(file, { program: file, args: [] });
  };
  void bin;
}
{
  const { cwd, run, clean } = project("parcel");
  rows["parcel"] = async () => {
    const out = clean("out");
    clean(".parcel-cache");
    // Its settings come from the directory with the lock file.
    writeFileSync(join(cwd, "yarn.lock"), "");
    // With `packageExports` in package.json. Without it, Parcel ignores `exports` of all packages.
    await run("parcel", ["build", "print.js", "--no-source-maps", "--no-cache"]);
    writeFileSync(join(out, "package.json"), '{ "type": "commonjs" }');
    await expectDelivered(join(out, "print.js"));
  };
}

// ── Test runners.
for (const version of [29, 30]) {
  const { cwd, run } = project(`jest${version}`);
  rows[`jest ${version}: babel-jest, ts-jest, jsdom`] = () => run("jest", ["--ci", "--runInBand"]);
  rows[`jest ${version}: ES modules`] = () => {
    for (const file of ["shop.js", "deliver.js", "sign.js"])
      cpSync(join(cwd, file), join(cwd, "esm", file));
    return run("jest", ["--ci", "--runInBand"], {
      env: { ESM: "1", NODE_OPTIONS: "--experimental-vm-modules" },
    });
  };
}
{
  const { run } = project("vitest");
  rows["vitest: node, jsdom, happy-dom, each inlined too"] = async () => {
    const said = await run("vitest", ["run"]);
    if (!/6 passed/.test(said)) throw new Error(said.slice(-2_000));
  };
  const workers = project("vitest-workers");
  rows["vitest: @cloudflare/vitest-pool-workers"] = () => workers.run("vitest", ["run"]);
}

// ── Frameworks, built and served.
for (const version of [15, 16]) {
  const { cwd, run, clean } = project(`next${version}`);
  for (const bundler of ["webpack", "turbopack"]) {
    rows[`next ${version}, ${bundler}: standalone, edge route, client component`] = async () => {
      clean(".next");
      const flag =
        version === 15
          ? bundler === "turbopack"
            ? ["--turbopack"]
            : []
          : bundler === "webpack"
            ? ["--webpack"]
            : [];
      await run("next", ["build", ...flag], { limitMs: 400_000 });
      const page = readFileSync(join(cwd, ".next/server/app/pay.html"), "utf8");
      if (!/to pay: (<!-- -->)?5 USDC/.test(page))
        throw new Error(`the client component was not rendered: ${page.slice(0, 600)}`);
      const server = join(deployed(join(cwd, ".next/standalone")), "server.js");
      await expectServed(node(server), "/hook");
      await expectServed(node(server), "/edge");
    };
  }
}
for (const version of [2, 3]) {
  const { cwd, run, clean } = project(`nitro${version}`);
  const program = version === 2 ? "nitropack" : "nitro";
  rows[`nitro ${version}: node`] = async () => {
    clean(".output");
    await run(program, ["build", "--preset", "node_server"]);
    await expectServed(
      node(join(deployed(join(cwd, ".output")), "server/index.mjs"), {
        env: { NITRO_HOST: "127.0.0.1" },
      }),
    );
  };
  rows[`nitro ${version}: cloudflare`] = async () => {
    clean(".output");
    await run(program, ["build", "--preset", "cloudflare_module"]);
    await expectServed(wrangler(cwd, ["-c", ".output/server/wrangler.json"]));
  };
}
{
  const { cwd, run, clean } = project("nuxt");
  const build = (preset) => {
    clean(".output");
    return run("nuxt", ["build", "--preset", preset], { env: { NUXT_TELEMETRY_DISABLED: "1" } });
  };
  rows["nuxt: node"] = async () => {
    await build("node_server");
    await expectServed(
      node(join(deployed(join(cwd, ".output")), "server/index.mjs"), {
        env: { NITRO_HOST: "127.0.0.1" },
      }),
    );
  };
  rows["nuxt: cloudflare"] = async () => {
    await build("cloudflare_module");
    await expectServed(wrangler(cwd, ["-c", ".output/server/wrangler.json"]));
  };
}
{
  const { cwd, run, clean } = project("sveltekit");
  const build = (ADAPTER) => {
    clean(".svelte-kit");
    return run("vite", ["build"], { env: { ADAPTER } });
  };
  rows["sveltekit: node"] = async () => {
    clean("build");
    await build("node");
    const directory = join(cwd, "build");
    await expectServed(node(join(directory, "index.js")));
  };
  rows["sveltekit: cloudflare"] = async () => {
    await build("cloudflare");
    await expectServed(wrangler(cwd));
  };
  rows["sveltekit: vercel's output"] = async () => {
    clean(".vercel");
    await build("vercel");
    const functions = join(cwd, ".vercel/output/functions");
    const [name] = readdirSync(functions).filter(
      (file) => file.endsWith(".func") && existsSync(join(functions, file, ".vc-config.json")),
    );
    const root = deployed(realpathSync(join(functions, name)));
    const { handler } = JSON.parse(readFileSync(join(root, ".vc-config.json"), "utf8"));
    await expectServed(node(vercelServer(root, handler)));
  };
}

/** Works like Vercel's launcher: the default export takes Node's requests, or has a `fetch`. */
function vercelServer(root, handler) {
  const file = join(root, "launcher.mjs");
  writeFileSync(
    file,
    `import { createServer } from "node:http";
const { default: given } = await import(${JSON.stringify(`./${handler}`)});
const serve = async (req, res) => {
  if (typeof given === "function") return given(req, res);
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = req.method === "POST" ? Buffer.concat(chunks) : undefined;
  const response = await given.fetch(new Request("http://" + req.headers.host + req.url, { method: req.method, headers: req.headers, body }));
  res.writeHead(response.status, [...response.headers].flat()).end(Buffer.from(await response.arrayBuffer()));
};
createServer((req, res) => serve(req, res).catch((error) => res.writeHead(500).end(String(error.stack)))).listen(process.env.PORT, "127.0.0.1");
`,
  );
  return file;
}
{
  const { cwd, run, clean } = project("astro");
  const build = (ADAPTER) => run("astro", ["build"], { env: { ADAPTER } });
  rows["astro: node"] = async () => {
    clean("dist-node");
    await build("node");
    await expectServed(node(join(cwd, "dist-node/server/entry.mjs")));
  };
  rows["astro: cloudflare"] = async () => {
    clean("dist-cloudflare");
    await build("cloudflare");
    await expectServed(wrangler(cwd));
  };
}
{
  const { cwd, run, clean, bin } = project("react-router");
  rows["react-router 7"] = async () => {
    clean("build");
    await run("react-router", ["build"]);
    await expectServed((port) =>
      startProgram(bin("react-router-serve"), ["build/server/index.js"], {
        cwd,
        env: { ...env, PORT: `${port}`, HOST: "127.0.0.1" },
      }),
    );
  };
}
{
  const { cwd } = project("sentry");
  rows["@sentry/node, which hooks into module loading"] = async () => {
    const said = await runProgram(GWOP_NODE, ["--import", "./instrument.mjs", "print.js"], {
      cwd,
      env,
    });
    expect(said.trim().split("\n").at(-1), DELIVERED, "under @sentry/node");
  };
}

// ── Package managers, each with its own way of laying out packages.
{
  const { cwd, bin, clean } = project("managers");
  const fresh = (name, manifest) => {
    const directory = clean(`out/${name}`);
    mkdirSync(directory, { recursive: true });
    for (const file of ["shop.js", "deliver.js", "print.js", "sign.js"])
      cpSync(join(cwd, file), join(directory, file));
    writeFileSync(
      join(directory, "package.json"),
      JSON.stringify({ name, private: true, type: "module", ...manifest }),
    );
    return directory;
  };
  const dependencies = { "@gwop/sdk": `file:${resolve(GWOP_TARBALL ?? "")}` };
  rows["pnpm"] = async () => {
    const directory = fresh("pnpm", { dependencies });
    await runProgram(
      GWOP_NODE,
      [
        join(cwd, "node_modules/pnpm/bin/pnpm.mjs"),
        "install",
        "--offline",
        "--ignore-scripts",
        "--no-lockfile",
        "--store-dir",
        join(directory, ".store"),
      ],
      { cwd: directory, env },
    );
    const said = await runProgram(GWOP_NODE, ["print.js"], { cwd: directory, env });
    expect(said.trim(), DELIVERED, "with pnpm");
  };
  rows["yarn, Plug'n'Play"] = async () => {
    const directory = fresh("yarn", { dependencies });
    writeFileSync(join(directory, "yarn.lock"), "");
    writeFileSync(
      join(directory, ".yarnrc.yml"),
      `nodeLinker: pnp\nenableTelemetry: false\nenableGlobalCache: false\nenableImmutableInstalls: false\nenableScripts: false\n`,
    );
    const yarn = [join(cwd, "node_modules/@yarnpkg/cli-dist/bin/yarn.js")];
    const more = { cwd: directory, env: { ...env, CI: undefined, YARN_IGNORE_PATH: "1" } };
    await runProgram(GWOP_NODE, [...yarn, "install"], more);
    if (existsSync(join(directory, "node_modules/@gwop")))
      throw new Error("this is no Plug'n'Play");
    const said = await runProgram(GWOP_NODE, [...yarn, "node", "print.js"], more);
    expect(said.trim().split("\n").at(-1), DELIVERED, "with Yarn");
  };
  void bin;
}

// ── Types, strict, including the declarations of the package.
{
  const { cwd } = project("types");
  const tsc = async (directory, file, options, typescript = "typescript5.9") => {
    const base = {
      target: "es2022",
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      lib: ["es2022"],
    };
    const config = join(directory, `tsconfig.${file}.json`);
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { ...base, ...options }, files: [file] }),
    );
    await runProgram(
      GWOP_NODE,
      [join(cwd, `node_modules/${typescript}/bin/tsc`), "--project", config],
      { cwd: directory, env },
    );
  };
  for (const version of [20, 22, 24, 25]) {
    rows[`types: without DOM names, @types/node ${version === 25 ? "newest" : version}`] =
      async () => {
        // In a project with only this version, because packages of types refer to each other by
        // name.
        const directory = join(cwd, `out/node${version}`);
        const own = join(cwd, `node_modules/@types/node${version}`);
        const undici = [
          join(own, "node_modules/undici-types"),
          join(cwd, "node_modules/undici-types"),
        ].find((path) => existsSync(path));
        const modules = join(directory, "node_modules");
        for (const [from, to] of [
          [own, "@types/node"],
          [undici, "undici-types"],
          [join(cwd, "node_modules/@gwop"), "@gwop"],
        ]) {
          rmSync(join(modules, to), { recursive: true, force: true });
          cpSync(from, join(modules, to), { recursive: true });
        }
        cpSync(join(cwd, "handle.ts"), join(directory, "handle.ts"));
        writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
        await tsc(directory, "handle.ts", { types: ["node"] });
      };
  }
  rows["types: node10, node16, nodenext, bundler"] = async () => {
    const resolutions = [
      { module: "commonjs", moduleResolution: "node10" },
      { module: "node16", moduleResolution: "node16" },
      { module: "nodenext", moduleResolution: "nodenext" },
      { module: "esnext", moduleResolution: "bundler" },
    ];
    // Not all of the peers' own declarations pass with these options.
    const more = { types: ["node22"], skipLibCheck: true, esModuleInterop: true };
    for (const resolution of resolutions) await tsc(cwd, "every.ts", { ...resolution, ...more });
    // The file's name makes it CommonJS.
    writeFileSync(join(cwd, "every.cts"), readFileSync(join(cwd, "every.ts"), "utf8"));
    for (const module of ["node16", "nodenext"]) await tsc(cwd, "every.cts", { module, ...more });
  };
  rows["types: handlers fit Bun, Workers, Hono, Next, SvelteKit, Astro, Deno"] = async () => {
    const more = { skipLibCheck: true };
    await tsc(cwd, "bun.ts", { types: ["bun"], ...more });
    await tsc(cwd, "worker.ts", { types: ["@cloudflare/workers-types"], ...more });
    await tsc(cwd, "hono.ts", { types: ["node22"], ...more });
    const bundler = {
      module: "esnext",
      moduleResolution: "bundler",
      lib: ["es2022", "dom", "dom.iterable"],
      types: [],
      ...more,
    };
    for (const host of ["next16", "sveltekit", "astro"])
      await tsc(join(top, host), "types.ts", bundler);
    await runProgram(GWOP_DENO, ["check", "--no-lock", "--node-modules-dir=manual", "deno.ts"], {
      cwd,
      env,
    });
  };
  rows["types: the quickstart of each runtime, as pasted"] = async () => {
    const paste = (page, file) => {
      const text = readFileSync(
        join(cwd, `node_modules/@gwop/sdk/docs/quickstarts/${page}.md`),
        "utf8",
      );
      const [, sample] =
        new RegExp(`^\`\`\`[jt]s ${file.replace(".", "\\.")}\n([^]*?)^\`\`\``, "m").exec(text) ??
        [];
      if (!sample) throw new Error(`docs/quickstarts/${page}.md shows no ${file}`);
      writeFileSync(join(cwd, `quickstart-${page}.ts`), sample);
      return `quickstart-${page}.ts`;
    };
    const own = [
      ["node", "server.js", "node22"],
      ["bun", "server.js", "bun"],
      ["workers", "src/index.ts", "@cloudflare/workers-types"],
    ];
    for (const [page, file, types] of own)
      await tsc(cwd, paste(page, file), { types: [types], skipLibCheck: true });
    await tsc(cwd, paste("browser", "pay.js"), {
      types: [],
      lib: ["es2022", "dom", "dom.iterable"],
    });
    await runProgram(
      GWOP_DENO,
      ["check", "--no-lock", "--node-modules-dir=manual", paste("deno", "server.js")],
      { cwd, env },
    );
  };
  // `tests/seeds/extract.mjs` leaves out the frameworks' samples. `tests/frameworks` checks them.
  rows["types: samples of /checkout and /slim"] = async () => {
    const sampleOf = (file) => {
      const [, sample] =
        /^[ *]*```ts\n([^]*?)^[ *]*```/m.exec(
          readFileSync(join(cwd, "node_modules/@gwop/sdk", file), "utf8"),
        ) ?? [];
      if (!sample) throw new Error(`${file} has no sample`);
      return sample.replace(/^ +\* ?/gm, "");
    };
    const names = `import { GwopCheckout } from "@gwop/sdk/checkout";
declare const request: { headers: import("node:http").IncomingHttpHeaders };
declare const rawBody: Buffer;
declare const secret: string;
`;
    writeFileSync(
      join(cwd, "documented.ts"),
      `${names}${sampleOf("checkout/client.d.ts")}${sampleOf("checkout/webhooks.d.ts")}`,
    );
    await tsc(cwd, "documented.ts", { types: ["node22"], skipLibCheck: true });
    writeFileSync(join(cwd, "documented-slim.ts"), sampleOf("slim.d.ts"));
    await tsc(cwd, "documented-slim.ts", { types: [], lib: ["es2022", "dom"] });
  };
  rows["types: TypeScript 7"] = async () => {
    const more = { types: ["node22"], skipLibCheck: true };
    for (const [module, moduleResolution] of [
      ["node16", "node16"],
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ]) {
      await tsc(cwd, "every.ts", { module, moduleResolution, ...more }, "typescript7");
    }
  };
}

/** Rows for `cargo xtask test --all` only: they show too little more to run each time. */
const LONG = [];

const all = process.argv.includes("--all");
const only = process.argv.includes("--only")
  ? process.argv[process.argv.indexOf("--only") + 1].split(";")
  : undefined;
const report = new Report("matrix");
for (const [name, row] of Object.entries(rows)) {
  if (only ? only.some((part) => name.startsWith(part)) : all || !LONG.includes(name))
    await report.run(name, row);
}
report.end();
