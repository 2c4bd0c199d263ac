// Miniflare's options for Workers, from their `wrangler.toml`. wrangler's public API reads it and
// `.dev.vars`, and esbuild bundles the modules, as `wrangler dev` does.
import { dirname, join } from "node:path";

import { build } from "esbuild";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";

/**
 * Returns Miniflare's options for the Workers with these configurations, as JSON. Requests go to
 * the first one.
 */
export async function miniflareOptions(configs, storage) {
  return {
    host: "127.0.0.1",
    // The place of `wrangler dev`, so that either finds the other's data.
    defaultPersistRoot: join(storage, "v3"),
    unsafeTriggerHandlers: true,
    // Otherwise it asks Cloudflare for an example of `request.cf`, which the Worker does not read.
    cf: false,
    workers: await Promise.all(configs.map(workerOptions)),
  };
}

async function workerOptions(path) {
  const config = unstable_readConfig({ config: path });
  const { workerOptions: options, main } = unstable_getMiniflareWorkerOptions(config);
  // The module is given instead.
  const { modulesRules: _, ...others } = options;
  return {
    name: config.name,
    ...others,
    modules: await bundle(main, dirname(path)),
  };
}

/** Bundles a Worker's modules into one, in `directory`'s `bundle`, with its wasm files beside it. */
async function bundle(main, directory) {
  const { metafile } = await build({
    entryPoints: { index: main },
    absWorkingDir: directory,
    outdir: "bundle",
    metafile: true,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".wasm": "copy" },
    logLevel: "error",
  });
  const wasm = Object.keys(metafile.outputs).filter((name) => name.endsWith(".wasm"));
  return [
    { type: "ESModule", path: join(directory, "bundle/index.js") },
    ...wasm.map((name) => ({ type: "CompiledWasm", path: join(directory, name) })),
  ];
}
