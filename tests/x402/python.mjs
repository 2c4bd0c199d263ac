// The real x402 client for Python, with requests and httpx: `clients.py` runs it. GWOP_PYTHON names
// the program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { account, solanaSigner } from "./keys.mjs";

const WALLETS = { base: account.address, solana: (await solanaSigner()).address };

/** Starts Python. `pay` takes a job and returns its result. */
export function startPython() {
  const child = spawn(process.env.GWOP_PYTHON, ["clients.py"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async pay(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error("clients.py ended");
      return JSON.parse(value);
    },
    close: () => child.kill(),
  };
}

export function checksOfPython(gwop, python) {
  const checks = {};
  for (const client of ["requests", "httpx"]) {
    for (const chain of ["base", "solana"]) {
      const pay = (url, limit) => python.pay({ client, chain, url, rpc_url: gwop.rpcUrl, limit });
      checks[`Python x402 2.25.0, ${client}, ${chain}: an invoice`] = async () => {
        const { id, paymentUrl } = await gwop.invoice(chain);
        const { status, body, receipt, error } = await pay(paymentUrl, "$2");
        assert.equal(error, undefined);
        const { paid_tx_hash: transaction } = await gwop.public(id);
        assert.deepEqual([status, body.status], [200, "PAID"]);
        assert.deepEqual(
          [receipt.success, receipt.transaction, receipt.payer],
          [true, transaction, WALLETS[chain]],
        );
      };
      checks[`Python x402 2.25.0, ${client}, ${chain}: an auth intent`] = async () => {
        const { id, paymentUrl } = await gwop.intent(chain);
        const { receipt, error } = await pay(paymentUrl);
        assert.equal(error, undefined);
        const { principal } = await gwop.exchange(id);
        assert.deepEqual([receipt.success, principal.sub], [true, `${chain}:${WALLETS[chain]}`]);
      };
    }
    checks[`Python x402 2.25.0, ${client} takes at most $1 by itself`] = async () => {
      const { id, paymentUrl } = await gwop.invoice("base");
      const { error } = await python.pay({ client, chain: "base", url: paymentUrl });
      assert.match(error, /spend_controls\.max_amount_per_payment/);
      assert.equal((await gwop.public(id)).status, "OPEN");
    };
  }
  return checks;
}
