// Runs the real workerd with bundles like wrangler's: JavaScript in one module, the wasm in
// another.
import { mkdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { freePort, started, startProgram } from "./programs.mjs";

const head = (url) => fetch(url, { method: "HEAD" });

/** wrangler's rule for `.wasm?module`, which becomes the module too. */
const wasmModules = {
  name: "wasm modules",
  setup: ({ onResolve, resolve }) =>
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, kind, resolveDir }) =>
      resolve(path.replace("?module", ""), { kind, resolveDir }),
    ),
};

/**
 * Bundles one Worker's modules into `directory` and serves it on a free port of 127.0.0.1. The
 * Worker may reach loopback only.
 *
 * @param {string} program The path of workerd.
 * @param {{ entry: string, directory: string, variables?: Record<string, string>,
 *   bindings?: string[], worker?: string, services?: string, assetNames?: string,
 *   compatibilityDate?: string, v8Flags?: string[],
 *   untilAnswered?: (url: string) => Promise<Response> }} options
 *   `bindings`, `worker` and `services`: more of the Worker and the configuration, in workerd's
 *   Cap'n Proto text. `assetNames`: esbuild's option, if two wasm files have the same name.
 *   `untilAnswered`: the first request, repeated until workerd listens. Default: HEAD.
 * @returns {Promise<{ url: string, pid: number, startedMs: number, output(): string,
 *   end(): void }>} `startedMs`: milliseconds from the program's start to the first response.
 */
export async function startWorkerd(
  program,
  {
    entry,
    directory,
    variables = {},
    bindings = [],
    worker = "",
    services = "",
    assetNames = "[name]",
    compatibilityDate = "2025-09-01",
    v8Flags = [],
    untilAnswered: ask = head,
  },
) {
  mkdirSync(directory, { recursive: true });
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    loader: { ".wasm": "copy" },
    plugins: [wasmModules],
    assetNames,
    outdir: directory,
    write: false,
  });
  const modules = outputFiles.map(({ path, contents }) => {
    const name = path.split("/").pop();
    writeFileSync(`${directory}/${name}`, contents);
    const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = "${name}", ${kind} = embed "${name}")`;
  });
  // workerd starts with the first module.
  modules.sort((a, b) => Number(b.includes("esModule")) - Number(a.includes("esModule")));
  const port = await freePort();
  const bound = [
    ...Object.entries(variables).map(([name, text]) => `(name = "${name}", text = "${text}")`),
    ...bindings,
  ];
  writeFileSync(
    `${directory}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = [${v8Flags.map((flag) => `"${flag}"`).join(", ")}],
  services = [
    (name = "main", worker = (
      modules = [${modules.join(", ")}],
      compatibilityDate = "${compatibilityDate}",
      compatibilityFlags = ["nodejs_compat", "nodejs_compat_populate_process_env"],
      bindings = [${bound.join(", ")}],
      globalOutbound = "loopback",${worker}
    )),
    (name = "loopback", network = (allow = ["private"])),${services}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  const from = performance.now();
  const server = startProgram(program, ["serve", `${directory}/config.capnp`]);
  const url = `http://127.0.0.1:${port}`;
  try {
    await started(() => ask(url), server, "workerd", 2);
  } catch (error) {
    server.end();
    throw error;
  }
  return {
    url,
    pid: server.pid,
    startedMs: performance.now() - from,
    output: server.output,
    end: server.end,
  };
}
