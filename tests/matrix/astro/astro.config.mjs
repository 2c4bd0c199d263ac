import { defineConfig } from "astro/config";

const { default: adapter } = await import(`@astrojs/${process.env.ADAPTER}`);
const options = process.env.ADAPTER === "node" ? { mode: "standalone" } : {};
export default defineConfig({
  output: "server",
  adapter: adapter(options),
  outDir: `dist-${process.env.ADAPTER}`,
  security: { checkOrigin: false },
});
