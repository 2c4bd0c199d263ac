import { withGwopAuth } from "@gwop/sdk/sveltekit";
import { gwop } from "$lib/gwop.js";

export const GET = withGwopAuth({ gwop }, (_event, identity) => new Response(identity.subject));
