// Next.js: a route handler with and without parameters, as in Next's own route validator.
import type { NextRequest } from "next/server";
import { gwopAuthRoutes, gwopProxy, gwopWebhook, withGwopAuth } from "@gwop/sdk/next";
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";

type Route = (
  request: NextRequest,
  context: { params: Promise<{ id: string }> },
) => Promise<Response | void> | Response | void;
const gwop = new Gwop();
const options = { gwop, store: memoryStore(), onPaid() {}, onExpired() {}, onCanceled() {} };
export const routes: Route[] = [
  createWebhookHandler(options),
  gwopWebhook(options),
  gwopAuthRoutes({ gwop }).POST,
  withGwopAuth({ gwop }, (_request: NextRequest, identity) => Response.json(identity.subject)),
];
export const proxy: (request: NextRequest) => Promise<Response> = gwopProxy({ gwop });
