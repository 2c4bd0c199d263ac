// A shop's server has pages; this one has the webhook alone, so that the build is short.
export default defineNuxtConfig({
  compatibilityDate: "2025-07-15",
  telemetry: false,
  ssr: false,
  nitro: { experimental: { wasm: true }, cloudflare: { nodeCompat: true, deployConfig: true } },
});
