import { Gwop } from "@gwop/sdk";
import { gwopWebhook } from "@gwop/sdk/h3";
import { memoryStore } from "@gwop/sdk/stores";

const gwop = new Gwop({ webhookSecret: "whsec_of_a_test_project" });
const options = { gwop, store: memoryStore(), onPaid() {}, onExpired() {}, onCanceled() {} };

export default defineEventHandler(gwopWebhook(options));
