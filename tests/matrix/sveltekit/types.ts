// SvelteKit: an endpoint passes on the request, and on Cloudflare the platform's context.
import type { RequestHandler } from "@sveltejs/kit";
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
export const POST: RequestHandler = ({ request, platform }) =>
  handle(request, (platform as { ctx?: unknown } | undefined)?.ctx);
