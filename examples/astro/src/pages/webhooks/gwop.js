import { gwopWebhook } from "@gwop/sdk/astro";
import { webhook } from "../../gwop.js";

export const ALL = gwopWebhook(webhook);
