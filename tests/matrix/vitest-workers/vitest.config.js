import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({ plugins: [cloudflareTest({ miniflare: { compatibilityDate: "2025-09-01", compatibilityFlags: ["nodejs_compat"] } })] });
