import { gwopWebhook } from "@gwop/sdk/react-router";
import { webhook } from "../gwop.server.js";

export const { loader, action } = gwopWebhook(webhook);
