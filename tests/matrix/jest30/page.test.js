/** @jest-environment jsdom */
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { ConnectionError, isGwopError } from "@gwop/sdk/errors";
import { memoryStore } from "@gwop/sdk/stores";

test("what needs no wasm loads in jsdom, which has no TextDecoder", () => {
  expect(typeof TextDecoder).toBe("undefined");
  expect(new ConnectionError("none")).toBeInstanceOf(ConnectionError);
  expect(isGwopError(new Error("another"))).toBe(false);
  const gwop = { validateWebhook() {} };
  const handle = createWebhookHandler({
    gwop,
    store: memoryStore(),
    onPaid() {},
    onExpired() {},
    onCanceled() {},
  });
  expect(typeof handle).toBe("function");
});

test("the rest says what to do", () => {
  expect(() => require("@gwop/sdk")).toThrow(/no TextDecoder here\. In Jest's jsdom/);
});
