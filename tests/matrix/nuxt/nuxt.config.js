// A real shop has pages. This one has only the webhook, so that the build is short.
export default defineNuxtConfig({
  compatibilityDate: "2025-07-15",
  telemetry: false,
  ssr: false,
  nitro: { experimental: { wasm: true }, cloudflare: { nodeCompat: true, deployConfig: true } },
});
