import { gwopAuthRoutes } from "@gwop/sdk/astro";
import { gwop } from "../../gwop.js";

export const ALL = gwopAuthRoutes({ gwop });
