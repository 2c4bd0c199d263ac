import { Unavailable, UsageError } from "../errors.js";
import { PLACE, placeOf } from "../local.js";
import { ofDelivery } from "./events.js";

export const replay = {
  name: "replay",
  summary: "deliver an event once more",
  positionals: "ID",
  about: [
    "ID is the id of an event, as gwop events shows it. The local Gwop sends it at once, and " +
      "the exit code says whether it was accepted. A Worker puts it back into its queue; " +
      "--invoice names its invoice.",
  ],
  options: {
    ...PLACE,
    invoice: {
      type: "string",
      value: "ID",
      about: "the event's invoice, by either id; a Worker needs it",
    },
  },
  examples: [
    "gwop replay evt_abc123",
    "gwop replay evt_abc123 --worker https://gwop.example.com --invoice " +
      "inv_7dbeeaad8ebf4f5298c380c90e4b3576",
  ],
  no: "there is no such event, or it was not accepted",
  run,
};

async function run({ values, positionals, output }) {
  const [eventId] = positionals;
  if (eventId === undefined)
    throw new UsageError("give the id of an event. See gwop replay --help");
  const place = await placeOf(values);
  return place.isWorker
    ? atWorker(place, eventId, values.invoice, output)
    : atSimulator(place, eventId, output);
}

async function atSimulator(place, eventId, output) {
  const deliveries = await place.ask("/_sim/deliver", { method: "POST", body: { eventId } });
  // The newest delivery of the event.
  const found = deliveries.filter((delivery) => delivery.eventId === eventId).at(-1);
  if (!found) throw new Unavailable("NOT_FOUND", "the local Gwop has no such event");
  const event = ofDelivery(found);
  const isAccepted = event.state === "delivered";
  output.document({ ok: isAccepted, event });
  const answered = event.lastStatus ? `answered with ${event.lastStatus}` : event.lastError;
  output.line(`${event.eventType} ${event.eventId}: ${event.state}, ${answered ?? "not answered"}`);
  return isAccepted ? 0 : 1;
}

async function atWorker(place, eventId, invoice, output) {
  if (invoice === undefined)
    throw new UsageError("a Worker finds an event by its invoice: give --invoice ID");
  const answer = await place.ask(`/invoices/${encodeURIComponent(invoice)}/replay`, {
    method: "POST",
    body: { event_id: eventId },
  });
  output.document({
    ok: true,
    event: { eventId: answer.event_id, invoiceId: answer.invoice_id, state: "queued" },
  });
  output.line(`${answer.event_id} is queued again`);
  return 0;
}
