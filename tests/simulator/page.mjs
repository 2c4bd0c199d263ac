// The page of the local Gwop in real browsers: what a person does there, and how soon it shows.
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBrowser } from "../runners/webdriver.mjs";
import { expect, expectEqual, startGwop, startMerchant, until } from "./lib.mjs";

const { env } = process;
const BROWSERS = {
  chromium: { program: env.GWOP_CHROMIUM, driver: env.GWOP_CHROMEDRIVER },
  firefox: { program: env.GWOP_FIREFOX, driver: env.GWOP_GECKODRIVER },
};
const ENTER = "\uE007";
const [DOWN, RIGHT] = ["\uE015", "\uE014"];

/** The page, as a person sees and uses it. */
export async function openPage(browser, url) {
  await browser.open(url);
  const own = {
    text: (selector = "body") =>
      browser.evaluate("return document.querySelector(arguments[0])?.innerText ?? ''", selector),
    /** Presses a button, or selects a tab, by its name. */
    press: async (name) => {
      const press = () =>
        browser.evaluate(
          `
        const names = (element) => [element.textContent.replace(/ \\(\\d+\\)$/, ""), element.getAttribute("aria-label")];
        const button = [...document.querySelectorAll("button")].find((one) => !one.disabled && one.checkVisibility() && names(one).includes(arguments[0]));
        button?.click();
        return Boolean(button);`,
          name,
        );
      await until(press, `a button ${name}`);
    },
    /** Clicks on the first of these that exists. */
    click: (selector) =>
      until(
        () =>
          browser.evaluate(
            `
      const element = document.querySelector(arguments[0]);
      element?.click();
      return Boolean(element);`,
            selector,
          ),
        `something to click: ${selector}`,
      ),
    fill: (selector, value) =>
      browser.evaluate(
        `
      const field = document.querySelector(arguments[0]);
      field.value = arguments[1];
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));`,
        selector,
        value,
      ),
    /** Returns the texts of the drawn rows, from the top. */
    rows: () =>
      browser.evaluate(`
      return [...document.querySelectorAll(".row")]
        .sort((one, other) => one.ariaPosInSet - other.ariaPosInSet).map((row) => row.innerText.replace(/\\s+/g, " "))`),
    sees: (words, selector) =>
      until(async () => {
        const text = await own.text(selector);
        return [words].flat().every((word) => text.includes(word));
      }, `the page shows ${words}`).catch(async (error) => {
        throw new Error(`${error.message}; it shows:\n${await own.text()}`);
      }),
    seesRow: (...words) =>
      until(
        async () => (await own.rows()).find((row) => words.every((word) => row.includes(word))),
        `a row with ${words}`,
      ),
  };
  await own.sees("live", "#link");
  return own;
}

/** Returns whether a delivery's signature is valid for its body. */
function isSigned({ headers, body }, secret) {
  const [, t, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers["x-gwop-signature"]);
  return createHmac("sha256", secret).update(`${t}.${body}`).digest("hex") === mac;
}

