// `import` and `require` in one process: two copies of the code with shared state.
import { createRequire } from "node:module";
import * as imported from "@gwop/sdk";
import * as importedErrors from "@gwop/sdk/errors";
import { createAuthRoutes, createWebhookHandler } from "@gwop/sdk/handlers";
import { Simulator } from "@gwop/sdk/simulator";
import { memoryStore } from "@gwop/sdk/stores";
import { sign } from "./sign.js";

const require = createRequire(import.meta.url);
const required = require("@gwop/sdk");
const requiredErrors = require("@gwop/sdk/errors");
const handlers = require("@gwop/sdk/handlers");
const stores = require("@gwop/sdk/stores");

function expect(holds, message) {
  if (!holds) throw new Error(message);
}
expect(imported.Gwop !== required.Gwop, "this shows nothing unless there are two copies");

// One wasm instance.
const instances = Object.getOwnPropertySymbols(globalThis).filter((symbol) =>
  / gwop\.wasm$/.test(symbol.description),
);
expect(instances.length === 1, `${instances.length} instances of gwop.wasm`);

// Each copy recognizes the errors of the other one.
const none = {
  httpClient: { request: () => Promise.reject(new TypeError("refused")) },
  retryConfig: { strategy: "none" },
};
for (const { Gwop } of [imported, required]) {
  const error = await new Gwop(none).invoices.get({ id: "inv_1" }).catch((error) => error);
  for (const { ConnectionError, HTTPClientError, GwopError } of [importedErrors, requiredErrors]) {
    expect(
      error instanceof ConnectionError &&
        error instanceof HTTPClientError &&
        !(error instanceof GwopError),
      error.stack,
    );
  }
}

// One JWK Set, for the client of one copy and the middleware of both. If one of them revokes a
// session, the other refuses it at once.
const sim = new Simulator({ merchantApiKey: "sk_m_of_the_test" });
let fetches = 0;
const request = (asked) => {
  fetches += asked.url.includes("jwks");
  return sim.httpClient.request(asked);
};
const { merchantApiKey, merchantId } = sim;
const gwop = new required.Gwop({ httpClient: { request }, merchantApiKey, merchantId });
const { result: intent } = await gwop.authIntents.create();
await sim.pay(intent.authIntentId);
const { result: login } = await gwop.authIntents.exchange({ authIntentId: intent.authIntentId });
const ask = new Request("https://shop.example/auth/session", {
  headers: { authorization: `Bearer ${login.accessToken}` },
});
const authSecret = "of the test, long enough";
const copies = [
  createAuthRoutes({ gwop, authSecret }),
  handlers.createAuthRoutes({ gwop, authSecret }),
];
for (const routes of copies) expect((await routes(ask)).status === 200, "a good token was refused");
expect(fetches === 1, `the JWK Set was fetched ${fetches} times`);
expect(
  (await copies[0](new Request(ask, { method: "DELETE" }))).status === 200,
  "logging out failed",
);
expect((await copies[1](ask)).status === 401, "the other copy takes a revoked session");

// One memoryStore behind the handlers of both.
const { secret, request: delivery } = await sign();
const json = { ...delivery, headers: { ...delivery.headers, "content-type": "application/json" } };
let paid = 0;
const options = { onPaid: () => (paid += 1), onExpired() {}, onCanceled() {} };
const deliver = (handle) =>
  handle(new Request(delivery.url, json)).then((response) => response.json());
for (const store of [memoryStore(), stores.memoryStore()]) {
  paid = 0;
  const first = createWebhookHandler({
    ...options,
    store,
    gwop: new required.Gwop({ webhookSecret: secret }),
  });
  const second = handlers.createWebhookHandler({
    ...options,
    store,
    gwop: new imported.Gwop({ webhookSecret: secret }),
  });
  const outcomes = [await deliver(first), await deliver(second)]
    .map(({ outcome }) => outcome)
    .join();
  expect(outcomes === "applied,duplicate" && paid === 1, `${outcomes}, ${paid} times paid`);
}
console.log("import and require share everything");
