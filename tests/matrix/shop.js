// The merchant's code for every row: the main entry, the handlers and a store, as a bundler or test
// runner finds them.
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";

const gwop = new Gwop({ webhookSecret: "whsec_of_a_test_project" });
export const handle = createWebhookHandler({
  gwop,
  store: memoryStore(),
  onPaid() {},
  onExpired() {},
  onCanceled() {},
  onError() {},
});
