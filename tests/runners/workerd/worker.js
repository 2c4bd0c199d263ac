// What runs inside workerd: the suite, in one request.
import { run } from "../../suite/index.js";

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const only = searchParams.get("only") ?? undefined;
    return Response.json(await run({ runtime: "workerd", serverURL: searchParams.get("server"), only }));
  },
};
