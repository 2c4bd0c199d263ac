// `experimental.wasm` is Nitro's switch for WebAssembly modules, which Cloudflare needs.
export default defineNitroConfig({
  compatibilityDate: "2025-07-15",
  experimental: { wasm: true },
  cloudflare: { nodeCompat: true, deployConfig: true },
  imports: {},
});
