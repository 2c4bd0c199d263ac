// The first verified webhook of a fresh isolate.
import Stripe from "stripe";

export default {
  async fetch(request) {
    if (request.method === "POST") {
      const signature = request.headers.get("x-gwop-signature");
      await Stripe.webhooks.constructEventAsync(
        await request.text(),
        signature,
        process.env.BENCH_SECRET,
      );
    }
    return new Response();
  },
};
