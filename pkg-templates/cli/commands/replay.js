import { CODES, Unavailable, UsageError } from "../errors.js";
import { PLACE, placeOf } from "../place.js";
import { ofDelivery } from "./events.js";

/** The lists of a Worker that can be replayed. Pending events are already on their way. */
const LISTS = ["dead", "conflict"];

export const replay = {
  name: "replay",
  summary: "deliver an event again",
  positionals: "ID",
  about: [
    "ID is the id of an event, as gwop events shows it. The local Gwop sends it at once. The exit " +
      "code says whether it was accepted.",
    "A Worker puts it back into its queue. Name its invoice with --invoice. Instead of ID, --state " +
      "replays a whole list of a Worker, and --dry-run only counts it.",
  ],
  options: {
    ...PLACE,
    invoice: {
      type: "string",
      value: "ID",
      about: "the event's invoice at a Worker, by either id",
    },
    state: {
      type: "string",
      value: "STATE",
      about: `all events of a Worker's list: ${LISTS.join(" or ")}`,
    },
    "dry-run": { type: "boolean", about: "say what would be replayed, and replay nothing" },
  },
  examples: [
    "gwop replay evt_abc123",
    "gwop replay evt_abc123 --worker https://gwop.example.com --invoice inv_7dbeeaad8ebf4f52",
    "gwop replay --state dead --dry-run --worker https://gwop.example.com",
  ],
  no: "there is no such event, or it was not accepted",
  run,
};

async function run({ values, positionals, output }) {
  const [eventId] = positionals;
  const { state, invoice } = values;
  if ((eventId === undefined) === (state === undefined)) {
    throw new UsageError("give the id of an event, or --state. See gwop replay --help");
  }
  const isDry = values["dry-run"] ?? false;
  const place = await placeOf(values);
  if (!place.isWorker) {
    if (state !== undefined || invoice !== undefined || isDry) {
      throw new UsageError("--state, --invoice and --dry-run belong to --worker");
    }
    return atSimulator(place, eventId, output);
  }
  if (state !== undefined) return listAtWorker(place, state, isDry, output);
  if (invoice === undefined) {
    throw new UsageError("a Worker finds an event by its invoice: give --invoice ID");
  }
  return atWorker(place, { eventId, invoice, isDry }, output);
}

async function atSimulator(place, eventId, output) {
  const deliveries = await place.ask("/_sim/deliver", { method: "POST", body: { eventId } });
  // The newest delivery of the event.
  const found = deliveries.filter((delivery) => delivery.eventId === eventId).at(-1);
  if (!found) throw new Unavailable(CODES.NOT_FOUND, "the local Gwop has no such event");
  const event = ofDelivery(found);
  const isAccepted = event.state === "delivered";
  output.document({ ok: isAccepted, event });
  const answered = event.lastStatus ? `answered with ${event.lastStatus}` : event.lastError;
  output.line(`${event.eventType} ${event.eventId}: ${event.state}, ${answered ?? "not answered"}`);
  return isAccepted ? 0 : 1;
}

async function atWorker(place, { eventId, invoice, isDry }, output) {
  // The first exists since 1.0.0. Only the second supports dry runs.
  const [path, body] = isDry
    ? ["/events/replay", { invoice_id: invoice, event_id: eventId, dry_run: true }]
    : [`/invoices/${encodeURIComponent(invoice)}/replay`, { event_id: eventId }];
  const result = await place.ask(path, { method: "POST", body });
  const state = isDry ? "replayable" : "queued";
  output.document({
    ok: true,
    event: { eventId: result.event_id, invoiceId: result.invoice_id, state },
  });
  output.line(`${result.event_id} ${isDry ? "can be replayed" : "is queued again"}`);
  return 0;
}

/** Replays a list with several requests. Each one is bounded and says where to continue. */
async function listAtWorker(place, state, isDry, output) {
  if (!LISTS.includes(state)) throw new UsageError(`--state is ${LISTS.join(" or ")}`);
  let events = 0;
  let cursor = null;
  do {
    const body = { state, dry_run: isDry, ...(cursor && { cursor }) };
    const result = await place.ask("/events/replay", { method: "POST", body });
    events += result.events;
    cursor = result.cursor ?? null;
  } while (cursor);
  output.document({ ok: true, state, events, dryRun: isDry });
  output.line(`${events} ${state} events ${isDry ? "can be replayed" : "are queued again"}`);
  return 0;
}