async function story(browser, directory) {
  const merchant = await startMerchant();
  const file = join(directory, "state");
  let gwop = await startGwop(["--state", file, "--webhook-url", merchant.url]);
  const { port } = new URL(gwop.url);
  try {
    const page = await openPage(browser, gwop.url);
    // Create, with the keyboard.
    await browser.evaluate(`document.querySelector('[data-k="description"]').focus()`);
    await browser.keys(`coffee${ENTER}`);
    await page.seesRow("coffee", "OPEN", "1.025 USDC");
    // Pay, and the delivery arrives.
    await page.press("Paid");
    await page.seesRow("coffee", "PAID");
    await page.sees(["PAID by base", "invoice.paid: 200"], "#timeline");
    await page.press("Deliveries");
    await page.seesRow("invoice.paid", "delivered", "200");
    await page.click(".row");
    await page.sees(
      [
        "x-gwop-signature: t=",
        '"event_type": "invoice.paid"',
        "x-merchant: yes",
        '"answered": 200',
        "next attempt\nnone",
      ],
      "#detail",
    );
    expect(isSigned(merchant.seen[0], "whsec_simulator"), "the delivery verifies");
    // It fails, and waits for its next attempt.
    merchant.status = 503;
    await page.press("Freeze");
    await page.sees("Resume", "#clock");
    await page.press("Send again");
    await page.seesRow("2 · invoice.paid", "pending", "attempt 2");
    await page.click(".row");
    await page.sees(["503", '"answered": 503'], "#detail");
    // Deliver again: unchanged, tampered with, stale, to another URL.
    merchant.status = 200;
    await page.press("Send again");
    await page.seesRow("3 · invoice.paid", "delivered");
    for (const [variant, holds] of [
      ["tampered", false],
      ["stale", true],
      ["wrong-secret", false],
    ]) {
      const before = merchant.seen.length;
      await page.press(variant);
      await page.seesRow(`· ${variant}`, "delivered");
      expectEqual(merchant.seen.length, before + 1, `${variant}: deliveries`);
      expectEqual(
        isSigned(merchant.seen.at(-1), "whsec_simulator"),
        holds,
        `${variant}: the signature holds`,
      );
    }
    const other = await startMerchant();
    await page.fill('[data-k="url"]', other.url);
    await page.press("Send to this URL");
    await until(() => other.seen.length === 1, "another URL got it");
    other.close();
    // Requests with their responses.
    await fetch(`${gwop.url}/v1/invoices?limit=0`, {
      headers: { authorization: "Bearer sk_m_simulator" },
    });
    await page.press("Requests");
    await page.seesRow("invoices.list", "400");
    await page.click(".row");
    await page.sees(["authorization: (hidden)", "VALIDATION_ERROR"], "#detail");
    // A fault begins and ends.
    await page.press("Faults");
    await page.fill('[data-k="fault"]', "payment-fail");
    await page.press("Add fault");
    await page.sees("payment-fail × 1", "#plain");
    await page.press("End fault 1, payment-fail");
    await page.sees("none", "#plain");
    // Held, failed and late payments, on the other chain.
    await page.press("Invoices");
    await page.press("New invoice");
    await page.click('[data-k="chain-solana"]');
    await page.press("Held");
    await page.seesRow("1.025 USDC", "PAYING");
    await page.press("Fail");
    await page.seesRow("1.025 USDC", "OPEN");
    await page.press("Late");
    await page.sees("settles late by solana", "#timeline");
    await page.press("New invoice");
    await until(async () => (await page.rows()).length === 3, "three invoices");
    // The clock moves: late payments settle, open invoices expire.
    await page.press("Advance minutes");
    await page.seesRow("EXPIRED");
    await page.sees("EXPIRED", "#detail");
    expect(
      (await page.rows()).filter((row) => row.includes("PAID")).length === 2,
      "the late payment settled",
    );
    // Auth.
    await page.press("Auth");
    await page.press("New auth intent");
    await page.press("Paid");
    await page.seesRow("intent", "PAID");
    // Secrets are hidden until a click.
    await page.press("Keys");
    await page.press("Rotate secret");
    await page.sees("2 webhook secrets sign", "#plain");
    const hides = async () =>
      !/whsec_|sk_m_/.test(
        await browser.evaluate(
          "return document.documentElement.outerHTML.replace(/<script[^]*?<.script>/, '')",
        ),
      );
    expect(await hides(), "secrets show without a click");
    await page.press("Show keys and secrets");
    await page.sees(["sk_m_simulator", "whsec_simulator"], "#plain");
    await page.press("Hide keys and secrets");
    expect(await hides(), "secrets show after they were hidden");
    // By keyboard: tabs and rows.
    await browser.evaluate(`document.querySelector('[data-tab="invoices"]').focus()`);
    await browser.keys(RIGHT);
    await until(
      () =>
        browser.evaluate(
          `return document.querySelector('[data-tab="deliveries"]').ariaSelected === "true"`,
        ),
      "the arrow chooses the next tab",
    );
    await browser.evaluate("document.querySelector('#list').focus()");
    await browser.keys(DOWN);
    await browser.keys(DOWN);
    await until(
      () =>
        browser.evaluate(
          "return Number(document.querySelector('.row[aria-selected=true]')?.ariaPosInSet) > 1",
        ),
      "the arrow chooses the next row",
    );
    // Killed and restarted with its state: the page continues by itself.
    await page.press("Invoices");
    await until(async () => (await page.rows()).length === 3, "three invoices again");
    const before = await page.rows();
    gwop.program.end();
    // After it has ended, its port and its state are free.
    await gwop.program.exit;
    await page.sees("not connected", "#link");
    gwop = await startGwop(["--state", file, "--webhook-url", merchant.url, "--port", port]);
    await page.sees("live", "#link");
    await until(
      async () => JSON.stringify(await page.rows()) === JSON.stringify(before),
      "the same rows after it was killed",
    );
    // Nothing is loaded from elsewhere, the styles apply, and a phone's width is enough.
    const others = await browser.evaluate(
      "return performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin).filter((one) => one !== location.origin)",
    );
    expectEqual(others, [], "resources of other hosts");
    await browser.resize(390, 800);
    const isWide = () =>
      browser.evaluate(
        "return [getComputedStyle(document.querySelector('main')).display, document.documentElement.scrollWidth > innerWidth]",
      );
    await until(async () => (await isWide())[1] === false, "no sideways scrolling at phone width");
    await browser.resize(1280, 900);
    // Reset, which asks for confirmation.
    await page.press("Reset");
    await page.press("Reset everything?");
    await until(async () => (await page.rows()).length === 0, "no rows after a reset");
  } finally {
    gwop.program.end();
    merchant.close();
  }
}

