// `gwop verify`: every cause, with deliveries that Web Crypto really signed.
import { gzipSync } from "node:zlib";
import { deliver, PAID } from "../../suite/deliveries.js";
import { ENDPOINT, expect, expectEqual, secret } from "./caller.mjs";

secret(ENDPOINT.slice("whsec_".length));
// Of a payload.
secret(JSON.parse(PAID).data.payer_wallet);
const OTHER = secret("whsec_of_another_endpoint_99aa");
const AT = 1_795_900_000;
const bytesOf = (text) => (typeof text === "string" ? new TextEncoder().encode(text) : text);

/** An event with characters beyond ASCII, written as JSON.stringify does. */
const NAMED = JSON.stringify({
  ...JSON.parse(PAID),
  data: { ...JSON.parse(PAID).data, merchant_reference: "Café №5 – 12 €" },
});
const LATIN = JSON.stringify({
  ...JSON.parse(PAID),
  data: { ...JSON.parse(PAID).data, merchant_reference: "Café à la crème" },
});

const value = JSON.parse(PAID);
const compact = JSON.stringify(value);
const sorted = (each) =>
  typeof each === "object"
    ? Object.fromEntries(
        Object.keys(each)
          .sort()
          .map((key) => [key, sorted(each[key])]),
      )
    : each;
const documented = { event_id: value.event_id, event_type: value.event_type, data: value.data };

/** Non-ASCII characters, with their escapes in JSON and in `$'…'`. */
const BEYOND = /[\u0080-\uffff]/g;
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

const latin1 = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
/** Returns UTF-8 that was read as windows-1252 and written as UTF-8. */
const mojibake = (text) => bytesOf(new TextDecoder("windows-1252").decode(bytesOf(text)));
const utf16 = (text) => new Uint8Array(Buffer.from(`\ufeff${text}`, "utf16le"));
const chunked = (text) =>
  `${[text.slice(0, 100), text.slice(100)]
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join("")}0\r\n\r\n`;
const withBom = (text) => new Uint8Array([0xef, 0xbb, 0xbf, ...bytesOf(text)]);

/**
 * The cases: what happens to a delivery between Gwop and the check. Each has the signed body, the
 * saved one, the headers, the given secret, and the expected causes in order.
 */
