// Draws the page for the README: `screenshot.mjs FILE`, from the consumer project. `cargo xtask
// docs
// --screenshot` runs it.
import { writeFileSync } from "node:fs";
import { startBrowser } from "../runners/webdriver.mjs";
import { startGwop, startMerchant } from "./lib.mjs";
import { openPage } from "./page.mjs";

const [file] = process.argv.slice(2);
const { GWOP_CHROMIUM: program, GWOP_CHROMEDRIVER: driver } = process.env;
const merchant = await startMerchant();
// The same ids and the same time each time.
const gwop = await startGwop(["--webhook-url", merchant.url, "--seed", "20"]);
const browser = await startBrowser("chromium", { program, driver });
try {
  await gwop.post("clock", { set: "2026-12-01T09:00:00Z", frozen: true });
  for (const [amountUsdc, description] of [
    [250_000, "one page"],
    [4_000_000, "a chart"],
    [1_000_000, "a report"],
    [12_000_000, "a data set"],
  ]) {
    await gwop.post("invoices", { amountUsdc, description });
    await gwop.post("clock", { advanceMs: 61_000 });
  }
  const [page, chart, report] = (await gwop.get("overview")).invoices.map(
    (row) => row.publicInvoiceId,
  );
  await gwop.post("pay", { target: page, chain: "solana" });
  await gwop.post("pay", { target: chart, outcome: "hold" });
  merchant.status = 503;
  await gwop.post("pay", { target: report });
  await gwop.post("clock", { advanceMs: 400 });
  merchant.status = 200;
  await gwop.post("clock", { advanceMs: 2_000 });
  await browser.resize(1080, 760);
  const opened = await openPage(browser, gwop.url);
  await opened.click(".row:nth-child(2)");
  await opened.sees("invoice.paid: 200", "#timeline");
  writeFileSync(file, await browser.screenshot());
} finally {
  await browser.close();
  gwop.program.end();
  merchant.close();
}
