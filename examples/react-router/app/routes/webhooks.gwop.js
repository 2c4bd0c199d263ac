import { gwopWebhook } from "@gwop/sdk/react-router";
import { webhook } from "../gwop.server.js";

const route = gwopWebhook(webhook);
export const loader = route.loader;
export const action = route.action;
