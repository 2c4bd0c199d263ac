export * from "./errors.js";
export * from "./webhooks.js";
