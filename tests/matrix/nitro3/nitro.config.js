export default {
  minify: false,
  experimental: { wasm: true },
  serverDir: "./",
  compatibilityDate: "2025-07-15",
  cloudflare: { nodeCompat: true, deployConfig: true },
};
