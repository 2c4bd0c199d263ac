// Follows the pages of docs/quickstarts to the letter: an empty folder, the page's commands and
// files, and a verified webhook. `main.mjs [--all] [--only PAGE,PAGE]`. `cargo xtask test --only
// quickstarts` runs it.
//
// Two things are replaced. `@gwop/sdk` and `@gwop/worker` are the packed tarballs, because they are
// not published yet, and the port is a free one. Without `--all`, the frameworks come from the
// tools' cache, with fixed versions. With it, `npm install` fetches them, as for readers of the
// page.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { Report } from "../runners/checks.mjs";
import { freePort, runProgram, started, startProgram } from "../runners/programs.mjs";
import { faultsOf, pagesOf } from "./pages.mjs";

const { GWOP_NODE, GWOP_BUN, GWOP_DENO, GWOP_TARBALL, GWOP_WORKER_TARBALL, GWOP_PREPARED } =
  process.env;
const TOP = resolve(import.meta.dirname, "../..");
const all = process.argv.includes("--all");
const only = process.argv.includes("--only") ? process.argv.at(-1).split(",") : undefined;

/** The time limit for a reader to reach a verified webhook, in seconds. */
const LIMIT = 300;

/** Pages that do not run here: Azure's host is not on npm, and browsers have their own test. */
const ELSEWHERE = ["azure-functions", "browser"];

/** The folder of `GWOP_PREPARED` with the packages of a page. */
const PREPARED = {
  ...Object.fromEntries(
    ["elysia", "express", "fastify", "google-functions", "hono", "koa", "nestjs"].map((page) => [
      page,
      "servers",
    ]),
  ),
  nextjs: "next16",
  nitro: "nitro3",
  nuxt: "nuxt",
  sveltekit: "sveltekit",
  astro: "astro",
  "react-router": "react-router",
};

