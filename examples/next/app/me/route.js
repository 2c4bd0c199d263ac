import { withGwopAuth } from "@gwop/sdk/next";
import { gwop } from "../../gwop.js";

export const GET = withGwopAuth({ gwop }, (_request, identity) => new Response(identity.subject));
