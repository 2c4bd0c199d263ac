import { UsageError } from "../errors.js";
import { PLACE, placeOf } from "../place.js";
import { columns } from "../output.js";

/** The states of a Worker's lists. */
const OF_WORKERS = ["dead", "pending", "conflict"];

/** The states of the local Gwop's deliveries. */
const OF_LOCAL = ["pending", "held", "delivered", "failed", "no-endpoint"];

/** The most events that a Worker lists in one response. */
const MOST_OF_PAGE = 1_000;

/** The default number of events to list. */
const MOST = 100;

export const events = {
  name: "events",
  summary: "list events and their deliveries",
  about: [
    "Lists the events of the local Gwop, newest first. With --worker URL it lists those of a " +
      "Worker, oldest first.",
    `A Worker has lists of what needs attention: --state ${OF_WORKERS.join(", ")} (default ` +
      `dead). The local Gwop has ${OF_LOCAL.slice(0, -1).join(", ")} and ${OF_LOCAL.at(-1)} ` +
      "(default all).",
  ],
  options: {
    ...PLACE,
    state: { type: "string", value: "STATE", about: "which events" },
    limit: { type: "string", value: "N", about: `how many at most (default ${MOST})` },
    cursor: { type: "string", value: "CURSOR", about: "continue after the end of a Worker's list" },
  },
  examples: [
    "gwop events",
    "gwop events --state failed --json",
    "gwop events --worker https://gwop.example.com --state dead",
  ],
  no: "the list could not be read",
  run,
};

async function run({ values, output }) {
  const limit = limitOf(values.limit);
  const place = await placeOf(values);
  if (!place.isWorker && values.cursor !== undefined)
    throw new UsageError("--cursor belongs to --worker");
  const { rows, cursor } = place.isWorker
    ? await ofWorker(place, values, limit)
    : await ofSimulator(place, values, limit);
  output.document({ events: rows, cursor });
  const table = rows.map((row) => [
    row.eventId,
    row.eventType,
    row.publicInvoiceId ?? row.invoiceId ?? "",
    row.state,
    `${row.attempts}`,
    answered(row),
  ]);
  for (const line of columns(
    table.length > 0
      ? [["EVENT", "TYPE", "INVOICE", "STATE", "TRIES", "LAST ANSWER"], ...table]
      : [],
  ))
    output.line(line);
  if (rows.length === 0) output.line("no events");
  if (cursor) output.line(`\nThere are more: --cursor ${cursor}`);
  return 0;
}

const answered = ({ lastStatus, lastError }) =>
  lastStatus ? `${lastStatus}` : (lastError ?? "none");

function limitOf(text) {
  if (text === undefined) return MOST;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError("--limit takes a whole number from 1");
  return Number(text);
}

/** Returns the simulator's `deliveries`. */
async function ofSimulator(place, { state }, limit) {
  if (state !== undefined && !OF_LOCAL.includes(state))
    throw new UsageError(`--state of the local Gwop is ${OF_LOCAL.join(", ")}`);
  const deliveries = await place.ask("/_sim/deliveries");
  const chosen = deliveries
    .reverse()
    .filter(({ status }) => state === undefined || status === state);
  return { rows: chosen.slice(0, limit).map(ofDelivery), cursor: null };
}

/** Converts an event of the local Gwop to the names that `gwop events` and `gwop replay` share. */
export function ofDelivery({
  eventId,
  eventType,
  publicInvoiceId,
  status,
  attempts,
  nextAttemptAt,
}) {
  const { statusCode = null, error = null } = attempts.at(-1) ?? {};
  return {
    eventId,
    eventType,
    publicInvoiceId,
    state: status,
    attempts: attempts.length,
    lastStatus: statusCode,
    lastError: error,
    nextAttemptAt: nextAttemptAt === null ? null : new Date(nextAttemptAt).toISOString(),
  };
}

/** Returns the events of a Worker's `GET /events`, page by page. */
async function ofWorker(place, { state = "dead", cursor: from }, limit) {
  if (!OF_WORKERS.includes(state))
    throw new UsageError(`--state of a Worker is ${OF_WORKERS.join(", ")}`);
  const rows = [];
  let cursor = from ?? null;
  do {
    const most = Math.min(limit - rows.length, MOST_OF_PAGE);
    const query = new URLSearchParams({ state, limit: String(most), ...(cursor && { cursor }) });
    const page = await place.ask(`/events?${query}`);
    rows.push(...page.events.map(ofRow));
    cursor = page.cursor ?? null;
  } while (cursor && rows.length < limit);
  return { rows, cursor };
}

const ofRow = (row) => ({
  eventId: row.event_id,
  eventType: row.event_type,
  invoiceId: row.invoice_id,
  publicInvoiceId: row.public_invoice_id ?? null,
  state: row.state ?? row.outcome,
  attempts: row.deliveries ?? 0,
  lastStatus: row.last_answer?.status ?? null,
  lastError: row.last_answer?.reason ?? null,
  nextAttemptAt: row.due_at ?? null,
});
