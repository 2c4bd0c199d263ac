import { defineHandler } from "nitro/h3";
import { gwopAuthRoutes } from "@gwop/sdk/h3";
import { gwop } from "../../gwop.js";

export default defineHandler(gwopAuthRoutes({ gwop }));
