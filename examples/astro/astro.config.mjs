import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "standalone" }),
  // Agents are not browsers: they send no Origin, and a token instead of cookies.
  security: { checkOrigin: false },
});
