// Measures a program that imports one entry: bundled and minified by esbuild as for a Worker, with
// the wasm in its own file.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

/** The imports, by the row's name. */
const ENTRIES = {
  "@gwop/sdk": 'export { Gwop } from "@gwop/sdk";',
  "@gwop/sdk/checkout": 'export { GwopCheckout } from "@gwop/sdk/checkout";',
  "@gwop/sdk/slim":
    'export * from "@gwop/sdk/slim"; export { default as wasm } from "@gwop/sdk/gwop.wasm";',
  "@gwop/sdk/errors": 'export * from "@gwop/sdk/errors";',
  "@gwop/sdk/simulator": 'export * from "@gwop/sdk/simulator";',
  "@gwop/sdk/agent": 'export * from "@gwop/sdk/agent";',
  "@gwop/sdk/handlers": 'export * from "@gwop/sdk/handlers";',
  "@gwop/sdk/hono": 'export * from "@gwop/sdk/hono";',
  "@gwop/sdk/express": 'export * from "@gwop/sdk/express";',
  "@gwop/sdk/next": 'export * from "@gwop/sdk/next";',
  "@gwop/sdk/stores": 'export * from "@gwop/sdk/stores";',
  stripe: 'export { default } from "stripe";',
  standardwebhooks: 'export { Webhook } from "standardwebhooks";',
  svix: 'export { Webhook } from "svix";',
  "svix, Webhook alone": 'export { Webhook } from "svix/dist/webhook.js";',
  jose: 'export { jwtVerify, createLocalJWKSet, createRemoteJWKSet } from "jose";',
};

/**
 * Returns bytes by entry: JavaScript and wasm, raw, gzip and brotli, each file compressed alone.
 */
export async function measureSizes() {
  const rows = {};
  for (const [name, contents] of Object.entries(ENTRIES)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: `${process.cwd()}/bench` },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      conditions: ["workerd", "worker", "browser"],
      external: [
        "node:*",
        "next/*",
        "crypto",
        "http",
        "https",
        "stream",
        "url",
        "zlib",
        "util",
        "buffer",
      ],
      loader: { ".wasm": "copy" },
      outdir: "out/sizes",
      write: false,
      logLevel: "error",
    });
    const none = () => ({ raw: 0, gzip: 0, brotli: 0 });
    const row = { javascript: none(), wasm: none(), ...none() };
    for (const { path, contents: bytes } of outputFiles) {
      const sizes = {
        raw: bytes.length,
        gzip: gzipSync(bytes, { level: 9 }).length,
        brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
          .length,
      };
      for (const sum of [row, path.endsWith(".wasm") ? row.wasm : row.javascript]) {
        for (const kind in sizes) sum[kind] += sizes[kind];
      }
    }
    rows[name] = row;
  }
  return rows;
}
