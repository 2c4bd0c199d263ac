import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "standalone" }),
  // Agents are no browsers: they send no Origin, and a token of their own in place of cookies.
  security: { checkOrigin: false },
});
