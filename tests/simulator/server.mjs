// Runs `serve` on Deno or Bun, as a merchant would mount it. Prints its address.
import { Simulator, serve } from "@gwop/sdk/simulator";

const sim = new Simulator();
const handler = (request) => serve(sim, request, { allowedHosts: ["gwop.local"] });
const tell = (port) => console.log(`listens on http://127.0.0.1:${port}`);
if (globalThis.Deno)
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => tell(port) }, handler);
else tell(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handler }).port);
