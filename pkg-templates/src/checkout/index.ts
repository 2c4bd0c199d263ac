export * from "./errors.js";
export * from "./webhooks.js";
import { Webhooks } from "./webhooks.js";
export class GwopCheckout { static readonly webhooks = new Webhooks(); readonly webhooks = GwopCheckout.webhooks; }
