// Which hosts may be called over plain HTTP, and the public credentials of simulators. Neither must
// be allowed in production by default.
import { Gwop, HTTPClient } from "@gwop/sdk";
import { GwopCheckout } from "@gwop/sdk/checkout";
import { SDKValidationError } from "@gwop/sdk/errors";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { Simulator } from "@gwop/sdk/simulator";
import { memoryStore } from "@gwop/sdk/stores";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertRejects,
  assertThrows,
  test,
} from "./harness.js";
import { deliver, PAID } from "./deliveries.js";
import { WIRE } from "./http-kit.js";

const PRIVATE = [
  "http://127.0.0.1:4010",
  "http://127.9.9.9",
  "http://[::1]:4010",
  "http://localhost:4010/base",
  "http://gwop.localhost",
  "http://gwop.local",
  "http://simulator.internal:80",
  "http://a.svc.cluster.local",
  "http://simulator:4010",
  "http://LOCALHOST.:1",
  "HTTP://Gwop.Local/",
];
const PUBLIC = [
  "http://agents.gwop.io",
  "http://shop.example",
  "HTTP://SHOP.EXAMPLE",
  "http://8.8.8.8",
  "http://134744072",
  "http://0x08080808",
  "http://10.0.0.1",
  "http://[2001:db8::1]",
  "http://localhost.example",
  "http://127.0.0.1.example",
  "http://internal.example",
  "http://shop%2eexample",
  "http://shop。example",
  "http://local.",
  "http://shop.example.",
  "http://evillocal.example",
].filter((url) => url !== "http://local.");

const fetcher = async () => Response.json(WIRE.invoicePublic());

test("hosts: plain http is for loopback, *.local, *.internal and single-label names", async () => {
  const httpClient = new HTTPClient({ fetcher });
  for (const url of [...PRIVATE, "https://shop.example"]) {
    for (const given of [url, new URL(url)]) {
      await new Gwop({ serverURL: given, identityURL: given, httpClient }).invoices.get({
        id: "inv_1",
      });
      await new Gwop({ httpClient }).invoices.get({ id: "inv_1" }, { serverURL: given });
    }
    new GwopCheckout({ baseUrl: url });
  }
});

test("hosts: plain http to any other is refused before anything is sent, unless allowInsecure is true", async () => {
  const sent = [];
  const httpClient = new HTTPClient({ fetcher: (request) => (sent.push(request.url), fetcher()) });
  for (const url of PUBLIC) {
    for (const name of ["serverURL", "identityURL"]) {
      for (const allowInsecure of [undefined, false]) {
        const error = assertThrows(
          () => new Gwop({ [name]: url, httpClient, allowInsecure }),
          SDKValidationError,
        );
        assertMatch(error.message, name);
        assertMatch(error.message, "allowInsecure");
      }
      new Gwop({ [name]: url, httpClient, allowInsecure: true });
    }
    await assertRejects(
      new Gwop({ httpClient }).invoices.get({ id: "inv_1" }, { serverURL: url }),
      SDKValidationError,
    );
    await assertRejects(new GwopCheckout({ baseUrl: url }).invoices.retrieve("inv_1"), {
      code: "VALIDATION_ERROR",
    });
  }
  assertEquals(sent, []);
  await new Gwop({ allowInsecure: true, httpClient }).invoices.get(
    { id: "inv_1" },
    { serverURL: "http://shop.example" },
  );
  assertEquals(sent, ["http://shop.example/v1/invoices/inv_1"]);
  for (const allowInsecure of ["yes", 1, {}])
    assertThrows(() => new Gwop({ allowInsecure }), SDKValidationError);
});

const refusedSimulators = async (promise) => {
  const error = await assertRejects(promise, { code: "SIMULATOR_CREDENTIALS" });
  assertInstance(error, SDKValidationError);
  assert(
    !error.message.includes("whsec_simulator") && !error.message.includes("sk_m_simulator"),
    error.message,
  );
  return error;
};

