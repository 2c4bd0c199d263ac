// Runs inside workerd: the suite in one request, and what its tests ask of this Worker in others.
import { run } from "../../suite/index.js";
import { answerShared } from "../../suite/isolate-requests.js";
import { answerVerify } from "../../suite/token-requests.js";

export default {
  async fetch(request) {
    if (request.method === "HEAD") return new Response();
    const { origin: selfURL, pathname, searchParams } = new URL(request.url);
    if (pathname === "/verify") return answerVerify(request);
    if (pathname.startsWith("/shared/")) return answerShared(request);
    const only = searchParams.get("only") ?? undefined;
    return Response.json(
      await run({ runtime: "workerd", serverURL: searchParams.get("server"), selfURL, only }),
    );
  },
};
