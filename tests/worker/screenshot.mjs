// Creates docs/console.png, the picture of the console in docs/operations.md: `node
// tests/worker/screenshot.mjs [light|dark]`, after `cargo xtask build`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { startBrowser } from "../runners/webdriver.mjs";
import { CHROMIUM } from "./lib/browsers.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { eventually } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, SHIPPED_BUILD, TOP, startWorker } from "./lib/wrangler.mjs";

const [scheme = "light"] = process.argv.slice(2);
const fulfillment = await startFulfillment();
const worker = await startWorker({
  main: SHIPPED_BUILD,
  variables: {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    FULFILLMENT_URL: fulfillment.url,
    FULFILLMENT_SECRET,
  },
});
const browser = await startBrowser("chromium", CHROMIUM());
try {
  // Some events that fulfillment refuses, and one that contradicts its invoice.
  fulfillment.answer = ({ type }) => (type === "invoice.paid" ? 503 : 500);
  const conflicting = newInvoice();
  for (const what of [
    event("expired", conflicting),
    event("paid", conflicting),
    event("paid", newInvoice()),
    event("canceled", newInvoice()),
  ]) {
    await deliverUntilAccepted(worker, what);
  }
  const dead = async () => {
    const answer = await worker.request("GET", "/events?state=dead", {
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    });
    return answer.body.events.length === 4;
  };
  await eventually("they are dead", dead, { within: 90_000, every: 500 });
  await browser.scheme(scheme);
  await browser.resize(960, 900);
  await browser.open(`${worker.url}/console`);
  await browser.keys(`${OPERATOR_TOKEN}\uE007`);
  await eventually("the list is there", () =>
    browser.evaluate('return document.querySelectorAll("#events tr").length > 0'),
  );
  await browser.evaluate('[...document.querySelectorAll("#events .link")].at(-1).click()');
  await eventually("the timeline is there", () =>
    browser.evaluate('return document.querySelectorAll("#invoice li").length > 0'),
  );
  // No focus ring around the heading, and the whole page.
  await browser.evaluate("document.activeElement.blur(); scrollTo(0, 0)");
  const height = await browser.evaluate("return document.documentElement.scrollHeight");
  await browser.resize(960, height);
  const file = join(TOP, "docs/console.png");
  writeFileSync(file, await browser.screenshot());
  console.log(file);
} finally {
  await browser.close();
  await worker.stop();
  await fulfillment.stop();
}
