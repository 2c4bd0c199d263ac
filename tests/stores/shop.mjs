// A merchant at a local Gwop over HTTP. Several processes reconcile with it.
import { Gwop } from "@gwop/sdk";
import { freePort, started, startProgram } from "../runners/programs.mjs";

const MERCHANT_ID = "9e9c9ba5-3bab-4172-8a79-336f9ca0f163";

/**
 * Starts it. `client` has the options of its `Gwop`. `many(count)` creates paid and canceled
 * invoices. `end()` ends it.
 */
export async function startShop() {
  const port = await freePort();
  const program = startProgram(process.execPath, [
    "node_modules/@gwop/sdk/gwop-simulator.js",
    "--port",
    String(port),
  ]);
  const url = `http://127.0.0.1:${port}`;
  await started(async () => (await fetch(url)).ok, program, "gwop-simulator");
  const client = {
    serverURL: url,
    identityURL: url,
    merchantApiKey: "sk_m_simulator",
    merchantId: MERCHANT_ID,
  };
  const gwop = new Gwop(client);
  return {
    client,
    async many(count) {
      const made = [];
      for (let at = 0; at < count; at += 1) {
        const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
        const { id } = invoice;
        if (at % 4 === 0) await gwop.invoices.cancel({ id });
        else
          await fetch(`${url}/_sim/pay`, {
            method: "POST",
            body: JSON.stringify({ target: id }),
            headers: { "content-type": "application/json" },
          });
        made.push({ id, status: at % 4 === 0 ? "CANCELED" : "PAID" });
      }
      return made;
    },
    end: () => program.end(),
  };
}
