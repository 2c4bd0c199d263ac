import { Gwop } from "@gwop/sdk";
import { createAuthRoutes, createWebhookHandler } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";

const gwop = new Gwop();
export const handle = createWebhookHandler({
  gwop,
  store: memoryStore(),
  onPaid() {},
  onExpired() {},
  onCanceled() {},
});
export const routes = createAuthRoutes({ gwop });
