// The test build, wrapped in JavaScript that watches it: how often `GWOP_MERCHANTS` is parsed, and
// which keys of a KV namespace are read. It adds and removes merchants while the Worker runs, and
// can make the namespace fail for the ledger.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SCRATCH, TEST_BUILD, startWorker } from "./wrangler.mjs";

const SOURCE = `
import gwop, * as worker from ${JSON.stringify(TEST_BUILD)};

const seen = { parsed: 0, read: [] };
const failing = {};
const parse = JSON.parse;
JSON.parse = (text, ...more) => {
  if (typeof text === "string" && text.includes('"GWOP_MERCHANT_ID"')) seen.parsed += 1;
  return parse(text, ...more);
};

const namespaces = {};
/** Returns the environment with a watched namespace, one for each reader. */
function watched(env, who) {
  const kv = env.GWOP_MERCHANTS;
  if (typeof kv?.getWithMetadata !== "function") return env;
  namespaces[who] ??= Object.fromEntries(
    ["get", "getWithMetadata", "put", "list", "delete"].map((name) => [
      name,
      async (...args) => {
        if (failing[who]) throw new Error("the namespace is out of reach");
        if (name.startsWith("get")) seen.read.push(...[args[0]].flat());
        return kv[name](...args);
      },
    ]),
  );
  return { ...env, GWOP_MERCHANTS: namespaces[who] };
}

export const GwopSession = worker.GwopSession;
export const GwopInvoice = worker.GwopInvoice;
export const GwopInvoiceIndex = worker.GwopInvoiceIndex;
export class GwopLedger extends worker.GwopLedger {
  constructor(state, env) {
    super(state, watched(env, "ledger"));
  }
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/watched") {
      return gwop.fetch(request, watched(env, "worker"), ctx);
    }
    const { put = {}, get, fail = {} } = await request.json();
    for (const [key, value] of Object.entries(put)) {
      if (value === null) await env.GWOP_MERCHANTS.delete(key);
      else await env.GWOP_MERCHANTS.put(key, JSON.stringify(value));
    }
    Object.assign(failing, fail);
    return Response.json({ ...seen, got: get && (await env.GWOP_MERCHANTS.get(get)) });
  },
  queue: (batch, env, ctx) => gwop.queue(batch, watched(env, "worker"), ctx),
  scheduled: (controller, env, ctx) => gwop.scheduled(controller, watched(env, "worker"), ctx),
};
`;

/** Starts it. `watch(what)` puts, gets and fails, and returns what was seen. */
export async function startWatched(options) {
  const directory = mkdtempSync(join(SCRATCH, "gwop-watched-"));
  const main = join(directory, "index.js");
  writeFileSync(main, SOURCE);
  const worker = await startWorker({ ...options, main });
  const stop = worker.stop.bind(worker);
  worker.stop = async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
  worker.watch = async (what = {}) =>
    (await worker.request("POST", "/watched", { body: JSON.stringify(what) })).body;
  return worker;
}