const SHIMS = join(GWOP_PREPARED, "bin");
rmSync(SHIMS, { recursive: true, force: true });
mkdirSync(SHIMS, { recursive: true });
for (const [name, command] of [
  ["node", `'${GWOP_NODE}'`],
  ["bun", `'${GWOP_BUN}'`],
  ["bunx", `'${GWOP_BUN}' x`],
  ["deno", `'${GWOP_DENO}'`],
]) {
  writeFileSync(join(SHIMS, name), `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(join(SHIMS, name), 0o755);
}
const own = Object.entries(process.env).filter(
  ([name]) => !/^(GWOP_|AUTH_SECRET|OPERATOR_)/.test(name),
);
const env = {
  ...Object.fromEntries(own),
  PATH: `${SHIMS}${delimiter}${dirname(GWOP_NODE)}${delimiter}${process.env.PATH}`,
  CI: "1",
  NO_COLOR: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NUXT_TELEMETRY_DISABLED: "1",
  ASTRO_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
};
const shell = (code, cwd, limitMs = 240_000) =>
  runProgram("sh", ["-ec", code], { cwd, env, limitMs });

/** Returns the lines of a block. A line that ends with a backslash continues in the next one. */
const linesOf = (code) =>
  code
    .trimEnd()
    .replace(/\\\n\s*/g, "")
    .split("\n");

/** Returns the packages that a line installs, as `name@version`, or `undefined`. */
const installedBy = (line) =>
  /^(?:npm install|bun add|deno add)(?= )/.test(line)
    ? line
        .split(" ")
        .slice(2)
        .filter((word) => word !== "" && !word.startsWith("--"))
    : undefined;

/** Returns a program of an installed package, where `npx` finds it. */
function link(modules, name, file) {
  mkdirSync(join(modules, ".bin"), { recursive: true });
  rmSync(join(modules, ".bin", name), { force: true });
  chmodSync(join(modules, file), 0o755);
  symlinkSync(join("..", file), join(modules, ".bin", name));
}

/** Unpacks a tarball, as `npm install` does without dependencies. */
async function unpack(tarball, directory) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await runProgram("tar", ["xzf", tarball, "--strip-components=1", "-C", directory]);
}

/** Carries out an install line with the packages of the tools' cache. */
async function installPrepared(page, packages, cwd) {
  const modules = join(cwd, "node_modules");
  if (!existsSync(modules)) {
    const prepared = PREPARED[page] && join(GWOP_PREPARED, PREPARED[page], "node_modules");
    if (prepared) renameSync(prepared, modules);
    else mkdirSync(modules);
  }
  if (!existsSync(join(cwd, "package.json"))) writeFileSync(join(cwd, "package.json"), "{}\n");
  const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
  manifest.dependencies ??= {};
  for (const wanted of packages) {
    const [, name, version] = /^(?:npm:)?(@?[^@]+)(?:@(.+))?$/.exec(wanted);
    const at = join(modules, name);
    if (name === "@gwop/sdk") {
      await unpack(GWOP_TARBALL, at);
      link(modules, "gwop", "@gwop/sdk/cli/gwop.js");
    } else if (!existsSync(at)) {
      // A tool of this repository: wrangler.
      symlinkSync(join(TOP, "node_modules", name), at);
      const { bin } = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
      for (const [program, file] of Object.entries(bin ?? {}))
        link(modules, program, join(name, file));
    }
    const { version: found } = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
    if (version && found !== version && !found.startsWith(`${version}.`)) {
      throw new Error(`the page says ${wanted}, and the tests have ${found}`);
    }
    manifest.dependencies[name] = version ?? `file:${GWOP_TARBALL}`;
  }
  writeFileSync(join(cwd, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Returns the prepared packages, for the next page that needs them. */
function giveBack(page, cwd) {
  const modules = join(cwd, "node_modules");
  if (all || !PREPARED[page] || !existsSync(modules)) return;
  renameSync(modules, join(GWOP_PREPARED, PREPARED[page], "node_modules"));
}

/** Returns an install line of the page, with tarballs instead of the unpublished packages. */
function withTarballs(line) {
  // Deno does not install tarballs. It uses what `npm install` leaves.
  return line
    .replace("deno add npm:@gwop/sdk", "npm install --ignore-scripts @gwop/sdk")
    .replace(/(?<= )@gwop\/sdk(?= |$)/, GWOP_TARBALL);
}

/** Runs `npx @gwop/worker init`, and changes the versions in the project that it creates. */
async function initWorker(line, cwd) {
  const exec = `npm exec --yes --ignore-scripts --package='${GWOP_WORKER_TARBALL}' -- gwop-worker`;
  await shell(line.replace("npx @gwop/worker", exec), cwd);
  const path = join(cwd, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  for (const group of [manifest.dependencies, manifest.devDependencies]) {
    if (group?.["@gwop/worker"]) group["@gwop/worker"] = `file:${GWOP_WORKER_TARBALL}`;
    if (group?.["@gwop/sdk"]) group["@gwop/sdk"] = `file:${GWOP_TARBALL}`;
  }
  writeFileSync(path, JSON.stringify(manifest, null, 2));
  return manifest;
}

/** Follows the page's block that installs. Returns the folder in which it ends. */
async function install({ page, blocks }, folder) {
  let cwd = folder;
  const [{ code }] = blocks;
  for (const line of linesOf(code)) {
    const [, entered] = /^mkdir (\S+) && cd \1$/.exec(line) ?? [];
    const packages = installedBy(line);
    if (entered) {
      cwd = join(cwd, entered);
      mkdirSync(cwd);
    } else if (line.startsWith("npx @gwop/worker init")) {
      await initWorker(line, cwd);
    } else if (packages === undefined || all) {
      await shell(withTarballs(line), cwd);
    } else if (packages.length > 0) {
      await installPrepared(page, packages, cwd);
    } else {
      // A file that `init` has written.
      await installPrepared(page, ["@gwop/sdk", "wrangler"], cwd);
      const modules = join(cwd, "node_modules");
      await unpack(GWOP_WORKER_TARBALL, join(modules, "@gwop/worker"));
      link(modules, "gwop-worker", "@gwop/worker/cli/gwop-worker.js");
    }
  }
  return cwd;
}

/** Converts a text of the page to a pattern. `…` matches anything. */
const patternOf = (text) =>
  text
    .trimEnd()
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^]*?");

/** Follows one page. Returns the seconds that its steps took. */
async function follow(given) {
  const { page, blocks } = given;
  const folder = all
    ? mkdtempSync(join(tmpdir(), `gwop-quickstart-${page}-`))
    : join(GWOP_PREPARED, "run", page);
  if (!all) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const times = [];
  let last = performance.now();
  const took = () => {
    const now = performance.now();
    times.push((now - last) / 1000);
    last = now;
  };
  const shown = page === "gwop-worker" ? "8787" : "3000";
  const port = String(await freePort());
  const moved = (code) => code.replaceAll(shown, port);
  let cwd = folder;
  let server;
  try {
    cwd = await install(given, folder);
    if (page === "gwop-worker") {
      // The page's local Gwop listens at this address.
      const path = join(cwd, ".dev.vars");
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replaceAll(/127\.0\.0\.1:4010/g, `127.0.0.1:${await freePort()}`));
    }
    took();
    let exported = "";
    let said = "";
    for (const { language, name, code } of blocks.slice(1)) {
      if (name === "deploy") continue;
      if (language === "sh" && name === "start") {
        const command = page === "gwop-worker" ? `${code.trim()} -- --port ${port}` : moved(code);
        server = startProgram("sh", ["-ec", command], { cwd, env });
        await started(
          async () => (await fetch(`http://127.0.0.1:${port}/`)).status > 0,
          server,
          page,
          50,
        );
        took();
      } else if (language === "sh") {
        exported += linesOf(code)
          .filter((line) => line.startsWith("export "))
          .map((line) => `${line}\n`)
          .join("");
        said = await shell(exported + moved(code), cwd);
      } else if (language === "text" && name === "server") {
        const pattern = new RegExp(patternOf(code));
        await started(
          () => pattern.test(server.output()),
          server,
          `${page}: a line like ${code.trim()}`,
        );
      } else if (language === "text") {
        if (!new RegExp(`(^|\n)${patternOf(code)}\\s*$`).test(said)) {
          throw new Error(`the page says that it prints\n${code}\nand it prints\n${said}`);
        }
      } else {
        mkdirSync(dirname(join(cwd, name)), { recursive: true });
        writeFileSync(join(cwd, name), moved(code));
      }
    }
    took();
  } catch (error) {
    throw new Error(`${error.message}\nIts server said:\n${server?.output().slice(-3_000)}`);
  } finally {
    server?.end();
    await server?.exit;
    giveBack(page, cwd);
  }
  rmSync(folder, { recursive: true, force: true });
  return times;
}

const report = new Report("quickstarts");
const table = [];
const pages = pagesOf(join(TOP, "docs/quickstarts")).filter(
  ({ page }) => !only || only.includes(page),
);
for (const given of pages) {
  const { page } = given;
  await report.run(`docs/quickstarts/${page}.md`, async () => {
    const faults = faultsOf(given, join(TOP, "examples"));
    if (faults.length > 0) throw new Error(faults.join("\n"));
    if (ELSEWHERE.includes(page)) return;
    const times = await follow(given);
    const total = times.reduce((sum, seconds) => sum + seconds, 0);
    if (total > LIMIT) throw new Error(`it took ${total.toFixed(0)} s, expected at most ${LIMIT}`);
    table.push([page, ...times, total]);
  });
}
const row = (cells) =>
  cells.map((cell, at) => (at === 0 ? cell.padEnd(18) : cell.padStart(9))).join("");
console.log(row(["seconds", "install", "start", "webhook", "total"]));
for (const [page, ...times] of table)
  console.log(row([page, ...times.map((time) => time.toFixed(1))]));
report.end();
