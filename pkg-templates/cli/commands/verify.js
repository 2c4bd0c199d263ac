import { readBytes, readSecret, readSecretFile, SECRET_FILE, separate } from "../secrets.js";
import { UsageError } from "../errors.js";
import { diagnose } from "../diagnosis.js";
import { readHeaderLines } from "../deliveries/message.js";
import { readDeliveries } from "../deliveries/read.js";
import { wrap } from "../output.js";

/** The default tolerance for the time stamp, in seconds: the SDK's default. */
const TOLERANCE_SECONDS = 300;

export const verify = {
  name: "verify",
  summary: "say why a saved delivery is refused, and prove it",
  positionals: "FILE…",
  about: [
    "Reads saved deliveries (- is standard input): an HTTP message (headers, an empty line, the " +
      "body), a HAR file, a curl command, or a JSON object with headers and body. The SDK verifies " +
      "each as it does in your server.",
    "If one is refused, the command undoes known changes of secret, header and body, and computes " +
      "the signature again. It names a cause only if the signature is right without it. A cause " +
      "without a proof is called possible.",
    "The secret is in GWOP_WEBHOOK_SECRET, or in --secret-file.",
  ],
  options: {
    "secret-file": SECRET_FILE,
    "other-secret-file": {
      type: "string",
      multiple: true,
      value: "FILE",
      about: "the secret of another endpoint, which may have signed it",
    },
    headers: {
      type: "string",
      value: "FILE",
      about: "the headers, one per line, if they are not in FILE",
    },
    body: { type: "string", value: "FILE", about: "the raw body, if it is not in FILE" },
    at: {
      type: "string",
      value: "TIME",
      about:
        "when it was received, in ISO 8601 or unix seconds (default: what a HAR file says, else " +
        "now)",
    },
    tolerance: {
      type: "string",
      value: "SECONDS",
      about: "how far its time stamp may be off (default 300)",
    },
  },
  examples: [
    "gwop verify delivery.http --at 2026-03-24T00:48:40Z",
    "gwop verify --headers headers.txt --body body.json",
    "gwop verify traffic.har --secret-file secret.txt --json",
  ],
  no: "a delivery is refused",
  run,
};

async function run({ values, positionals, output }) {
  const deliveries = readAll(values, positionals);
  const given = readSecret(values, "GWOP_WEBHOOK_SECRET");
  const secrets = separate(given.secret);
  if (secrets.length === 0) throw new UsageError("the secret is only white space");
  const others = (values["other-secret-file"] ?? []).map((file, at) => ({
    secret: readSecretFile(file, "--other-secret-file").secret,
    name: `--other-secret-file ${at + 1}`,
  }));
  const toleranceSeconds = toleranceOf(values.tolerance);
  const received = values.at === undefined ? undefined : timeOf(values.at);
  const results = [];
  for (const delivery of deliveries) {
    const at = received ?? delivery.at ?? new Date();
    const result = await explained(diagnose(delivery, { secrets, others, at, toleranceSeconds }));
    if (given.endsWithNewline)
      result.notes.push(
        "the secret's file ends with a newline, which is left out here; a program that reads " +
          "the file must leave it out too",
      );
    results.push({ ...result, receivedAt: at.toISOString() });
  }
  weigh(results);
  output.document({ verified: results.every(({ verified }) => verified), deliveries: results });
  for (const result of results) tell(result, output);
  return results.every(({ verified }) => verified) ? 0 : 1;
}

/** Returns the deliveries of the files, or of the two files with headers and body. */
function readAll({ headers, body }, files) {
  if ((headers === undefined) !== (body === undefined))
    throw new UsageError("--headers and --body belong together");
  if (headers !== undefined) {
    if (files.length > 0) throw new UsageError("give either FILE, or --headers and --body");
    const text = new TextDecoder().decode(readBytes(headers, "--headers"));
    return [
      {
        name: "the delivery",
        headers: readHeaderLines(text),
        body: readBytes(body, "--body"),
        notes: [],
      },
    ];
  }
  if (files.length === 0)
    throw new UsageError("give the file of a saved delivery. See gwop verify --help");
  return files.flatMap((file) =>
    readDeliveries(file === "-" ? "standard input" : file, readBytes(file, "a delivery's file")),
  );
}

/** Converts an error that the SDK throws before it looks at a delivery to wrong use. */
async function explained(result) {
  try {
    return await result;
  } catch (error) {
    if (error?.name === "SDKValidationError") throw new UsageError(error.message);
    throw error;
  }
}

function timeOf(text) {
  const time = new Date(/^\d{9,11}$/.test(text) ? Number(text) * 1000 : text);
  if (Number.isNaN(time.getTime()))
    throw new UsageError(
      "--at takes a time in ISO 8601, such as 2026-03-24T00:48:40Z, or unix seconds",
    );
  return time;
}

function toleranceOf(text) {
  if (text === undefined) return TOLERANCE_SECONDS;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--tolerance takes a whole number of seconds");
  return Number(text);
}

/** If the secret has signed another of the deliveries, it is the right one. */
function weigh(results) {
  const isSecretRight = results.filter(
    ({ verified, causes }) =>
      verified ||
      (causes.length > 0 && !causes.some(({ cause }) => /SECRET|HEADER_LOST/.test(cause))),
  ).length;
  if (isSecretRight === 0) return;
  for (const { possible } of results) {
    const at = possible.findIndex(({ cause }) => cause === "WRONG_SECRET_OR_CONTENT");
    if (at < 0) continue;
    possible[at] = {
      cause: "CONTENT_CHANGED",
      what:
        "The content was changed after it was signed, or another endpoint's secret signed this " +
        `one: the secret has signed ${isSecretRight} of the deliveries given here.`,
      fix: "Look for a step that changes values: a proxy, a template, a filter.",
    };
  }
}

function tell({ name, verified, code, message, event, causes, possible, notes }, output) {
  if (verified) output.line(`${name}: verified, ${event.type} ${event.id}`);
  else told(output, `${name}: refused, ${code}`, message);
  for (const { cause, what, fix, proof } of causes) {
    told(output, "", `Cause: ${cause}`, what, `Proof: ${proof}`, `Do: ${fix}`);
  }
  for (const { cause, what, fix } of possible) {
    told(output, "", `Possible, not proven: ${cause}`, what, `Do: ${fix}`);
  }
  for (const note of notes) told(output, "", `Note: ${note}.`);
}

/** Prints a line, with paragraphs below it. */
function told(output, first, ...paragraphs) {
  output.line(first);
  for (const text of paragraphs) output.line(wrap(text, "  "));
}
