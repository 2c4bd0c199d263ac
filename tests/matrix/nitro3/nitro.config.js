import { defineConfig } from "nitro";

export default defineConfig({ serverDir: "./", compatibilityDate: "2025-07-15", wasm: {}, cloudflare: { nodeCompat: true, deployConfig: true } });
