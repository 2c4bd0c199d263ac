// `@gwop/worker`: the prebuilt Worker as it is deployed, and `createWorker`, which adds hooks to
// it.
import * as worker from "./worker/entry.js";

/** The hooks of `createWorker`. The Durable Objects use them too: they run in the same isolates. */
let hooks;

const NAMES = ["onEvent", "onAlert"];

/** Parses an event into the SDK's form, with time stamps as `Date`. */
function revive(text) {
  const { value, times } = JSON.parse(text);
  for (const path of times) {
    const last = path.pop();
    const holder = path.reduce((object, name) => object[name], value);
    holder[last] = new Date(holder[last]);
  }
  return value;
}

/** Converts an alert to JavaScript's naming. */
function alertOf(json) {
  const { alert_id: alertId, kind, count, first_at, last_at, text, merchant } = JSON.parse(json);
  const alert = {
    alertId,
    kind,
    count,
    firstAt: new Date(first_at),
    lastAt: new Date(last_at),
    text,
  };
  return merchant === undefined ? alert : { ...alert, merchant };
}

/**
 * Wraps a hook for the Worker. The merchant has to see a hook's error, because the Worker only
 * retries.
 */
const called = (name, read, env, ctx) =>
  hooks[name] &&
  (async (text) => {
    try {
      await hooks[name](read(text), env, ctx);
    } catch (error) {
      console.error(`${name}:`, error);
      throw error;
    }
  });

/** Returns the environment with the hooks, where the Worker looks for them. */
function hooked(env, ctx) {
  if (!hooks) return env;
  const onEvent = called("onEvent", revive, env, ctx);
  const onAlert = called("onAlert", alertOf, env, ctx);
  // No variable can have this name.
  return { ...env, "gwop:hooks": { onEvent, onAlert } };
}

/** Creates a Durable Object class whose environment has the hooks. */
const aware = (Class) =>
  class extends Class {
    constructor(state, env) {
      super(state, hooked(env, state));
    }
  };

export const GwopLedger = aware(worker.GwopLedger);
export const GwopSession = worker.GwopSession;
export const GwopInvoice = aware(worker.GwopInvoice);
export const GwopInvoiceIndex = worker.GwopInvoiceIndex;

export default worker.default;

export function createWorker(options = {}) {
  for (const [name, hook] of Object.entries(options)) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`createWorker has no option ${name}: there is ${NAMES.join(", ")}`);
    }
    if (hook !== undefined && typeof hook !== "function") {
      throw new TypeError(`createWorker: ${name} must be a function`);
    }
  }
  // The ledger could not tell which hooks to use.
  if (hooks)
    throw new TypeError("createWorker was called before: call it once, and export what it returns");
  hooks = { ...options };
  const { fetch, queue, scheduled } = worker.default;
  return {
    fetch: (request, env, ctx) => fetch(request, hooked(env, ctx), ctx),
    queue: (batch, env, ctx) => queue(batch, hooked(env, ctx), ctx),
    scheduled: (controller, env, ctx) => scheduled(controller, hooked(env, ctx), ctx),
  };
}
