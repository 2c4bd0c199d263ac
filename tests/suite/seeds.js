// Runs the code samples of the product's documents (tests/seeds) and of this repository's (README,
// docs, comments) unchanged. The prelude supplies their free names, and the local Gwop responds for
// Gwop's two hosts.
import { Gwop } from "@gwop/sdk";
import { Simulator } from "@gwop/sdk/simulator";
import { assert, assertEquals, test } from "./harness.js";
import { deliver, PAID } from "./deliveries.js";
import { samples } from "./seeds/samples.js";

// Samples read variables from the environment, if the runtime has one.
const { GWOP_MERCHANT_API_KEY = "sk_m_prelude", GWOP_WEBHOOK_SECRET = "whsec_prelude" } =
  globalThis.process?.env ?? {};

/** The ids in the samples, and the real ids that replace them on the way to the local Gwop. */
async function prelude() {
  const sim = new Simulator({
    merchantApiKey: GWOP_MERCHANT_API_KEY,
    webhookSecret: GWOP_WEBHOOK_SECRET,
  });
  const { httpClient, merchantApiKey, webhookSecret } = sim;
  const own = new Gwop({ httpClient, merchantApiKey, webhookSecret });
  const { result: invoice } = await own.invoices.create({ body: { amountUsdc: 1_000_000 } });
  const paidIntent = async () => {
    const { result } = await own.authIntents.create();
    await sim.pay(result.challenge.paymentMethods[0].paymentUrl, { chain: "base" });
    return result;
  };
  const { result: login } = await own.authIntents.exchange({
    authIntentId: (await paidIntent()).authIntentId,
  });
  const real = {
    inv_7dbeeaad8ebf4f5298c380c90e4b3576: invoice.publicInvoiceId,
    "ba7bc94a-5468-42f4-9f04-2502e50c7501": invoice.id,
    "sess_...": login.session.sid,
  };
  const delivery = await deliver(PAID, { secret: webhookSecret });
  const { headers, body } = delivery;
  const names = {
    gwop: new Gwop({ merchantApiKey, webhookSecret }),
    sim: new Simulator(),
    app: { fetch: async () => new Response(null, { status: 204 }) },
    error: new TypeError("of a sample"),
    intent: await paidIntent(),
    token: login.accessToken,
    request: new Request("https://your-app.com/webhooks/gwop", { method: "POST", headers, body }),
    rawBody: body,
    signatureHeader: headers["x-gwop-signature"],
    eventId: headers["x-gwop-event-id"],
    eventType: headers["x-gwop-event-type"],
    alreadyDone: async () => false,
    tellSomebody: async () => {},
    fulfill: async () => {},
  };
  return { sim, real, names };
}

/**
 * Runs `fn` while `fetch` reaches the local Gwop instead of Gwop's hosts. Returns the request
 * count.
 */
async function answeredLocally({ sim, real }, fn) {
  const { fetch } = globalThis;
  let requests = 0;
  globalThis.fetch = async (input, init) => {
    const asked = new Request(input, init);
    assert(/^https:\/\/(agents|identity)\.gwop\.io\//.test(asked.url), `a request to ${asked.url}`);
    requests += 1;
    let { url } = asked;
    let body = (await asked.text()) || undefined;
    for (const [written, id] of Object.entries(real)) {
      url = url.replace(encodeURIComponent(written), id);
      body &&= body.replace(written, id);
    }
    const { method, headers } = asked;
    return sim.fetch(new Request(url, { method, headers, ...(body ? { body } : {}) }));
  };
  try {
    await fn();
  } finally {
    globalThis.fetch = fetch;
  }
  return requests;
}

assert(samples.length >= 25, `${samples.length} samples`);

/** Returns whether a line matches a sample's documented output. `…` matches the rest of a line. */
function says(line, text) {
  const [begin, rest] = text.split("…");
  return rest === undefined ? line === text : line.startsWith(begin);
}

/** Runs `fn`. Returns the printed lines when they include those of `prints`, or after 5 seconds. */
async function printed(prints, fn) {
  const { log } = console;
  const lines = [];
  console.log = (...values) => void lines.push(values.join(" "));
  try {
    await fn();
    const isMissing = (text) => !lines.some((line) => says(line, text));
    // A webhook may arrive after the payment has returned.
    for (let left = 500; left > 0 && prints.some(isMissing); left -= 1) {
      await new Promise((done) => setTimeout(done, 10));
    }
  } finally {
    console.log = log;
  }
  return lines;
}

for (const { name, prints, readsEnvironment, asksGwop, run } of samples) {
  test(`sample: ${name}`, { needs: readsEnvironment ? ["env"] : [] }, async () => {
    const set = await prelude();
    let requests;
    const lines = await printed(prints, async () => {
      requests = await answeredLocally(set, async () => {
        const exported = await run(set.names);
        // A handler, which receives a delivery.
        if (typeof exported === "function") assert((await exported(set.names.request)).ok);
      });
    });
    assertEquals(requests > 0, asksGwop);
    for (const text of prints) {
      assert(
        lines.some((line) => says(line, text)),
        `it printed ${lines}, not ${text}`,
      );
    }
  });
}
