// The Worker of the memory benchmark: `/verify?count=N` and `/cancel?count=N` run the work, and a
// POST is a delivery. Responds with the size of the wasm's memory.
import * as work from "./memory-work.js";

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "POST")
      return new Response(null, { status: await work.receive(request) });
    const run = { "/verify": work.verify, "/cancel": work.cancel }[pathname];
    const ended = run ? await run(Number(searchParams.get("count"))) : 0;
    return Response.json({ ended, wasmKB: work.wasmKB() });
  },
};
