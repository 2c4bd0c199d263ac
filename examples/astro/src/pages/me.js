import { withGwopAuth } from "@gwop/sdk/astro";
import { gwop } from "../gwop.js";

export const GET = withGwopAuth({ gwop }, (_context, identity) => new Response(identity.subject));
