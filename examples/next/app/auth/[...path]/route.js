import { gwopAuthRoutes } from "@gwop/sdk/next";
import { gwop } from "../../../gwop.js";

export const { GET, POST, DELETE } = gwopAuthRoutes({ gwop });
