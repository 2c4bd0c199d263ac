// The Worker of the memory benchmark: `/verify?count=N` and `/cancel?count=N` run the work, a POST is
// a delivery, and `/upload` tells how many deliveries have broken off since the last time.
import * as work from "./memory-work.js";

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "POST") {
      await work.receive(request);
      return new Response();
    }
    const { verify, cancel, upload } = work;
    const run = { "/verify": verify, "/cancel": cancel, "/upload": upload }[pathname];
    const ended = run ? await run(Number(searchParams.get("count"))) : 0;
    return Response.json({ ended, wasmKB: work.wasmKB() });
  },
};
