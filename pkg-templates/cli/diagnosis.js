// Finds out why a delivery is refused. It reverses possible changes, and the SDK judges the result.
// It names a cause only if the MAC is valid after the reversal. The number of attempts is limited,
// and each takes a few microseconds.
import { bodiesBefore } from "./changes/bodies.js";
import { headersBefore } from "./changes/headers.js";
import { secretsBefore } from "./changes/secrets.js";
import { verifierOf } from "./sdk.js";

/** The time limit of the search, in milliseconds. */
const PATIENCE_MS = 20_000;

/** The rejections from the MAC, or from an earlier check. With any other one, the MAC is valid. */
const BEFORE_THE_MAC = /^WEBHOOK_(SIGNATURE_|TIMESTAMP_|BODY_)/;

/** Returns the SDK's verdict on a delivery. */
function evaluate(verifier, { headers, body }, { at, toleranceSeconds }) {
  try {
    const event = verifier.validateWebhookSync({
      request: { headers, body },
      receivedAt: at,
      toleranceSeconds,
    });
    return {
      verified: true,
      macHolds: true,
      event: { id: event.body.eventId, type: event.body.eventType },
    };
  } catch (error) {
    if (typeof error?.code !== "string" || !error.code.startsWith("WEBHOOK_")) throw error;
    return {
      verified: false,
      macHolds: !BEFORE_THE_MAC.test(error.code),
      code: error.code,
      message: error.message,
    };
  }
}

/** Returns whether the MAC is valid, at any time. */
const macHolds = (verifier, delivery) =>
  evaluate(verifier, delivery, { at: new Date(), toleranceSeconds: Number.MAX_SAFE_INTEGER })
    .macHolds;

/**
 * Judges a delivery as the SDK would at `at`, and finds out why it is refused.
 *
 * @param {{ name: string, headers: [string, string][], body: Uint8Array }} delivery
 * @param {{ secrets: string[], others: { secret: string, name: string }[], at: Date,
 *   toleranceSeconds: number }} options `others`: secrets of other endpoints, which may have signed
 *   it.
 * @returns `causes`: the proven causes, each with its proof. Together they explain the refusal.
 *   `possible`: causes that would fit, without a proof.
 */
export async function diagnose(delivery, { secrets, others, at, toleranceSeconds }) {
  const verifier = await verifierOf(secrets);
  const {
    verified,
    macHolds: holds,
    code,
    message,
    event,
  } = evaluate(verifier, delivery, { at, toleranceSeconds });
  const result = {
    name: delivery.name,
    verified,
    code: code ?? null,
    message: message ?? null,
    event: event ?? null,
    causes: [],
    possible: [],
    notes: [...delivery.notes],
  };
  if (verified) return result;
  if (holds) {
    result.causes.push(
      ofNoUse({ code, message }, "over the headers and the body as they were saved"),
    );
    return result;
  }
  if (code === "WEBHOOK_BODY_TOO_LARGE") {
    result.causes.push(tooLarge(message, delivery));
    return result;
  }
  const found = await search(delivery, secrets, others);
  if (!found) {
    const [{ lost }] = headersBefore(delivery.headers);
    if (lost) result.causes.push(lost);
    else if (UNREADABLE.test(code)) result.causes.push(unreadable(message));
    else result.possible.push(...guesses(delivery));
    return result;
  }
  result.causes.push(...found.changes, ...clock(found, at, toleranceSeconds));
  const whenever = evaluate(found.verifier, found.delivery, {
    at,
    toleranceSeconds: Number.MAX_SAFE_INTEGER,
  });
  if (!whenever.verified) result.causes.push(ofNoUse(whenever, "with the changes above undone"));
  return result;
}

/** The codes for a signature header that contains nothing to compare. */
const UNREADABLE = /^WEBHOOK_(SIGNATURE_MALFORMED|TIMESTAMP_INVALID)$/;

const unreadable = (message) => ({
  cause: "HEADER_MALFORMED",
  what: message,
  fix: "Pass X-Gwop-Signature on as it came, whole.",
  proof: "The SDK cannot read the header, so there is nothing that a MAC could be compared with.",
});

const tooLarge = (message, { body }) => ({
  cause: "BODY_TOO_LARGE",
  what: message,
  fix: "Save one delivery per file. Where a body of this size is meant, pass maxBodyBytes.",
  proof: `The body has ${body.length} bytes.`,
});

/** Returns the cause if the MAC is valid but the event is refused. */
const ofNoUse = ({ code, message }, how) => ({
  cause: "SIGNED_BUT_REFUSED",
  what: message,
  fix: FIXES[code] ?? "docs/errors.md explains the code.",
  proof: `The MAC holds ${how}.`,
});

