import { gwopWebhook } from "@gwop/sdk/next";
import { webhook } from "../../../gwop.js";

export const POST = gwopWebhook(webhook);
