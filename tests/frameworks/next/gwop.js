// Shared by all routes. The environment names the local Gwop.
import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";

const { GWOP_URL } = process.env;
export const gwop = new Gwop({ serverURL: GWOP_URL, identityURL: GWOP_URL });
export const store = memoryStore();
export const onPaid = (event) => console.log(`called back for ${event.eventId}`);
export const onExpired = onPaid;
export const onCanceled = onPaid;
