// The documentation's site, built, as readers see it in Chromium: `test.mjs DIRECTORY`, run by `cargo
// xtask test --only docs`, which names the programs in GWOP_CHROMIUM and GWOP_CHROMEDRIVER.
import { createServer } from "node:http";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { startBrowser } from "../tests/runners/webdriver.mjs";

const [directory] = process.argv.slice(2);
const { GWOP_CHROMIUM: program, GWOP_CHROMEDRIVER: chromedriver } = process.env;
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json",
};
const WIDTHS = { phone: [390, 844], desktop: [1440, 900] };

/** A plain file server, as the pages of a static host. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const path = join(
    directory,
    decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname),
  );
  try {
    const bytes = readFileSync(path);
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const pages = readdirSync(directory, { recursive: true })
  .filter((name) => name.endsWith(".html") && !/^(reference\/|404)/.test(name))
  .map((name) => `/${relative(directory, join(directory, name))}`)
  .sort();

function expect(holds, message) {
  if (!holds) throw new Error(message);
}

async function until(look, what) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within 20 seconds: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** What is wrong with the page that is open. */
const LOOK = `
  const wide = [...document.querySelectorAll(".vp-doc *, header *")].filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    const scrolls = (element) =>
      element && (/auto|scroll|hidden/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return width > 0 && (right > innerWidth + 1 || left < -1) && !scrolls(one.parentElement);
  });
  return {
    title: document.querySelector("h1")?.innerText ?? "",
    scrolls: document.documentElement.scrollWidth > innerWidth,
    wide: wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)),
    images: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).map(({ src }) => src),
    dead: [...document.querySelectorAll(".vp-doc a[href^='#']")]
      .map((link) => decodeURIComponent(link.hash.slice(1)))
      .filter((id) => id && !document.getElementById(id)),
  };`;

const checks = {
  async "every page fits a phone and a desktop, and has a title, its images and its anchors"(
    browser,
  ) {
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      await browser.resize(width, height);
      for (const page of pages) {
        await browser.open(origin + page);
        const { title, scrolls, wide, images, dead } = await browser.evaluate(LOOK);
        expect(title, `${page}: no title`);
        expect(!scrolls, `${page}: scrolls sideways on a ${name}`);
        expect(wide.length === 0, `${page}: leaves the page on a ${name}: ${wide.join(" ")}`);
        expect(images.length === 0, `${page}: images are missing: ${images}`);
        expect(dead.length === 0, `${page}: dead anchors: ${dead}`);
      }
    }
    return `${pages.length} pages`;
  },
  async "the search finds a page by a code, and opens it"(browser) {
    await browser.resize(...WIDTHS.desktop);
    await browser.open(`${origin}/index.html`);
    const press = (selector) => `
      const element = document.querySelector("${selector}");
      element?.click();
      return Boolean(element);`;
    await until(() => browser.evaluate(press(".VPNavBarSearch button")), "the search's button");
    const field = "return Boolean(document.querySelector('#localsearch-input'))";
    await until(() => browser.evaluate(field), "the search's field");
    await browser.evaluate("document.querySelector('#localsearch-input').focus()");
    await browser.keys("WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
    const first = "return document.querySelector('#localsearch-list a')?.href ?? ''";
    const found = await until(() => browser.evaluate(first), "a result");
    expect(found.includes("/docs/errors"), `the first result is ${found}`);
    await browser.keys("\uE007");
    await until(
      () => browser.evaluate("return location.pathname.startsWith('/docs/errors')"),
      "the page",
    );
  },
  async "the sidebar leads from page to page, on a phone behind its menu"(browser) {
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      await browser.resize(width, height);
      await browser.open(`${origin}/docs/errors.html`);
      if (name === "phone") {
        const menu =
          "const menu = document.querySelector('.VPLocalNav .menu'); menu?.click(); return Boolean(menu)";
        await until(() => browser.evaluate(menu), "the menu");
      }
      const click = `
        const link = [...document.querySelectorAll(".VPSidebar a")]
          .find((one) => /\\/docs\\/simulator/.test(one.href) && one.checkVisibility());
        link?.click();
        return Boolean(link);`;
      await until(() => browser.evaluate(click), `a link to the local Gwop on a ${name}`);
      const shown =
        "return location.pathname.startsWith('/docs/simulator') && /Gwop/.test(document.querySelector('h1')?.innerText)";
      await until(() => browser.evaluate(shown), `its page on a ${name}`);
    }
  },
  async "the API reference lies beside it"(browser) {
    await browser.open(`${origin}/reference/index.html`);
    const text = await browser.evaluate("return document.body.innerText");
    expect(/@gwop\/sdk/.test(text), `the reference says ${text.slice(0, 200)}`);
  },
};

const browser = await startBrowser("chromium", { program, driver: chromedriver });
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    const more = await check(browser);
    console.log(`✓ ${name}${more ? `: ${more}` : ""}`);
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name}\n  ${String(error.stack ?? error).replaceAll("\n", "\n  ")}`);
  }
}
await browser.close();
server.close();
console.log(`site: ${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
