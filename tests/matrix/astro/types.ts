// Astro: an endpoint passes on the request, and its locals unchanged.
import type { APIRoute } from "astro";
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";

const handle = createWebhookHandler({
  gwop: new Gwop(),
  store: memoryStore(),
  onPaid() {},
  onExpired() {},
  onCanceled() {},
});
export const POST: APIRoute = ({ request, locals }) => handle(request, locals);
