import { gwopAuthRoutes } from "@gwop/sdk/react-router";
import { gwop } from "../gwop.server.js";

export const { loader, action } = gwopAuthRoutes({ gwop });
