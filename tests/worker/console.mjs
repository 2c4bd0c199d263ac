// The console in real Chromium and Firefox, with the real Worker.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { startBrowser } from "../runners/webdriver.mjs";
import { CHROMIUM, FIREFOX } from "./lib/browsers.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliverUntilAccepted, event, newInvoice, signature } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually } from "./lib/helpers.mjs";
import { shopAt } from "./lib/shop.mjs";
import { startSimulator } from "./lib/simulator.mjs";
import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";
import { ask } from "./operator.mjs";

/** WebDriver's key names. */
const KEYS = { tab: "\uE004", enter: "\uE006", escape: "\uE00C", shift: "\uE008" };

/**
 * Returns the contrast of two colors (WCAG 2.2) in the form that browsers compute: `rgb(1, 2, 3)`.
 */
function contrast(one, other) {
  const luminance = (color) => {
    const [red, green, blue] = color.match(/[\d.]+/g).map((part) => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

for (const [name, paths] of [
  ["chromium", CHROMIUM],
  ["firefox", FIREFOX],
]) {
  suite(`console in ${name}`, async ({ test, after }) => {
    const fulfillment = await startFulfillment();
    after(() => fulfillment.stop());
    const simulator = await startSimulator();
    after(() => simulator.stop());
    const worker = await startWorker({
      variables: {
        GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
        OPERATOR_TOKEN,
        FULFILLMENT_URL: fulfillment.url,
        FULFILLMENT_SECRET,
        GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
        GWOP_MERCHANT_ID: simulator.merchantId,
        GWOP_SERVER_URL: simulator.url,
        GWOP_IDENTITY_URL: simulator.url,
        RECONCILE_SINCE: new Date(Date.now() - 3_600_000).toISOString(),
      },
    });
    after(() => worker.stop());
    await worker.fault("fill-dead", { rows: 8, prefix: "stuck" });
    const invoice = newInvoice();
    const late = event("paid", invoice);
    await deliverUntilAccepted(worker, event("expired", invoice));
    await deliverUntilAccepted(worker, late);
    const browser = await startBrowser(name, paths());
    after(() => browser.close());
    const text = (selector) =>
      browser.evaluate('return document.querySelector(arguments[0])?.innerText ?? ""', selector);
    const visible = (selector) =>
      browser.evaluate(
        "return document.querySelector(arguments[0])?.checkVisibility() ?? false",
        selector,
      );
    const note = () => text("#note");
    const rows = () =>
      browser.evaluate(
        'return [...document.querySelectorAll("#events tr")].map((row) => row.innerText)',
      );
    const focused = () =>
      browser.evaluate("return document.activeElement.id || document.activeElement.textContent");
    const open = async () => {
      await browser.open(`${worker.url}/console`);
      await browser.keys(OPERATOR_TOKEN + KEYS.enter);
      await eventually(
        "it is open",
        async () => (await visible("#desk")) && (await rows()).length > 0,
      );
    };
    // In headless Firefox, a driver's keys do not activate buttons.
    const byKeys = name !== "firefox";
    const click = () => browser.evaluate("document.activeElement.click()");
    /** Activates the focused button. */
    const activate = () => (byKeys ? browser.keys(KEYS.enter) : click());
    /** Closes the dialog, in which Cancel has the focus. */
    const dismiss = () => (byKeys ? browser.keys(KEYS.escape) : click());
    /** Presses Tab, or Shift and Tab, until the element with this id or text has the focus. */
    const tabTo = async (wanted, held) => {
      for (let presses = 0; presses < 120; presses += 1) {
        if ((await focused()) === wanted) return;
        await browser.keys(KEYS.tab, held);
      }
      assert.fail(`Tab does not lead to ${wanted}`);
    };

    test("a strict policy; 405 for other methods; no data in the page itself", async () => {
      const page = await worker.request("GET", "/console");
      assert.equal(page.status, 200);
      assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
      const policy = page.headers.get("content-security-policy");
      for (const part of [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ])
        assert.ok(policy.includes(part), part);
      assert.ok(!/unsafe|https?:|\*|data:/.test(policy), policy);
      assert.equal((policy.match(/'sha256-[A-Za-z0-9+/]{43}='/g) ?? []).length, 2);
      assert.ok(!/https?:\/\/|<link|<img|@import|url\(/.test(page.text));
      assert.equal((await worker.request("POST", "/console")).status, 405);
    });

    test("a wrong token is refused; the right one is kept in memory alone", async () => {
      await browser.open(`${worker.url}/console`);
      assert.equal(await focused(), "token");
      await browser.keys(`another-token-of-nobody${KEYS.enter}`);
      await eventually(
        "it is refused",
        async () => (await note()) === "This is not the operator token.",
      );
      assert.equal(await visible("#desk"), false);
      await open();
      const kept = await browser.evaluate(`
        const found = [document.cookie, location.href, document.documentElement.outerHTML,
          JSON.stringify(localStorage), JSON.stringify(sessionStorage), ...[...document.querySelectorAll("input")].map((input) => input.value)];
        return found.join("\\n") + history.length + localStorage.length + sessionStorage.length;`);
      assert.ok(!kept.includes(OPERATOR_TOKEN));
      assert.equal(
        await browser.evaluate(
          "return localStorage.length + sessionStorage.length + document.cookie.length",
        ),
        0,
      );
      await browser.open(`${worker.url}/console`);
      assert.deepEqual([await visible("#login"), await visible("#desk")], [true, false]);
      await open();
      await tabTo("leave", KEYS.shift);
      await activate();
      assert.deepEqual(
        [await visible("#login"), await visible("#desk"), await rows()],
        [true, false, []],
      );
    });

    test("only this Worker is asked, and nothing else can be", async () => {
      let calls = 0;
      const elsewhere = createServer((_, response) => {
        calls += 1;
        response.writeHead(200, { "access-control-allow-origin": "*" }).end();
      });
      await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${elsewhere.address().port}/`;
      await open();
      const asked = await browser.evaluate(
        'return performance.getEntriesByType("resource").map((entry) => entry.name)',
      );
      assert.ok(asked.length > 0 && asked.every((one) => one.startsWith(worker.url)), asked.join());
      const violations = await browser.evaluateAsync(
        `const [url, done] = arguments;
        const seen = [];
        document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
        const image = new Image();
        image.src = url;
        const script = document.createElement("script");
        try { script.textContent = "document.documentElement.lang = 'xx'"; document.body.append(script); } catch { seen.push("trusted-types"); }
        fetch(url).then(() => seen.push("fetched"), () => {}).finally(() => setTimeout(() => done([seen, document.documentElement.lang]), 300));`,
        url,
      );
      const [seen, lang] = violations;
      assert.ok(seen.length >= 3 && !seen.includes("fetched"), JSON.stringify(violations));
      assert.equal(lang, "en");
      assert.equal(calls, 0);
      elsewhere.close();
    });

    test("counts, what is stuck and why, and the timeline of an invoice", async () => {
      await open();
      const counts = await text("#counts");
      assert.match(counts, /Dead\s+64\s+the oldest: \d+ /);
      assert.match(counts, /Conflicts\s+1\s/);
      assert.equal(
        await text("#parts"),
        "Off: auth (AUTH_SECRET); alerts (ALERT_URL, ALERT_SECRET)",
      );
      const first = await rows();
      assert.equal(first.length, 50);
      assert.match(
        first[0],
        /ago[\s\S]*invoice\.(paid|expired)[\s\S]*stuck-\d+[\s\S]*applied[\s\S]*answered 503, [\s\S]*11 attempts/,
      );
      await tabTo("more");
      await activate();
      await eventually("there are more", async () => (await rows()).length === 64);
      assert.equal(await visible("#more"), false);
      await open();
      await tabTo("Conflicts");
      await activate();
      await eventually("the conflict is listed", async () => {
        const [row, ...others] = await rows();
        return (
          others.length === 0 && row.includes(invoice.public_invoice_id) && /conflict/.test(row)
        );
      });
      await tabTo(invoice.public_invoice_id);
      await activate();
      await eventually("the timeline is shown", async () =>
        /EXPIRED[\s\S]*invoice\.expired came: applied[\s\S]*invoice\.paid came: conflict[\s\S]*fulfillment took it/.test(
          await text("#invoice"),
        ),
      );
      assert.equal(await focused(), "one");
      await tabTo("id");
      await browser.keys("unknown");
      await browser.evaluate('document.getElementById("id").value = "unknown"');
      await browser.keys(KEYS.enter);
      await eventually(
        "it says that it knows none",
        async () => (await note()) === "No event of this invoice is stored",
      );
    });

    test("a replay asks first; by keyboard alone", async () => {
      await open();
      const [row] = await rows();
      const id = /stuck-\d+/.exec(row)[0];
      await tabTo("Replay");
      await activate();
      assert.equal(await visible("#sure"), true);
      assert.match(await text("#question"), new RegExp(`evt-${id}`));
      assert.equal(await focused(), "no");
      await dismiss();
      await eventually("it is closed", async () => !(await visible("#sure")));
      assert.equal(
        (await ask(worker, "GET", "/events?state=dead&limit=1000")).body.events.length,
        64,
      );
      await tabTo("Replay");
      await activate();
      await tabTo("yes");
      await activate();
      await eventually(
        "it says so",
        async () => (await note()) === "The event is on its way again.",
      );
      await eventually("it is delivered", () => fulfillment.of(`evt-${id}`).length === 1);
      assert.equal(
        fulfillment.received.filter(({ eventId }) => eventId.startsWith("evt-")).length,
        1,
      );
      // The row has disappeared, so the focus moves to the list.
      await eventually("the focus is kept", async () => (await focused()) === "Dead");
      await tabTo("all");
      await activate();
      await eventually("it asks", () => visible("#sure"));
      assert.equal(await text("#question"), "Deliver 63 dead events again?");
      await tabTo("yes");
      await activate();
      await eventually(
        "they are on their way",
        async () => (await note()) === "63 events are on their way again.",
      );
      assert.equal(await text("#none"), "There is none.");
      // Local queues are slow, so some of the events are enough.
      await eventually(
        "they are delivered",
        () => new Set(fulfillment.received.map(({ eventId }) => eventId)).size >= 15,
        { within: 120_000 },
      );
    });

    test("reconcile now says what came of it, and where Gwop is not well", async () => {
      const missed = await shopAt(simulator).paid();
      await browser.open(`${worker.url}/console`);
      await browser.keys(OPERATOR_TOKEN + KEYS.enter);
      await eventually("it is open", () => visible("#desk"));
      await tabTo("reconcile");
      await activate();
      /** Checks that the page's text matches. A failure shows the text. */
      const says = (what) =>
        eventually(`it says ${what}`, async () => assert.match(await note(), what) ?? true, {
          within: 30_000,
        });
      await says(/^Reconciliation: 1 applied, 0 conflicts\.$/);
      await eventually(
        "it is delivered",
        () => fulfillment.received.some(({ invoiceId }) => invoiceId === missed.id),
        { within: 120_000 },
      );
      await simulator.control("POST", "faults", {
        fault: "error",
        operation: "invoices.list",
        status: 503,
        times: 1,
      });
      await tabTo("reconcile");
      await activate();
      await says(/^Reconciliation waits: /);
      await says(/^Reconciliation: 0 applied, 0 conflicts\.$/);
    });

    test("light and dark, both with enough contrast; readable at the width of a phone", async () => {
      await worker.fault("fill-dead", { rows: 2, prefix: "phone" });
      await eventually(
        "the dead ones are counted",
        async () => {
          await open();
          return browser.evaluate('return document.querySelector("#counts .bad") !== null');
        },
        { every: 1_000 },
      );
      const colors = () =>
        browser.evaluate(`
        const style = (selector) => getComputedStyle(document.querySelector(selector));
        const back = style("section").backgroundColor;
        return { back, text: [style("body").color, style("#parts").color, style(".link").color, style("#counts .bad").color].map((color) => [color, back]),
          button: [style(".tab[aria-pressed=true]").color, style(".tab[aria-pressed=true]").backgroundColor] };`);
      const backs = [];
      for (const scheme of ["light", "dark"]) {
        if (!(await browser.scheme(scheme))) continue;
        const { back, text: texts, button } = await colors();
        backs.push(back);
        for (const [one, other] of [...texts, button])
          assert.ok(contrast(one, other) >= 4.5, `${scheme}: ${one} on ${other}`);
      }
      if (name === "chromium") assert.equal(new Set(backs).size, 2);
      await browser.resize(360, 740);
      const layout = await browser.evaluate(`
        const wide = [...document.querySelectorAll("main *")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1);
        return { width: innerWidth, scrolls: document.documentElement.scrollWidth > innerWidth, wide: wide.map((one) => one.outerHTML.slice(0, 80)),
          stacked: getComputedStyle(document.querySelector("#events td")).display, size: parseFloat(getComputedStyle(document.body).fontSize) };`);
      assert.deepEqual(
        [layout.scrolls, layout.wide, layout.stacked],
        [false, [], "grid"],
        JSON.stringify(layout),
      );
      assert.ok(layout.width < 640 && layout.size >= 14);
    });
  });
}

suite("console of several merchants", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const secretsOf = (name) => ({
    GWOP_WEBHOOK_SECRET: `whsec_of_${name}`,
    OPERATOR_TOKEN: `operator-token-of-${name}`,
  });
  const merchants = { alpha: secretsOf("alpha"), beta: secretsOf("beta") };
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET,
    },
    configure: (text) =>
      `${text}\n[vars]\nGWOP_MERCHANTS = ${JSON.stringify(JSON.stringify(merchants))}\n`,
  });
  after(() => worker.stop());
  // Each merchant has a conflict, which stays in its list.
  const invoices = {};
  for (const [key, { GWOP_WEBHOOK_SECRET: secret }] of [
    ["alpha", merchants.alpha],
    ["beta", merchants.beta],
    ["", { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET }],
  ]) {
    const invoice = newInvoice();
    invoices[key] = invoice.public_invoice_id;
    for (const what of [event("expired", invoice), event("paid", invoice)]) {
      const body = JSON.stringify(what);
      const answer = await worker.request("POST", `${key && `/${key}`}/webhooks/gwop`, {
        body,
        headers: {
          "content-type": "application/json",
          "x-gwop-signature": signature(body, { secrets: [secret] }),
        },
      });
      assert.equal(answer.status, 200, answer.text);
    }
  }
  const browser = await startBrowser("chromium", CHROMIUM());
  after(() => browser.close());
  const text = (selector) =>
    browser.evaluate('return document.querySelector(arguments[0])?.innerText ?? ""', selector);
  const rows = () =>
    browser.evaluate(
      'return [...document.querySelectorAll("#events tr")].map((row) => row.innerText)',
    );
  const isOpen = () => browser.evaluate('return document.querySelector("#desk").checkVisibility()');
  const enter = async (key, token) => {
    await browser.open(`${worker.url}${key && `/${key}`}/console`);
    await browser.keys(token + KEYS.enter);
  };
  const tokens = {
    alpha: merchants.alpha.OPERATOR_TOKEN,
    beta: merchants.beta.OPERATOR_TOKEN,
    "": OPERATOR_TOKEN,
  };

  test("each shows its own rows to its own token, and refuses every other token", async () => {
    for (const key of Object.keys(tokens)) {
      for (const [other, token] of Object.entries(tokens)) {
        if (other === key) continue;
        await enter(key, token);
        await eventually(
          "it is refused",
          async () => (await text("#note")) === "This is not the operator token.",
        );
        assert.deepEqual([await isOpen(), await rows()], [false, []], `${other} at ${key}`);
      }
      await enter(key, tokens[key]);
      await eventually("it is open", isOpen);
      await browser.evaluate(
        '[...document.querySelectorAll(".tab")].find((tab) => tab.innerText === "Conflicts").click()',
      );
      await eventually("its conflict is listed", async () => (await rows()).length > 0);
      const [row, ...more] = await rows();
      assert.deepEqual([row.includes(invoices[key]), more], [true, []], `${key}: ${row}`);
      // All its requests were this merchant's, and so is the timeline.
      const place = `${worker.url}${key && `/${key}`}`;
      const asked = await browser.evaluate(
        'return performance.getEntriesByType("resource").map((entry) => entry.name)',
      );
      const own = /^\/(events|healthz|invoices|metrics|reconcile)\b/;
      assert.ok(asked.length > 0);
      for (const url of asked)
        assert.ok(url.startsWith(place) && own.test(url.slice(place.length)), url);
      await browser.evaluate(
        'document.querySelector("#id").value = arguments[0]; document.querySelector("#id").form.requestSubmit()',
        invoices[key],
      );
      await eventually("the timeline is shown", async () => /EXPIRED/.test(await text("#invoice")));
      for (const [other, id] of Object.entries(invoices)) {
        if (other === key) continue;
        await browser.evaluate(
          'document.querySelector("#id").value = arguments[0]; document.querySelector("#id").form.requestSubmit()',
          id,
        );
        await eventually(
          "another’s is not known here",
          async () => (await text("#note")) === "No event of this invoice is stored",
        );
        // So that the next test has to report it again.
        await browser.evaluate('document.querySelector("#note").textContent = ""');
      }
    }
  });
});

suite("console without a token", async ({ test, after }) => {
  const worker = await startWorker({ variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET } });
  after(() => worker.stop());

  test("there is no console", async () => {
    const answer = await worker.request("GET", "/console");
    assert.deepEqual([answer.status, answer.body.error.code], [404, "NOT_FOUND"]);
  });
});
