// The intended differences, each with its reason. Any other difference is a defect of one package.
import { same } from "./outcome.mjs";
import { START } from "./clock.mjs";

/** The status that belongs to each code (docs/errors.md). 500 for other codes. */
const STATUS = {
  WEBHOOK_SIGNATURE_MISSING: 401,
  WEBHOOK_SIGNATURE_MALFORMED: 401,
  WEBHOOK_TIMESTAMP_INVALID: 401,
  WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE: 401,
  WEBHOOK_SIGNATURE_MISMATCH: 401,
  WEBHOOK_PAYLOAD_INVALID: 400,
  WEBHOOK_HEADER_MISMATCH: 400,
  WEBHOOK_EVENT_UNKNOWN: 200,
};
const HEADER_CODES = Object.keys(STATUS).filter((code) => STATUS[code] === 401);
const AMOUNT_WORDS = ", or an integer of atomic units from 0 to 9223372036854775807";
const WORKERS_WORDS =
  " (on Cloudflare Workers, process.env needs nodejs_compat and " +
  "a compatibility date of 2025-04-01 or later)";
const UNICODE_WORDS =
  "One of the token's `iss`, `sub`, `mid` and `sid` is not a string of Unicode text.";
const PLAIN = "must be a plain object: no promise, list, Map or class instance";

/**
 * Differences that leave all else equal, and of which a case may have several: `{ name, reason,
 * rewrite }`. `rewrite` receives both outcomes and the other facts. It returns the old package's
 * outcome as the new package should give it. All the rest is compared exactly.
 */
