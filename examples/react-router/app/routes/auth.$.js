import { gwopAuthRoutes } from "@gwop/sdk/react-router";
import { gwop } from "../gwop.server.js";

const route = gwopAuthRoutes({ gwop });
export const loader = route.loader;
export const action = route.action;
