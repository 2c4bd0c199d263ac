import { gwopWebhook } from "@gwop/sdk/sveltekit";
import { webhook } from "$lib/gwop.js";

export const fallback = gwopWebhook(webhook);
