// The intended differences, each with its reason. Any other difference is a defect of one package.
import { difference, same } from "./outcome.mjs";
import { START } from "./clock.mjs";

/**
 * An intended difference: `{ name, reason, matches }`. `matches` receives the input, both outcomes,
 * and `old(input)`, which calls the old package again with a changed input.
 */
export const EXPECTED = [
  {
    name: "an integer amount_usdc",
    reason:
      "Older deliveries have numbers there. The new package takes an integer from 0 to 2^63 - 1 and gives its decimal text.",
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
    name: "the words about amount_usdc",
    reason: "The message names the new form too.",
    async matches({ was, now }) {
      const more = ", or an integer of atomic units from 0 to 9223372036854775807";
      const found = difference(was, now);
      return (
        found.path.endsWith(".error.message") &&
        found.other === found.one + more &&
        found.one.endsWith("`data.amount_usdc` must be a string")
      );
    },
  },
  {
    name: "a Retry-After date with a wrong weekday or before 1970",
    reason:
      "The crate `httpdate` refuses it, and so the header says nothing. The old package did not read the weekday, and took days of one digit.",
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
    reason:
      "Two such subjects would be one text wherever they are stored, so the new package calls the token malformed.",
    async matches({ was, now }) {
      const claims = was.value?.claims;
      const isOdd = (name) => typeof claims?.[name] === "string" && !claims[name].isWellFormed();
      return now.error?.code === "TOKEN_MALFORMED" && ["sub", "mid", "sid", "iss"].some(isOdd);
    },
  },
  {
    name: "a list as argument, with an Idempotency-Key among the headers",
    reason:
      "The old package made an object of the list. The new one refuses it, as it does without the header.",
    async matches({ input, now }) {
      return Array.isArray(input.argument) && now.error?.code === "SDK_VALIDATION";
    },
  },
];

/** Removes the signature header from an event's result, because a changed body is signed again. */
function unsigned(outcome) {
  const { value } = outcome;
  return value && "xGwopSignature" in value ? { value: { ...value, xGwopSignature: "" } } : outcome;
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
  if (/^\d*$/.test(text)) return false;
  const match = DATES.map((form) => form.exec(text)?.groups).find(Boolean);
  const month = MONTHS.indexOf(match?.month);
  if (month < 0) return true;
  let year = Number(match.year ?? 2000 + Number(match.short));
  if (match.short && Date.UTC(year, month, Number(match.date)) - START > FIFTY_YEARS_MS)
    year -= 100;
  const weekday = DAYS[new Date(Date.UTC(year, month, Number(match.date))).getUTCDay()];
  return year < 1970 || match.day !== (match.short ? weekday : weekday.slice(0, 3));
}
