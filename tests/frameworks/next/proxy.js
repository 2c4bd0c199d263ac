import { gwopProxy } from "@gwop/sdk/next";
import { gwop } from "./gwop.js";

export const proxy = gwopProxy({ gwop, sessionCheck: "always" });
export const config = { matcher: "/api/:path*" };
