// VitePress's configuration: https://vitepress.dev/reference/site-config. `stage.mjs` puts it beside
// the pages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { slugOf } from "./pages.mjs";

const sidebar = JSON.parse(readFileSync(join(import.meta.dirname, "sidebar.json"), "utf8"));

export default {
  title: "Gwop SDK",
  description: "Invoices that AI agents pay, signed webhooks and wallet log-in.",
  lang: "en-US",
  // The pages work from any folder of a web server.
  base: process.env.GWOP_DOCS_BASE ?? "/",
  cleanUrls: false,
  ignoreDeadLinks: [/^\/reference\//],
  markdown: {
    anchor: { slugify: slugOf },
    // Text of ours that looks like a template of Vue's is text.
    config(md) {
      const { text } = md.renderer.rules;
      md.renderer.rules.text = (...args) => text(...args).replaceAll("{{", "&#123;&#123;");
    },
  },
  themeConfig: {
    nav: [
      { text: "Guides", link: "/docs/" },
      { text: "API reference", link: "/reference/index.html", target: "_self" },
      { text: "Errors", link: "/docs/errors" },
      { text: "Changelog", link: "/CHANGELOG" },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: "Previous page", next: "Next page" },
  },
};
