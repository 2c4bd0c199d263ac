// Runs the conformance suite for the stores of Cloudflare's platform, on the real workerd:
// `/?store=NAME`.
import { DurableObject } from "cloudflare:workers";
import { d1Store, durableObjectStore, kvStore } from "@gwop/sdk/stores";
import { d1Journal, durableObjectJournal } from "@gwop/sdk/agent";
import { conformance, day, journalConformance } from "../checks.js";
// The sample of `createWebhookHandler`, which the runner writes.
import documented from "./documented.js";

export class Shop extends DurableObject {
  conformance() {
    return conformance("Durable Object", () => durableObjectStore(this.ctx.storage));
  }
  day(count) {
    return day(durableObjectStore(this.ctx.storage), count);
  }
  journals() {
    return journalConformance("Durable Object", () => durableObjectJournal(this.ctx.storage));
  }
}

const STORES = {
  D1: (env) => conformance("D1", () => d1Store(env.DB)),
  KV: (env) => conformance("KV", () => kvStore(env.KV)),
  "Durable Object": (env) => env.SHOP.get(env.SHOP.idFromName("shop")).conformance(),
  "D1 journal": (env) => journalConformance("D1", () => d1Journal(env.DB)),
  "Durable Object journal": (env) => env.SHOP.get(env.SHOP.idFromName("agent")).journals(),
};

const DAYS = {
  D1: (env, count) => day(d1Store(env.DB), count),
  KV: (env, count) => day(kvStore(env.KV), count),
  "Durable Object": (env, count) => env.SHOP.get(env.SHOP.idFromName("shop")).day(count),
};

export default {
  async fetch(request, env, ctx) {
    if (request.method === "POST") return documented.fetch(request, env, ctx);
    const { searchParams } = new URL(request.url);
    const [store, count] = [searchParams.get("store"), searchParams.get("day")];
    if (count) return Response.json(await DAYS[store](env, Number(count)));
    return store ? Response.json(await STORES[store](env)) : new Response("ready");
  },
};