const CASES = {
  nothing: { causes: [] },
  "the secret of another endpoint": { signedWith: OTHER, others: true, causes: ["WRONG_SECRET"] },
  "the secret of a local Gwop": { signedWith: "whsec_simulator", causes: ["WRONG_SECRET"] },
  "a space behind the secret": { given: `${ENDPOINT} `, causes: ["SECRET_WHITESPACE"] },
  "a tab before the secret": { given: `\t${ENDPOINT}`, causes: ["SECRET_WHITESPACE"] },
  "a no-break space and a zero-width one in the secret": {
    given: `${ENDPOINT.slice(0, 9)}\u200b${ENDPOINT.slice(9)}\u00a0`,
    causes: ["SECRET_WHITESPACE"],
  },
  "the secret in quotes": { given: `"${ENDPOINT}"`, causes: ["SECRET_QUOTED"] },
  "the secret with its variable": {
    given: `GWOP_WEBHOOK_SECRET=${ENDPOINT}`,
    causes: ["SECRET_WITH_NAME"],
  },
  "the secret in Base64": {
    given: secret(Buffer.from(`${ENDPOINT}\n`).toString("base64")),
    causes: ["SECRET_ENCODED"],
  },
  "the secret without its prefix": {
    given: ENDPOINT.slice("whsec_".length),
    causes: ["SECRET_PREFIX"],
  },
  "a clock that is ahead": { at: AT + 4_000, causes: ["CLOCK"], seconds: 4_000 },
  "a clock that is behind": { at: AT - 301, causes: ["CLOCK"], seconds: -301 },
  "a time stamp just inside": { at: AT + 300, causes: [] },
  "parsed and written by JSON.stringify": { saved: compact, causes: ["BODY_RESERIALISED"] },
  "parsed and indented": { signed: compact, saved: PAID, causes: ["BODY_RESERIALISED"] },
  "parsed and written by Python": {
    signed: compact,
    saved: compact.replaceAll('":', '": ').replaceAll(',"', ', "'),
    causes: ["BODY_RESERIALISED"],
  },
  "parsed and sorted": {
    signed: JSON.stringify(documented),
    saved: JSON.stringify(sorted(value)),
    causes: ["BODY_RESERIALISED"],
  },
  "parsed, and its members in another order": {
    signed: compact,
    saved: JSON.stringify(documented),
    causes: ["BODY_RESERIALISED"],
  },
  "parsed and escaped": {
    signed: NAMED,
    saved: NAMED.replace(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
    causes: ["BODY_RESERIALISED"],
  },
  "a newline added": { saved: `${PAID}\n`, causes: ["NEWLINE_ADDED"] },
  "a CR LF added": { saved: `${PAID}\r\n`, causes: ["NEWLINE_ADDED"] },
  "a newline lost": { signed: `${PAID}\n`, saved: PAID, causes: ["NEWLINE_LOST"] },
  "LF changed to CR LF": { saved: PAID.replaceAll("\n", "\r\n"), causes: ["NEWLINE_CHANGED"] },
  "the signature lost": { drop: /signature/, causes: ["HEADER_LOST"] },
  "all of Gwop's headers lost": { drop: /gwop/, causes: ["HEADER_LOST"] },
  "the signature under another name": {
    rename: "HTTP_X_GWOP_SIGNATURE",
    causes: ["HEADER_RENAMED"],
  },
  "the signature in upper case": {
    header: (text) => text.replace(/v1=.*/, (tag) => `v1=${tag.slice(3).toUpperCase()}`),
    causes: ["HEADER_CHANGED"],
  },
  "the signature percent-encoded": { header: encodeURIComponent, causes: ["HEADER_CHANGED"] },
  "the signature cut": { header: (text) => text.slice(0, -3), causes: ["HEADER_MALFORMED"] },
  "a body that is too large": { saved: " ".repeat(1_048_577), causes: ["BODY_TOO_LARGE"] },
  "the event's id of another": {
    headers: { "x-gwop-event-id": "evt_other" },
    causes: ["SIGNED_BUT_REFUSED"],
  },
  "decoded as windows-1252": { signed: NAMED, saved: mojibake(NAMED), causes: ["CHARSET"] },
  "written in ISO 8859-1": { signed: LATIN, saved: latin1(LATIN), causes: ["CHARSET"] },
  "written in UTF-16": { signed: NAMED, saved: utf16(NAMED), causes: ["CHARSET"] },
  "a byte order mark": { signed: NAMED, saved: withBom(NAMED), causes: ["CHARSET"] },
  decomposed: { signed: NAMED, saved: NAMED.normalize("NFD"), causes: ["CHARSET"] },
  "in Base64": {
    signed: NAMED,
    saved: Buffer.from(NAMED).toString("base64"),
    causes: ["BODY_ENCODED"],
  },
  "compressed by gzip": { signed: NAMED, saved: gzipSync(NAMED), causes: ["BODY_ENCODED"] },
  "with its chunks": { saved: chunked(PAID), causes: ["BODY_ENCODED"] },
  "as a JSON text": { signed: NAMED, saved: JSON.stringify(NAMED), causes: ["BODY_ENCODED"] },
  "a space behind the secret, and a newline": {
    given: `${ENDPOINT} `,
    saved: `${PAID}\n`,
    causes: ["SECRET_WHITESPACE", "NEWLINE_ADDED"],
  },
  "decoded as windows-1252, with a newline": {
    signed: NAMED,
    saved: new Uint8Array([...mojibake(NAMED), 10]),
    causes: ["NEWLINE_ADDED", "CHARSET"],
  },
  "parsed and indented, with a newline": {
    signed: compact,
    saved: `${PAID}\n`,
    causes: ["BODY_RESERIALISED"],
  },
  "written by JSON.stringify, and a clock that is ahead": {
    saved: compact,
    at: AT + 900,
    causes: ["BODY_RESERIALISED", "CLOCK"],
    seconds: 900,
  },
  "another content": {
    saved: PAID.replace("1025000", "1"),
    causes: [],
    possible: ["WRONG_SECRET_OR_CONTENT"],
  },
  "a secret that nobody gives": {
    signedWith: secret("whsec_that_nobody_gives"),
    causes: [],
    possible: ["WRONG_SECRET_OR_CONTENT"],
  },
  "a body that was cut": {
    saved: PAID.slice(0, 100),
    headers: { "content-length": String(PAID.length) },
    causes: [],
    possible: ["BODY_CUT_OR_CHANGED", "WRONG_SECRET_OR_CONTENT"],
  },
  "characters that are lost": {
    signed: NAMED,
    saved: NAMED.replace("é", "\ufffd"),
    causes: [],
    possible: ["CHARSET_LOST", "WRONG_SECRET_OR_CONTENT"],
  },
};

/** Returns the saved message of a case. */
async function messageOf({
  signed = PAID,
  saved = signed,
  signedWith = ENDPOINT,
  drop = /^$/,
  rename,
  header = (text) => text,
  headers: changed = {},
}) {
  const { headers } = await deliver(signed, { secret: signedWith, t: AT });
  for (const name of ["x-gwop-event-id", "x-gwop-event-type"])
    headers[name] ??= JSON.parse(signed)[name.slice("x-gwop-".length).replace("-", "_")];
  secret(headers["x-gwop-signature"].split("v1=")[1]);
  headers["x-gwop-signature"] = header(headers["x-gwop-signature"]);
  Object.assign(headers, changed);
  const lines = Object.entries(headers)
    .filter(([name]) => !drop.test(name))
    .map(([name, text]) => `${name === "x-gwop-signature" && rename ? rename : name}: ${text}\r\n`);
  return Buffer.concat([
    bytesOf(`POST /webhooks/gwop HTTP/1.1\r\n${lines.join("")}\r\n`),
    bytesOf(saved),
  ]);
}

/** Fails unless the verdict on a delivery is that of its case. */
function expectJudged(name, { causes, possible = [], seconds }, judged) {
  expectEqual(
    judged.causes.map(({ cause }) => cause),
    causes,
    `${name}: the causes`,
  );
  expectEqual(
    judged.possible.map(({ cause }) => cause),
    possible,
    `${name}: what is possible`,
  );
  expectEqual(judged.verified, causes.length + possible.length === 0, `${name}: verified`);
  for (const { what, fix, proof } of judged.causes)
    expect(
      [what, fix, proof].every((text) => text?.length > 10),
      `${name}: a cause without words`,
    );
  if (seconds !== undefined)
    expectEqual(judged.causes.at(-1).seconds, seconds, `${name}: the seconds`);
}

export function deliveryChecks(caller, { isFirst }) {
  const env = { GWOP_WEBHOOK_SECRET: ENDPOINT };
  const all = async () => {
    // Checks deliveries with the same options in one call, because a start costs more than a check.
    for (const cases of grouped(Object.entries(CASES)).values()) {
      const [[, { given = ENDPOINT, at = AT, others }]] = cases;
      const files = await Promise.all(
        cases.map(async ([, each], index) =>
          caller.file(`case-${index}.http`, await messageOf(each)),
        ),
      );
      const more = others ? ["--other-secret-file", caller.file("other.txt", `${OTHER}\n`)] : [];
      const { code, json } = await caller.ask(["verify", ...files, "--at", String(at), ...more], {
        env: { GWOP_WEBHOOK_SECRET: given },
      });
      const isGood = ([, { causes, possible = [] }]) => causes.length + possible.length === 0;
      expectEqual(code, cases.every(isGood) ? 0 : 1, `the exit code of ${cases[0][0]}`);
      for (const [index, [name, each]] of cases.entries()) {
        const judged = json.deliveries[index];
        // The other deliveries prove that the secret is right. A check below covers that.
        const guess = judged.possible.find(({ cause }) => cause === "CONTENT_CHANGED");
        if (guess) guess.cause = "WRONG_SECRET_OR_CONTENT";
        expectJudged(name, each, judged);
      }
    }
  };
  const checks = { "verify: every cause of a refusal, each proven": all };
  if (!isFirst) return checks;
  return {
    ...checks,
    "verify: the words for people": async () => {
      caller.file("newline.http", await messageOf({ saved: `${PAID}\n` }));
      const { code, stdout } = await caller.run(["verify", "newline.http", "--at", String(AT)], {
        env,
      });
      expectEqual(code, 1, "exit code");
      for (const text of [
        "newline.http: refused, WEBHOOK_SIGNATURE_MISMATCH",
        "Cause: NEWLINE_ADDED",
        `(a body of ${PAID.length} bytes; ${PAID.length + 1} were saved)`,
      ]) {
        expect(stdout.includes(text), `${text} is not in:\n${stdout}`);
      }
      for (const line of stdout.split("\n"))
        expect(line.length <= 100, `a line of ${line.length} characters: ${line}`);
      const good = await caller.run(
        ["verify", caller.file("good.http", await messageOf({})), "--at", String(AT)],
        { env },
      );
      expectEqual(
        [good.code, good.stdout],
        [0, "good.http: verified, invoice.paid evt_abc123\n"],
        "a good one",
      );
    },
    "verify: a HAR file, with the time of its entry": async () => {
      const entry = async (body, change = {}) => {
        const { headers } = await deliver(body, { secret: ENDPOINT, t: AT });
        secret(headers["x-gwop-signature"].split("v1=")[1]);
        const { request, ...rest } = change;
        return {
          startedDateTime: new Date((AT + 2) * 1000).toISOString(),
          request: {
            method: "POST",
            url: "https://shop.example/webhooks/gwop",
            headers: Object.entries(headers).map(([name, text]) => ({
              name: name.replace("x-gwop", "X-Gwop"),
              value: text,
            })),
            postData: { mimeType: "application/json", text: body },
            ...request,
          },
          ...rest,
        };
      };
      const other = {
        startedDateTime: "2026-01-01T00:00:00Z",
        request: { method: "GET", url: "https://shop.example/", headers: [] },
      };
      const changed = PAID.replace("1025000", "1");
      const entries = [
        other,
        await entry(PAID),
        await entry(PAID, { startedDateTime: new Date((AT + 301) * 1000).toISOString() }),
        await entry(PAID, { request: { postData: { text: changed } } }),
      ];
      caller.file("traffic.har", JSON.stringify({ log: { version: "1.2", entries } }));
      const { code, json } = await caller.ask(["verify", "traffic.har"], { env });
      expectEqual(code, 1, "exit code");
      expectEqual(
        json.deliveries.map(({ name, verified }) => [name, verified]),
        [
          ["traffic.har, entry 2", true],
          ["traffic.har, entry 3", false],
          ["traffic.har, entry 4", false],
        ],
        "the entries",
      );
      expectEqual(
        json.deliveries[1].causes.map(({ cause, seconds }) => [cause, seconds]),
        [["CLOCK", 301]],
        "entry 3",
      );
      // The secret has signed the entry before, so the content is wrong.
      expectEqual(
        json.deliveries[2].possible.map(({ cause }) => cause),
        ["CONTENT_CHANGED"],
        "entry 4",
      );
      const lost = await entry(PAID, { request: { headers: [] } });
      caller.file("lost.har", JSON.stringify({ log: { entries: [other, lost] } }));
      const answer = await caller.ask(["verify", "lost.har"], { env });
      expectEqual(
        answer.json.deliveries[0].causes.map(({ cause }) => cause),
        ["HEADER_LOST"],
        "a HAR file whose headers are lost",
      );
    },
    "verify: curl commands, quoted in every way": async () => {
      const { headers } = await deliver(NAMED, {
        secret: ENDPOINT,
        t: AT,
        eventId: "evt_abc123",
        eventType: "invoice.paid",
      });
      secret(headers["x-gwop-signature"].split("v1=")[1]);
      const flags = Object.entries(headers).map(([name, text]) => `-H '${name}: ${text}'`);
      const ansi = `$'${NAMED.replaceAll("'", "\\'").replace(BEYOND, escaped)}'`;
      caller.file("body.json", NAMED);
      const url = "https://shop.example/webhooks/gwop";
      const inDouble = NAMED.replaceAll('"', '\\"');
      const long = flags.map((flag) => flag.replace("-H ", "--header="));
      const commands = {
        "single quotes": [
          `curl '${url}'`,
          "-X POST",
          ...flags,
          `--data-raw '${NAMED}' --compressed`,
        ],
        "double quotes": ["curl -XPOST", ...flags.map((flag) => flag.replaceAll("'", '"'))],
        "$'…'": [`curl ${url}`, ...flags, `--data-binary ${ansi}`],
        "a file": [`curl ${url}`, ...long, "--data-binary @body.json"],
      };
      commands["double quotes"].push(`-d "${inDouble}"`, url);
      for (const name in commands) commands[name] = commands[name].join(" \\\n  ");
      for (const [name, command] of Object.entries(commands)) {
        const { code, json } = await caller.ask(
          ["verify", caller.file("curl.txt", command), "--at", String(AT)],
          { env },
        );
        expectEqual([name, code, json.deliveries[0].code], [name, 0, null], name);
      }
      const added = commands["single quotes"].replace(`${NAMED}'`, `${NAMED}\n'`);
      const { json } = await caller.ask(["verify", "-", "--at", String(AT)], { env, input: added });
      expectEqual(
        json.deliveries[0].causes.map(({ cause }) => cause),
        ["NEWLINE_ADDED"],
        "a newline in the command",
      );
    },
    "verify: headers and body in two files, a JSON event, secrets from files and standard input":
      async () => {
        const { headers } = await deliver(PAID, { secret: ENDPOINT, t: AT });
        secret(headers["x-gwop-signature"].split("v1=")[1]);
        caller.file(
          "headers.txt",
          Object.entries(headers)
            .map((pair) => pair.join(": "))
            .join("\n"),
        );
        caller.file("paid.json", PAID);
        caller.file("secret.txt", `${ENDPOINT}\n`);
        const at = ["--at", new Date(AT * 1000).toISOString()];
        const pair = await caller.ask([
          "verify",
          "--headers",
          "headers.txt",
          "--body",
          "paid.json",
          "--secret-file",
          "secret.txt",
          ...at,
        ]);
        expectEqual(
          [pair.code, pair.json.deliveries[0].event],
          [0, { id: "evt_abc123", type: "invoice.paid" }],
          "two files",
        );
        expect(
          /ends with a newline/.test(pair.json.deliveries[0].notes[0]),
          "the newline of the secret's file is not named",
        );
        for (const [isBase64Encoded, body] of [
          [false, PAID],
          [true, Buffer.from(PAID).toString("base64")],
        ]) {
          caller.file(
            "event.json",
            JSON.stringify({ version: "2.0", headers, body, isBase64Encoded }),
          );
          const { code } = await caller.run(["verify", "event.json", "--secret-file", "-", ...at], {
            input: ENDPOINT,
          });
          expectEqual(code, 0, `a function's event, Base64: ${isBase64Encoded}`);
        }
        // During a rotation there are several secrets.
        const rotating = await caller.run(["verify", "event.json", ...at], {
          env: { GWOP_WEBHOOK_SECRET: `${secret("whsec_new_one_77")},${ENDPOINT}` },
        });
        expectEqual(rotating.code, 0, "two secrets");
      },
  };
}

const keyOf = ([, { given, at, others }]) => JSON.stringify([given, at, others]);

function grouped(entries) {
  const groups = new Map();
  for (const entry of entries)
    groups.set(keyOf(entry), [...(groups.get(keyOf(entry)) ?? []), entry]);
  return groups;
}