test("hosts: whsec_simulator verifies nothing where the identity host is Gwop's own", async () => {
  const request = await deliver(PAID, { secret: "whsec_simulator" });
  for (const options of [
    {},
    { identityURL: "https://identity.gwop.io" },
    { identityURL: "https://IDENTITY.GWOP.IO./x" },
    { serverURL: "http://127.0.0.1:1" },
  ]) {
    for (const webhookSecret of ["whsec_simulator", ["whsec_of_the_shop", "whsec_simulator"]]) {
      const gwop = new Gwop({ ...options, webhookSecret });
      await refusedSimulators(gwop.validateWebhook({ request }));
      await refusedSimulators((async () => gwop.validateWebhookSync({ request }))());
    }
  }
  for (const identityURL of [
    "http://127.0.0.1:4010",
    "https://gwop.io.example",
    "https://notgwop.io",
  ]) {
    const gwop = new Gwop({ identityURL, webhookSecret: "whsec_simulator" });
    assertEquals((await gwop.validateWebhook({ request })).body.eventId, "evt_abc123");
  }
  const { headers } = request;
  const error = assertThrows(() =>
    GwopCheckout.webhooks.constructEvent(PAID, headers["x-gwop-signature"], "whsec_simulator"),
  );
  assertEquals(error.details, { reason: "SIMULATOR_CREDENTIALS" });
});

test("hosts: the handler of a server with whsec_simulator is misconfigured, and says so to onError alone", async () => {
  const told = [];
  const gwop = new Gwop({ webhookSecret: "whsec_simulator" });
  const nothing = () => {};
  const handle = createWebhookHandler({
    gwop,
    store: memoryStore(),
    onPaid: nothing,
    onExpired: nothing,
    onCanceled: nothing,
    onError: (error) => told.push(error.code),
  });
  const { body, headers, method, url } = await deliver(PAID, { secret: "whsec_simulator" });
  const answer = await handle(new Request(url, { method, headers, body }));
  assertEquals(answer.status, 500);
  assertMatch(await answer.text(), "MISCONFIGURED");
  assertEquals(told, ["SIMULATOR_CREDENTIALS"]);
});

test("hosts: sk_m_simulator is sent to no host of Gwop's own", async () => {
  const sent = [];
  const httpClient = new HTTPClient({
    fetcher: (request) => (sent.push(request.url), Response.json(WIRE.page([], false))),
  });
  for (const merchantApiKey of [
    "sk_m_simulator",
    () => "sk_m_simulator",
    async () => " sk_m_simulator",
  ]) {
    const gwop = new Gwop({ merchantApiKey, httpClient });
    await refusedSimulators(gwop.invoices.list());
    await refusedSimulators(gwop.authSessions.get({ sessionId: "s" }));
    await refusedSimulators(
      new Gwop({ merchantApiKey, httpClient, serverURL: "http://127.0.0.1:4010" }).authSessions.get(
        { sessionId: "s" },
      ),
    );
    await refusedSimulators(
      new Gwop({
        merchantApiKey,
        httpClient,
        identityURL: "http://127.0.0.1:4010",
      }).invoices.list(),
    );
    assertEquals(sent, []);
  }
  await new Gwop({
    merchantApiKey: "sk_m_simulator",
    httpClient,
    serverURL: "http://127.0.0.1:4010",
  }).invoices.list();
  await new Gwop({ merchantApiKey: "sk_m_simulator", httpClient }).invoices.list(
    {},
    { serverURL: "http://127.0.0.1:4010" },
  );
  assertEquals(sent.length, 2);
  const error = await assertRejects(
    new GwopCheckout({ merchantApiKey: "sk_m_simulator" }).invoices.list(),
    { code: "UNAUTHORIZED" },
  );
  assertMatch(error.message, "simulator");
});

test("hosts: a simulator in this process takes its own credentials, through its client and a client over its fetch", async () => {
  const sim = new Simulator();
  const { merchantApiKey, webhookSecret, merchantId } = sim;
  for (const httpClient of [
    sim.httpClient,
    sim.httpClient.clone(),
    new HTTPClient({ fetcher: sim.fetch }),
  ]) {
    const gwop = new Gwop({ httpClient, merchantApiKey, webhookSecret, merchantId });
    await gwop.invoices.list();
    const request = await deliver(PAID, { secret: webhookSecret });
    assertEquals((await gwop.validateWebhook({ request })).body.eventId, "evt_abc123");
  }
});
