import { Gwop } from "@gwop/sdk";
import { assert, assertEquals, assertInstance, assertThrows, test } from "./harness.js";

test("the SDK, wasm included, works right after its import", () => {
  const gwop = new Gwop({ webhookSecret: "whsec_test" });
  assertInstance(gwop, Gwop);
  const request = { body: "{}", headers: {}, url: "http://localhost/", method: "POST" };
  assertThrows(() => gwop.validateWebhookSync({ request }), { code: "WEBHOOK_SIGNATURE_MISSING" });
});

test("the test server of the suite answers", async ({ serverURL }) => {
  const response = await fetch(`${serverURL}/echo?x=1`, {
    method: "POST",
    headers: { "x-a": "b" },
    body: "hi",
  });
  assert(response.ok);
  const { url, headers, body } = await response.json();
  assertEquals([url, headers["x-a"], body], ["/echo?x=1", "b", "hi"]);
});
