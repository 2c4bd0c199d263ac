// The types of the local Gwop, as an editor shows them.
import { Gwop, HTTPClient } from "@gwop/sdk";
import {
  type Fault,
  type SignedPayment,
  Simulator,
  SimulatorError,
  type SimulatorJournal,
  type SimulatorPayment,
  serve,
} from "@gwop/sdk/simulator";

const sim = new Simulator({
  webhookHandler: (request) => new Response(request.url, { status: 204 }),
  settlementDelayMs: undefined,
  merchants: [{ id: "m", apiKey: "sk_m_2", webhookSecret: "whsec_2" }],
});
new Gwop({
  httpClient: sim.httpClient,
  webhookSecret: sim.webhookSecret,
  merchantId: sim.merchantId,
});
new HTTPClient({ fetcher: sim.fetch });

const paid: SimulatorPayment = await sim.pay("inv_1", { chain: "solana", outcome: "hold" });
const hash: string | undefined = paid.transaction;
const answer: Response = await sim.fetch("https://agents.gwop.io/v1/invoices", { method: "POST" });
const served: Response = await serve(sim, new Request("http://127.0.0.1/"));

const signed: SignedPayment = sim.signPayment("inv_1", { chain: "base", payer: 1, x402Version: 2 });
await sim.fetch(signed.url, { method: signed.method, headers: signed.headers });
new Simulator({ x402: "gwop-docs", smartWallets: [signed.wallet], strictIdempotencyKeys: true });
// @ts-expect-error no such mode
new Simulator({ x402: "strict" });

const journal: SimulatorJournal = { append: async () => {}, replace: async () => {} };
const kept = new Simulator({ journal });
await kept.load({
  invoices: [{ amountUsdc: 1, status: "PAID" }],
  faults: [{ fault: "payment-fail" }],
});
await kept.redeliver("e", { variant: "stale", url: undefined });
await kept.pay("inv_1", { outcome: "late", delayMs: 5 });
await kept.saved();
// @ts-expect-error no such variant
await kept.redeliver("e", { variant: "old" });
await serve(kept, new Request("http://gwop.local/"), { allowedHosts: ["gwop.local"] });

const faults: Fault[] = [
  { fault: "payment-late", delayMs: 1_000, answer: "timeout" },
  { fault: "payment-lose-answer" },
  { fault: "lose-answer" },
  { fault: "error", status: 503, times: 2, operation: "invoices.create" },
  { fault: "webhook-stale", seconds: 400, times: "always" },
];
for (const fault of faults) sim.behave(sim.misbehave(fault));

// @ts-expect-error no such fault
sim.misbehave({ fault: "lose-anwser" });
// @ts-expect-error `delayMs` is needed
sim.misbehave({ fault: "delay" });
// @ts-expect-error no such operation
sim.misbehave({ fault: "delay", delayMs: 1, operation: "invoices.pay" });
// @ts-expect-error no such chain
await sim.pay("inv_1", { chain: "ethereum" });

try {
  await sim.clock.advance(1_000);
} catch (error) {
  if (error instanceof SimulatorError)
    console.log(error.code.length, hash, answer.status, served.status);
}