export const REWRITTEN = [
  {
    name: "the version in User-Agent",
    reason: "It is the package's own.",
    rewrite: (was, _now, { versions }) =>
      inHeaders(was, (name, value) =>
        name === "user-agent" && value === `gwop-sdk/${versions.old}`
          ? `gwop-sdk/${versions.new}`
          : value,
      ),
  },
  {
    name: "httpStatus",
    reason: "1.17.0: the status with which a server answers a refused webhook.",
    rewrite: (was, now) =>
      inErrors(was, now, (one) =>
        /\b(SDK|Response)ValidationError\b/.test(one.classes)
          ? { ...one, httpStatus: STATUS[one.code] ?? 500 }
          : one,
      ),
  },
  {
    name: "a class between public ones",
    reason: "1.3.0 keeps the names in the JavaScript. 1.0.0 had a short one in this place.",
    rewrite: (was, now) =>
      inErrors(was, now, (one, other) =>
        other.classes?.replace(" < StructuredError < ", " < ") === one.classes
          ? { ...one, classes: other.classes }
          : one,
      ),
  },
  {
    name: "the words about amount_usdc",
    reason: "1.1.0: the message names the new form too.",
    rewrite: (was, now) =>
      inMessages(was, now, (text, other) =>
        text.endsWith("`data.amount_usdc` must be a string") && other.endsWith(AMOUNT_WORDS)
          ? text + AMOUNT_WORDS
          : text,
      ),
  },
  {
    name: "the words about a member that is missing",
    reason: "The message tells a missing member from a wrong one.",
    rewrite: (was, now, { input }) =>
      inMessages(was, now, (text, other) => {
        const path = /`([^`]+)` is missing: it must be /.exec(other)?.[1];
        const isAlike = other.replace("` is missing: it must be ", "` must be ") === text;
        return isAlike && isMissing(input, path) ? other : text;
      }),
  },
  {
    name: "the words about variables on Workers",
    reason: "1.3.0: errors that ask for a variable name the compatibility date.",
    rewrite: (was, now) =>
      inMessages(was, now, (text, other) =>
        /\bset GWOP_[A-Z_]+$/.test(text) && other === text + WORKERS_WORDS ? other : text,
      ),
  },
  {
    name: "the words about an option that is no plain object",
    reason: "1.2.0: every function has one rule for its options.",
    rewrite: (was, now) =>
      inMessages(was, now, (text) =>
        text
          .replace(/^(options) must be an object whose members can be read$/, `$1 ${PLAIN}`)
          .replace(/^verifyToken's second argument must be an object .*$/, `options ${PLAIN}`)
          .replace(/^verifyToken's second argument\./, "options."),
      ),
  },
  {
    name: "the words about sub, mid, sid and iss",
    reason: "1.1.0: they have no lone surrogates, and the message says so.",
    rewrite: (was, now) =>
      inMessages(was, now, (text, other) =>
        other === UNICODE_WORDS && text === UNICODE_WORDS.replace(" of Unicode text", "")
          ? other
          : text,
      ),
  },
  {
    name: "the words about white space in a webhook secret",
    reason: "1.7.0: the message of a signature that does not match names white space at an end.",
    rewrite: (was, now, { input }) =>
      inMessages(was, now, (text) =>
        text.startsWith("Webhook signature verification failed: ") &&
        [input.secret].flat().some((secret) => secret.trim() !== secret)
          ? `${text}: a secret has white space at an end`
          : text,
      ),
  },
  {
    name: "rawValue without the Idempotency-Key of the headers",
    reason: "The caller's own argument. 1.0.0 had put the key from the headers into a copy of it.",
    rewrite: (was, now, { input }) =>
      inErrors(was, now, (one, other) => {
        const key = keyInHeaders(input);
        const isCopy = key && same(one.rawValue, { ...other.rawValue, idempotencyKey: key });
        return isCopy ? { ...one, rawValue: other.rawValue } : one;
      }),
  },
  {
    name: "the words about a merchant id",
    reason: "1.2.0: the message names ANY_MERCHANT.",
    rewrite: (was, now) =>
      inMessages(was, now, (text) =>
        text.replace(/^(merchantId must be a non-empty string)$/, "$1, or ANY_MERCHANT"),
      ),
  },
];

/**
 * Other intended differences: `{ name, reason, matches }`. `matches` receives the input, both
 * outcomes (the old one rewritten as above), and `old(input)`, which calls the old package again
 * with a changed input and rewrites its outcome.
 */
export const EXPECTED = [
  {
    name: "an integer amount_usdc",
    reason:
      "1.1.0: an integer from 0 to 2^63 - 1, as in older deliveries, is taken as its decimal text.",
    async matches({ input, now, old }) {
      if (!Buffer.isBuffer(input.body)) return false;
      const text = input.body.toString();
      const changed = withTextAmounts(text);
      // For the text, the old package has the result that the new one has for the number.
      return (
        changed !== text &&
        same(unsigned(await old({ ...input, body: Buffer.from(changed) })), unsigned(now))
      );
    },
  },
  {
    name: "the signature header before the body",
    reason: "1.2.0: the header and its time stamp are judged before the body is read.",
    async matches({ input, was, now, old }) {
      const raw = { ...input, form: (bytes) => new Uint8Array(bytes), used: false };
      return (
        codeOf(was.error) === "WEBHOOK_BODY_NOT_RAW" &&
        HEADER_CODES.includes(codeOf(now.error)) &&
        same(await old(raw), now)
      );
    },
  },
  {
    name: "a webhook secret of less than 8 characters",
    reason: "1.2.0: it is refused. An empty one in a list is passed over as before.",
    async matches({ input, now }) {
      return (
        [input.secret].flat().some((one) => /^.{1,7}$/s.test(one ?? "")) &&
        codeOf(now.error) === "SDK_VALIDATION" &&
        /^(webhookS|s)ecret must have at least 8 characters/.test(now.error.message)
      );
    },
  },
  {
    name: "credentials of the simulator",
    reason: "1.2.0: everybody knows them, so they are refused where Gwop itself is called.",
    async matches({ input, now }) {
      const { error } = now.outcome ?? now;
      const given = [input.secret, input.client?.merchantApiKey, input.options?.merchantApiKey];
      return (
        given.flat().some((one) => ["whsec_simulator", "sk_m_simulator"].includes(one)) &&
        ["SIMULATOR_CREDENTIALS", "UNAUTHORIZED"].includes(codeOf(error)) &&
        /^(webhookSecret|secret|merchantApiKey) is a simulator's, /.test(error.message) &&
        !now.log?.length
      );
    },
  },
  {
    name: "null as a webhook option",
    reason: "1.2.0: null is refused in the same words everywhere.",
    async matches({ input, was, now }) {
      const name = /^options\.(\w+) must be left out, not null$/.exec(now.error?.message)?.[1];
      return (
        name !== undefined &&
        "secret" in input &&
        input.options?.[name === "toleranceSeconds" ? "tolerance" : name] === null &&
        codeOf(was.error) === "SDK_VALIDATION" &&
        codeOf(now.error) === "SDK_VALIDATION"
      );
    },
  },
  {
    name: "no merchant id",
    reason: "1.2.0: without one, verifyToken verified the tokens of every merchant.",
    async matches({ input, now }) {
      return (
        "merchant" in input &&
        input.merchant === undefined &&
        input.options?.merchantId === undefined &&
        now.error?.code === "MERCHANT_ID_MISSING" &&
        now.error.classes === "SDKValidationError < Error"
      );
    },
  },
  {
    name: "an unknown option",
    reason: "1.2.0: it is refused, and the nearest name is told. It was passed over before.",
    async matches({ input, now }) {
      const { error } = now.outcome ?? now;
      return (
        error?.code === "SDK_VALIDATION" &&
        Object.hasOwn(input.options ?? {}, "unknown") &&
        error.message.startsWith("options.unknown is not known: did you mean ") &&
        !now.log?.length
      );
    },
  },
  {
    name: "null as options",
    reason: "1.2.0: it is refused. Options are left out.",
    async matches({ input, now }) {
      const { error } = now.outcome ?? now;
      return (
        input.options === null &&
        ["SDK_VALIDATION", "VALIDATION_ERROR"].includes(codeOf(error)) &&
        error.message === `options ${PLAIN}` &&
        !now.log?.length
      );
    },
  },
  {
    name: "wrong retryCodes of a call that is not retried",
    reason: "They are refused as in any other call. 1.0.0 did not look at them.",
    async matches({ input, now, old }) {
      const { client, options } = input;
      const { strategy } = options?.retries ?? client?.retryConfig ?? {};
      return (
        strategy === "none" &&
        options?.retryCodes !== undefined &&
        now.outcome?.error?.code === "SDK_VALIDATION" &&
        same(await old({ ...input, client: { ...client, retryConfig: undefined } }), now)
      );
    },
  },
  {
    name: "a plain http: host",
    reason: "1.2.0: it is for this machine and private networks, or with allowInsecure.",
    async matches({ input, now }) {
      const { error } = now.outcome ?? now;
      const host = input.options?.serverURL;
      return (
        typeof host === "string" &&
        /^http:\/\/(?!localhost|127|\[::1)/.test(host) &&
        error?.code === "SDK_VALIDATION" &&
        error.message.startsWith("serverURL must be https: ") &&
        now.log.length === 0
      );
    },
  },
  {
    name: "a Retry-After date with a wrong weekday or before 1970",
    reason:
      "1.1.0: the header says nothing then. 1.0.0 did not read the weekday, and took short days.",
    async matches({ input, now, old }) {
      if (!input.answers) return false;
      const answers = input.answers.map((answer) => ({
        ...answer,
        headers: answer.headers?.filter(
          ([name, value]) => name !== "retry-after" || !isOddDate(value),
        ),
      }));
      return (
        answers.some(({ headers }, at) => headers?.length !== input.answers[at].headers?.length) &&
        same(await old({ ...input, answers }), now)
      );
    },
  },
  {
    name: "lone surrogates in sub, mid, sid or iss",
    reason: "1.1.0: the token is malformed, since two such subjects would be one text once stored.",
    async matches({ input, now }) {
      if (now.error?.message !== UNICODE_WORDS || now.error.code !== "TOKEN_MALFORMED")
        return false;
      const claims = JSON.parse(Buffer.from(input.token.split(".")[1], "base64url").toString());
      const isOdd = (name) => typeof claims[name] === "string" && !claims[name].isWellFormed();
      return ["sub", "mid", "sid", "iss"].some(isOdd);
    },
  },
  {
    name: "jwksCooldownSeconds below 1",
    reason: "1.2.0: it counts as 1.",
    async matches({ input, now, old }) {
      return input.cooldown < 1 && same(await old({ ...input, cooldown: 1 }), now);
    },
  },
  {
    name: "a list or a date as argument, with an Idempotency-Key among the headers",
    reason: "It is refused, as without the header. 1.0.0 made an object of it, to add the key.",
    async matches({ input, now, old }) {
      // Their JSON is no object. Without the header, the old package says so too.
      const isOther = Array.isArray(input.argument) || input.argument instanceof Date;
      const { error } = now.outcome ?? {};
      return (
        isOther &&
        keyInHeaders(input) &&
        error?.code === "SDK_VALIDATION" &&
        same(withoutKey(await old({ ...input, options: undefined })), withoutKey(now))
      );
    },
  },
];

/** The SDK's own code of an error. `@gwop/sdk/checkout` has it in the details. */
const codeOf = (error) => error?.details?.reason ?? error?.code;

/** Changes each header of the requests in an outcome: those logged, and those in errors. */
function inHeaders(value, edit) {
  if (Array.isArray(value)) {
    if (value.length === 2 && value.every((one) => typeof one === "string"))
      return [value[0], edit(...value)];
    return value.map((one) => inHeaders(one, edit));
  }
  return inMembers(value, ["log", "headers", ...ERRORS], (inner) => inHeaders(inner, edit));
}

/** The members through which errors are reached. */
const ERRORS = ["outcome", "outcomes", "error", "cause"];

/** Changes each error of the old outcome, beside the new outcome's error in the same place. */
function inErrors(one, other, edit) {
  if (Array.isArray(one)) return one.map((inner, at) => inErrors(inner, other?.[at], edit));
  const inner = inMembers(one, ERRORS, (own, name) => inErrors(own, other?.[name], edit));
  return inner?.classes !== undefined && other?.classes !== undefined ? edit(inner, other) : inner;
}

/** Changes the texts of each error of the old outcome, beside the new one's. */
const inMessages = (was, now, edit) =>
  inErrors(was, now, (one, other) => {
    const texts = ["message", "rawMessage"].filter((name) => typeof one[name] === "string");
    return {
      ...one,
      ...Object.fromEntries(texts.map((name) => [name, edit(one[name], String(other[name]))])),
    };
  });

/** Returns an object with some members changed. Returns anything else as it is. */
function inMembers(value, names, edit) {
  if (value === null || Object.getPrototypeOf(Object(value)) !== Object.prototype) return value;
  const changed = names.filter((name) => Object.hasOwn(value, name));
  if (changed.length === 0) return value;
  return {
    ...value,
    ...Object.fromEntries(changed.map((name) => [name, edit(value[name], name)])),
  };
}

/** Returns whether a body, an answer or the argument lacks the member at the path. */
function isMissing({ body, argument, answers = [] }, path) {
  const texts = [body, ...answers.map((answer) => answer.body)].filter(Buffer.isBuffer);
  const values = [argument, { id: argument }, { body: argument }];
  for (const text of texts) {
    try {
      values.push(JSON.parse(text.toString().replace(/^\ufeff/, "")));
    } catch {
      // It may be the argument, then.
    }
  }
  const isAbsent = (value) => value === undefined || ["function", "symbol"].includes(typeof value);
  return values.some((value) => {
    let at = value;
    for (const name of path?.split(".") ?? [])
      at = Object(at) === at && !isAbsent(at) ? at[name] : null;
    return isAbsent(at);
  });
}

/** Returns the idempotency key among the headers of a call, if there is one. */
function keyInHeaders({ options }) {
  try {
    return new Headers(options?.headers ?? {}).get("idempotency-key");
  } catch {
    // Both packages refuse the headers.
    return undefined;
  }
}

/** Removes the key from an outcome's error: each call has its own. */
function withoutKey({ outcome, ...rest }) {
  const { idempotencyKey: _, ...error } = outcome.error ?? {};
  return { error, ...rest };
}

/** Removes the signature header from an event's result, because a changed body is signed again. */
function unsigned(outcome) {
  const { value } = outcome;
  return value instanceof Object && "xGwopSignature" in value
    ? { value: { ...value, xGwopSignature: "" } }
    : outcome;
}

/** Replaces every integer of a member `amount_usdc` by text, however its name is written. */
function withTextAmounts(text) {
  return text.replace(
    /("(?:[^"\\]|\\.)*")(\s*:\s*)(0|[1-9]\d{0,18})(?=[\s,}])/g,
    (whole, name, colon, digits) => {
      try {
        return JSON.parse(name) === "amount_usdc" && BigInt(digits) < 2n ** 63n
          ? `${name}${colon}"${digits}"`
          : whole;
      } catch {
        return whole;
      }
    },
  );
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DATES = [
  /^(?<day>\w{3}), (?<date>\d\d) (?<month>\w{3}) (?<year>\d{4}) [\d:]{8} GMT$/,
  /^(?<day>\w+), (?<date>\d\d)-(?<month>\w{3})-(?<short>\d\d) [\d:]{8} GMT$/,
  /^(?<day>\w{3}) (?<month>\w{3}) (?<date>[ \d]\d) [\d:]{8} (?<year>\d{4})$/,
];
const FIFTY_YEARS_MS = 50 * 365 * 86_400_000;

/**
 * Returns whether the text looks like an HTTP date (RFC 9110 section 5.6.7) but is none: another
 * form, a wrong weekday, or before 1970.
 */
function isOddDate(value) {
  const text = value.trim();
  // No header may hold other characters: the response itself fails, in both packages.
  if (/^\d*$/.test(text) || /[^\t -~\x80-\xff]/.test(text)) return false;
  const match = DATES.map((form) => form.exec(text)?.groups).find(Boolean);
  const month = MONTHS.indexOf(match?.month);
  if (month < 0) return true;
  let year = Number(match.year ?? 2000 + Number(match.short));
  if (match.short && Date.UTC(year, month, Number(match.date)) - START > FIFTY_YEARS_MS)
    year -= 100;
  const weekday = DAYS[new Date(Date.UTC(year, month, Number(match.date))).getUTCDay()];
  return year < 1970 || match.day !== (match.short ? weekday : weekday.slice(0, 3));
}