/** What to do about a delivery that is from Gwop but cannot be used. */
const FIXES = {
  WEBHOOK_HEADER_MISMATCH:
    "Pass X-Gwop-Event-Id and X-Gwop-Event-Type on as they came: a proxy or a test has changed " +
    "them. They are not signed.",
  WEBHOOK_EVENT_UNKNOWN:
    "Answer 200 and ignore it, or update @gwop/sdk: the event is of a later version.",
  WEBHOOK_PAYLOAD_INVALID:
    "Whoever holds the secret has signed something that is no event of Gwop's.",
};

/** Reverses possible changes, the fewest first, until the MAC is valid. */
async function search(delivery, secrets, others) {
  const started = performance.now();
  const tries = secretsBefore(secrets, others);
  const verifier = await verifierOf(tries.map(({ secret }) => secret));
  for (const header of headersBefore(delivery.headers)) {
    if (header.lost) continue;
    for (const body of bodiesBefore(delivery.body)) {
      if (performance.now() - started > PATIENCE_MS) return undefined;
      const undone = { ...delivery, headers: header.headers, body: body.bytes };
      if (!macHolds(verifier, undone)) continue;
      for (const { secret, change } of tries) {
        const alone = await verifierOf([secret]);
        if (!macHolds(alone, undone)) continue;
        const changes = [change, header.change, ...body.changes].filter(Boolean);
        return {
          verifier: alone,
          delivery: undone,
          changes: proven(changes, delivery.body, body.bytes),
        };
      }
    }
  }
  return undefined;
}

/** Returns the changes with their proof. */
function proven(changes, saved, signed) {
  const sizes =
    saved.length === signed.length
      ? `${signed.length} bytes`
      : `${signed.length} bytes; ${saved.length} were saved`;
  const together =
    changes.length > 1
      ? ` together with ${changes.length - 1} other change${changes.length > 2 ? "s" : ""}`
      : "";
  return changes.map(({ cause, what, fix }) => ({
    cause,
    what,
    fix,
    proof: `The MAC holds when this is undone${together} (a body of ${sizes}).`,
  }));
}

/** Compares the time stamp with the time of receipt. */
function clock({ delivery, changes }, at, toleranceSeconds) {
  const signed = Number(/\bt=(\d+)/.exec(headerOf(delivery.headers))?.[1]);
  const seconds = Math.floor(at.getTime() / 1000) - signed;
  if (!(Math.abs(seconds) > toleranceSeconds)) return [];
  const distance = `${Math.abs(seconds)} seconds (${duration(Math.abs(seconds))})`;
  return [
    {
      cause: "CLOCK",
      what:
        `It was signed ${distance} ${seconds > 0 ? "before" : "after"} ${at.toISOString()}; ` +
        `${toleranceSeconds} seconds are allowed.`,
      fix:
        "Where it was received at another time, give that with --at. Otherwise the receiver's " +
        "clock is off by about that much (set it by NTP), or an old delivery was sent again.",
      proof:
        `The MAC holds over the time stamp ${signed} (${new Date(signed * 1000).toISOString()}), ` +
        `${changes.length > 0 ? "with the changes above undone" : "and the body as it was saved"}.`,
      seconds,
    },
  ];
}

const headerOf = (headers) =>
  headers
    .filter(([name]) => name.toLowerCase() === "x-gwop-signature")
    .map(([, value]) => value)
    .join(", ");

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} days`;
}

/** Returns the causes that would fit, if no change explains the refusal. */
function guesses({ headers, body }) {
  const found = [];
  const lengthOf = headers.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  const length = Number(lengthOf);
  if (lengthOf !== undefined && Number.isInteger(length) && length !== body.length) {
    found.push({
      cause: "BODY_CUT_OR_CHANGED",
      what: `Content-Length says ${length} bytes, and ${body.length} were saved.`,
      fix: "Save the raw body, whole, before anything parses it.",
    });
  }
  if (new TextDecoder().decode(body).includes("\ufffd")) {
    found.push({
      cause: "CHARSET_LOST",
      what:
        "The body holds U+FFFD, or bytes that are no UTF-8: characters were lost when something " +
        "decoded it.",
      fix: "Take the raw bytes, before anything decodes them.",
    });
  }
  found.push({
    cause: "WRONG_SECRET_OR_CONTENT",
    what:
      "Another secret signed it, or its content was changed. No known change of secret, header " +
      "or body makes the MAC hold.",
    fix:
      "Compare the endpoint's secret with the one that is used here; give the secrets of other " +
      "endpoints with --other-secret-file, and a delivery that verifies beside this one.",
  });
  return found;
}
