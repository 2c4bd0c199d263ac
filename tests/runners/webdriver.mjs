// Controls browsers for the tests: selenium-webdriver with the installed drivers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Builder } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";
import firefox from "selenium-webdriver/firefox.js";

/** The supported browsers. `program` and `driver` are paths. */
const BUILDERS = {
  chromium({ program, driver }, profile) {
    const options = new chrome.Options();
    options.setChromeBinaryPath(program).addArguments(
      "--headless",
      "--no-first-run",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      // Chromium's sandbox refuses to run as root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      `--user-data-dir=${profile}`,
    );
    return new Builder()
      .forBrowser("chrome")
      .setChromeOptions(options)
      .setChromeService(new chrome.ServiceBuilder(driver));
  },
  firefox({ program, driver }, profile) {
    const options = new firefox.Options();
    options.setBinary(program).addArguments("-headless");
    // Dark, unlike Chromium's default.
    options.setPreference("layout.css.prefers-color-scheme.content-override", 0);
    const service = new firefox.ServiceBuilder(driver);
    service.setEnvironment({ ...process.env, TMPDIR: profile });
    return new Builder()
      .forBrowser("firefox")
      .setFirefoxOptions(options)
      .setFirefoxService(service);
  },
};

/**
 * Starts a headless browser.
 *
 * @param {"chromium" | "firefox"} name
 * @param {{ program: string, driver: string }} paths
 */
export async function startBrowser(name, paths) {
  const profile = mkdtempSync(join(tmpdir(), "gwop-browser-"));
  let driver;
  const close = async () => {
    await driver?.quit().catch(() => {});
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    driver = await BUILDERS[name](paths, profile).build();
    await driver.manage().setTimeouts({ script: 60_000, pageLoad: 60_000 });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    /** Opens a page and waits for its `load` event. */
    open: (url) => driver.get(url),
    /** Runs a function body in the page. Returns its result. */
    evaluate: (script, ...args) => driver.executeScript(script, ...args),
    /** Runs a function body in the page. Returns the value that it passes to its last argument. */
    evaluateAsync: (script, ...args) => driver.executeAsyncScript(script, ...args),
    /** Presses keys one after another in the focused element, while others are held. */
    keys(text, held = "") {
      const actions = driver.actions({ async: true });
      for (const key of held) actions.keyDown(key);
      actions.sendKeys(text);
      for (const key of held) actions.keyUp(key);
      return actions.perform();
    },
    /** Returns a PNG of the visible page. */
    screenshot: async () => Buffer.from(await driver.takeScreenshot(), "base64"),
    /** Sets the size of the page. Firefox's window is at least about 450 pixels wide. */
    async resize(width, height) {
      if (name === "firefox") return driver.manage().window().setRect({ width, height });
      const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
      return driver.sendDevToolsCommand("Emulation.setDeviceMetricsOverride", metrics);
    },
    /**
     * Sets the user's preferred color scheme. Returns whether the browser now reports it: Firefox
     * has one per profile.
     */
    async scheme(value) {
      if (name === "chromium") {
        const features = [{ name: "prefers-color-scheme", value }];
        await driver.sendDevToolsCommand("Emulation.setEmulatedMedia", { features });
      }
      const query = `(prefers-color-scheme: ${value})`;
      return driver.executeScript("return matchMedia(arguments[0]).matches", query);
    },
    close,
  };
}

/** Records the page's errors, which would otherwise be invisible. */
const WATCH = `
  globalThis.failures ??= [];
  addEventListener("error", (event) => failures.push(event.message));
  addEventListener("unhandledrejection", (event) => failures.push(String(event.reason)));
  for (const { src } of document.querySelectorAll("script[type=module][src]")) {
    import(src).catch((error) => failures.push(String(error)));
  }`;

/**
 * Opens `url` and waits until the page has set `globalThis.result`.
 *
 * @returns {Promise<any>} That result.
 */
export async function resultOfPage(browser, url, limitMs = 120_000) {
  await browser.open(url);
  // A script of the page itself. Firefox evaluates in another realm, where `import` would run the
  // whole page a second time.
  await browser.evaluate(
    `
    const script = document.createElement("script");
    script.textContent = arguments[0];
    document.documentElement.append(script);`,
    WATCH,
  );
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    const { result, failures } = await browser.evaluate(
      "return { result: globalThis.result, failures: globalThis.failures ?? [] }",
    );
    if (result) return result;
    if (failures.length > 0) throw new Error(`the page failed: ${failures.join("; ")}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the page gave no result in ${limitMs} ms`);
}
