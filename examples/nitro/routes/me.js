import { defineHandler } from "nitro/h3";
import { withGwopAuth } from "@gwop/sdk/h3";
import { gwop } from "../gwop.js";

export default defineHandler(withGwopAuth({ gwop }, (_event, identity) => identity.subject));
