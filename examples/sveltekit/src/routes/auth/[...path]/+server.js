import { gwopAuthRoutes } from "@gwop/sdk/sveltekit";
import { gwop } from "$lib/gwop.js";

export const fallback = gwopAuthRoutes({ gwop });
