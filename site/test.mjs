// The documentation's site, built, as readers see it in Chromium: `test.mjs DIRECTORY`, run by `cargo
// xtask test --only docs`, which names the programs in GWOP_CHROMIUM and GWOP_CHROMEDRIVER.
import { readdirSync } from "node:fs";
import { runChecks } from "../tests/runners/checks.mjs";
import { serveDirectory } from "../tests/runners/programs.mjs";
import { startBrowser } from "../tests/runners/webdriver.mjs";
import { expect, until } from "../tests/simulator/lib.mjs";

const [directory] = process.argv.slice(2);
const { GWOP_CHROMIUM: program, GWOP_CHROMEDRIVER: chromedriver } = process.env;
const TYPES = {
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json",
};
const soon = (ready, what) => until(ready, what, 20_000);
const WIDTHS = { phone: [390, 844], desktop: [1440, 900] };

const site = await serveDirectory(directory, TYPES);

const pages = readdirSync(directory, { recursive: true })
  .filter((name) => name.endsWith(".html") && !/^(reference\/|404)/.test(name))
  .map((name) => `/${name}`)
  .sort();

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

const browser = await startBrowser("chromium", { program, driver: chromedriver });
const report = await runChecks("site", {
  async "every page fits a phone and a desktop, and has a title, its images and its anchors"() {
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      await browser.resize(width, height);
      for (const page of pages) {
        await browser.open(site.url + page);
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
  async "the search finds a page by a code, and opens it"() {
    await browser.resize(...WIDTHS.desktop);
    await browser.open(`${site.url}/index.html`);
    const press = (selector) => `
      const element = document.querySelector("${selector}");
      element?.click();
      return Boolean(element);`;
    await soon(() => browser.evaluate(press(".VPNavBarSearch button")), "the search's button");
    const field = "return Boolean(document.querySelector('#localsearch-input'))";
    await soon(() => browser.evaluate(field), "the search's field");
    await browser.evaluate("document.querySelector('#localsearch-input').focus()");
    await browser.keys("WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
    const first = "return document.querySelector('#localsearch-list a')?.href ?? ''";
    const found = await soon(() => browser.evaluate(first), "a result");
    expect(found.includes("/docs/errors"), `the first result is ${found}`);
    await browser.keys("\uE007");
    await soon(
      () => browser.evaluate("return location.pathname.startsWith('/docs/errors')"),
      "the page",
    );
  },
  async "the sidebar leads from page to page, on a phone behind its menu"() {
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      await browser.resize(width, height);
      await browser.open(`${site.url}/docs/errors.html`);
      if (name === "phone") {
        const menu =
          "const menu = document.querySelector('.VPLocalNav .menu'); menu?.click(); return Boolean(menu)";
        await soon(() => browser.evaluate(menu), "the menu");
      }
      const click = `
        const link = [...document.querySelectorAll(".VPSidebar a")]
          .find((one) => /\\/docs\\/simulator/.test(one.href) && one.checkVisibility());
        link?.click();
        return Boolean(link);`;
      await soon(() => browser.evaluate(click), `a link to the local Gwop on a ${name}`);
      const shown =
        "return location.pathname.startsWith('/docs/simulator') && /Gwop/.test(document.querySelector('h1')?.innerText)";
      await soon(() => browser.evaluate(shown), `its page on a ${name}`);
    }
  },
  async "the API reference lies beside it"() {
    await browser.open(`${site.url}/reference/index.html`);
    const text = await browser.evaluate("return document.body.innerText");
    expect(/@gwop\/sdk/.test(text), `the reference says ${text.slice(0, 200)}`);
  },
});
await browser.close();
site.close();
report.end();
