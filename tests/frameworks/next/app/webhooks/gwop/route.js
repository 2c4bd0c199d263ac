import { gwopWebhook } from "@gwop/sdk/next";
import { memoryStore } from "@gwop/sdk/stores";
import { gwop } from "../../../gwop.js";

const note = (event) => console.log(`called back for ${event.eventId}`);

export const dynamic = "force-dynamic";
export const POST = gwopWebhook({ gwop, store: memoryStore(), onPaid: note, onExpired: note, onCanceled: note });
