import { withGwopAuth } from "@gwop/sdk/react-router";
import { gwop } from "../gwop.server.js";

export const loader = withGwopAuth({ gwop }, (_args, identity) => new Response(identity.subject));
