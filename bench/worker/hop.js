// The ceiling: a Worker that does nothing but ask one Durable Object, which does nothing either.
import { DurableObject } from "cloudflare:workers";

export default {
  async fetch(request, env) {
    await request.arrayBuffer();
    await env.GWOP_INVOICES.getByName(request.headers.get("x-gwop-event-id")).fetch("https://object/");
    return new Response(null, { status: 204 });
  },
};

export class GwopInvoice extends DurableObject {
  fetch() {
    return new Response(null, { status: 204 });
  }
}

export class GwopInvoiceIndex extends DurableObject {}