/**
 * Returns how long each of some invoices takes to show as a row, in milliseconds from the request
 * that creates it. It runs in the page.
 */
const MEASURE = `
  const done = arguments[arguments.length - 1];
  (async () => {
    const times = [];
    for (let round = 0; round < 20; round += 1) {
      const began = performance.now();
      const shown = new Promise((seen) => {
        const observer = new MutationObserver(() => {
          if (!document.querySelector("#rows").textContent.includes("row number " + round + ".")) return;
          observer.disconnect();
          seen(performance.now());
        });
        observer.observe(document.querySelector("#rows"), { childList: true, subtree: true });
      });
      await fetch("/_sim/invoices", { method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify({ amountUsdc: 1, description: "row number " + round + "." }) });
      times.push((await shown) - began);
    }
    done(times.sort((one, other) => one - other));
  })();`;

async function many(browser, directory) {
  const file = join(directory, "many.json");
  const invoices = Array.from({ length: 10_000 }, (_, at) => ({
    amountUsdc: 1_000_000 + at,
    description: `order ${at}`,
  }));
  writeFileSync(file, JSON.stringify({ invoices }));
  const gwop = await startGwop(["--seed-file", file]);
  try {
    const page = await openPage(browser, gwop.url);
    await page.sees("Invoices (10000)", "#tabs");
    const times = await browser.evaluateAsync(MEASURE);
    const [median, most] = [times[10], times.at(-1)].map(Math.round);
    expect(
      await browser.evaluate("return document.querySelectorAll('.row').length < 80"),
      "the list draws rows that nobody sees",
    );
    // Searched and scrolled to its end.
    await page.fill('[type="search"]', "order 77.");
    await page.fill('[type="search"]', "order 7777");
    await page.seesRow("order 7777");
    await page.fill('[type="search"]', "");
    // The page draws the whole list again in its next frame, and only then can it scroll to its
    // end.
    await until(async () => {
      await browser.evaluate(
        "const list = document.querySelector('#list'); list.scrollTop = list.scrollHeight",
      );
      return (await page.rows()).some((row) => row.includes("order 0"));
    }, "the last row");
    return `a row after ${median} ms (median of 20), ${most} ms at most`;
  } finally {
    gwop.program.end();
  }
}

const inBrowser = (name, run) => async () => {
  const directory = mkdtempSync(join(tmpdir(), "gwop-page-"));
  const browser = await startBrowser(name, BROWSERS[name]);
  try {
    return await run(browser, directory);
  } finally {
    await browser.close();
    rmSync(directory, { recursive: true, force: true });
  }
};

export const checks = Object.fromEntries(
  Object.keys(BROWSERS).flatMap((name) => [
    [
      `${name}: create, pay, the delivery, failure, again, the clock, secrets, keyboard, killed and started again`,
      inBrowser(name, story),
    ],
    [`${name}: with 10,000 invoices`, inBrowser(name, many)],
  ]),
);
