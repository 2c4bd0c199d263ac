import { defineHandler } from "nitro/h3";
import { gwopWebhook } from "@gwop/sdk/h3";
import { webhook } from "../../gwop.js";

export default defineHandler(gwopWebhook(webhook));
