// A WebDriver client of what the tests need: start a browser, open a page, evaluate in it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, started, startProgram } from "./programs.mjs";

/** The browsers that can be driven. `program` and `driver` are paths. */
const CAPABILITIES = {
  chromium: (program, profile) => ({
    browserName: "chrome",
    "goog:chromeOptions": {
      binary: program,
      args: [
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
      ],
    },
  }),
  firefox: (program) => ({
    browserName: "firefox",
    // Dark: the other scheme than Chromium's own.
    "moz:firefoxOptions": { binary: program, args: ["-headless"], prefs: { "layout.css.prefers-color-scheme.content-override": 0 } },
  }),
};

/**
 * Starts a headless browser.
 *
 * @param {"chromium" | "firefox"} name
 * @param {{ program: string, driver: string }} paths
 */
export async function startBrowser(name, { program, driver }) {
  const port = await freePort();
  const profile = mkdtempSync(join(tmpdir(), "gwop-browser-"));
  const own = startProgram(driver, [`--port=${port}`], { env: { ...process.env, TMPDIR: profile, MOZ_HEADLESS: "1" } });
  const base = `http://127.0.0.1:${port}`;
  let session;
  const close = async () => {
    if (session) await call("DELETE", session).catch(() => {});
    own.end();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await started(async () => (await (await fetch(`${base}/status`)).json()).value.ready, own, `${name}'s driver`);
    const capabilities = { alwaysMatch: CAPABILITIES[name](program, profile) };
    const { sessionId } = await call("POST", `${base}/session`, { capabilities });
    session = `${base}/session/${sessionId}`;
  } catch (error) {
    await close();
    throw error;
  }
  return {
    /** Opens a page and waits for its `load` event. */
    open: (url) => call("POST", `${session}/url`, { url }),
    /** The value of a function body that runs in the page. */
    evaluate: (script, ...args) => call("POST", `${session}/execute/sync`, { script, args }),
    /** What a function body passes to its last argument. */
    evaluateAsync: (script, ...args) => call("POST", `${session}/execute/async`, { script, args }),
    /** Presses keys, one after another, wherever the focus is, while others are held. */
    keys(text, held = "") {
      const press = (type, keys) => [...keys].map((value) => ({ type, value }));
      const pressed = [...text].flatMap((key) => [...press("keyDown", key), ...press("keyUp", key)]);
      const actions = [...press("keyDown", held), ...pressed, ...press("keyUp", held)];
      return call("POST", `${session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
    },
    /** The bytes of a PNG of what is seen. */
    screenshot: async () => Buffer.from(await call("GET", `${session}/screenshot`), "base64"),
    /** Sets the size of the page. Firefox's window has a least width of some 450 pixels. */
    async resize(width, height) {
      if (name === "firefox") return call("POST", `${session}/window/rect`, { width, height });
      const params = { width, height, deviceScaleFactor: 1, mobile: false };
      return call("POST", `${session}/goog/cdp/execute`, { cmd: "Emulation.setDeviceMetricsOverride", params });
    },
    /** Has the user prefer a color scheme. Answers whether the browser now says so: Firefox has one per profile. */
    async scheme(value) {
      if (name === "chromium") {
        const params = { features: [{ name: "prefers-color-scheme", value }] };
        await call("POST", `${session}/goog/cdp/execute`, { cmd: "Emulation.setEmulatedMedia", params });
      }
      const query = `(prefers-color-scheme: ${value})`;
      return call("POST", `${session}/execute/sync`, { script: "return matchMedia(arguments[0]).matches", args: [query] });
    },
    close,
  };
}

async function call(method, url, body) {
  const response = await fetch(url, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    signal: AbortSignal.timeout(60_000),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
  return value;
}

/** Keeps the page's errors, which would otherwise only be seen as silence. */
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
  // As a script of the page's own: Firefox evaluates in another realm, where `import` runs the whole page a second time.
  await browser.evaluate(`
    const script = document.createElement("script");
    script.textContent = arguments[0];
    document.documentElement.append(script);`, WATCH);
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
