/**
 * The module that is deployed, around worker-build's `index.js`: that one makes an instance of a class behind two proxies for every
 * request (docs/performance.md), this one calls its methods.
 */
import Worker from "./index.js";

export { GwopInvoice, GwopInvoiceIndex, GwopSession } from "./index.js";

const { fetch, queue } = Worker.prototype;
/** What worker-build keeps of the wasm's instance. */
const state = globalThis.__worker_init_state;

/** The `this` that the methods expect. After a panic worker-build instantiates the wasm anew where its class is constructed. */
const invocation = (env, ctx) => (state.criticalError ? new Worker(ctx, env) : { env, ctx });

export default {
  fetch: (request, env, ctx) => fetch.call(invocation(env, ctx), request),
  queue: (batch, env, ctx) => queue.call(invocation(env, ctx), batch),
};
