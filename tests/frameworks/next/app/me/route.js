import { withGwopAuth } from "@gwop/sdk/next";
import { gwop } from "../../gwop.js";

export const dynamic = "force-dynamic";
export const GET = withGwopAuth({ gwop, sessionCheck: "always" }, (request, identity) => new Response(identity.subject));
