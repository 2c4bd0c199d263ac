// The differences that are meant, each with its reason. Whatever else differs is a defect of one of the two.
import { difference, same } from "./outcome.mjs";
import { START } from "./clock.mjs";

/** Deepest nesting that is read. */
const MAX_DEPTH = 128;

/**
 * Whether a difference is meant: `{ name, reason, matches }`. `matches` gets the input, both outcomes, and `old(input)`, which asks
 * the old package again about a changed input.
 */
export const EXPECTED = [
  {
    name: "an integer amount_usdc",
    reason: "Older deliveries have numbers there. The new package takes an integer from 0 to 2^63 - 1 and gives its decimal text.",
    async matches({ input, now, old }) {
      if (!Buffer.isBuffer(input.body)) return false;
      const text = input.body.toString();
      const changed = withTextAmounts(text);
      // The old package says of the text what the new one says of the number.
      return changed !== text && same(await old({ ...input, body: Buffer.from(changed) }), now);
    },
  },
  {
    name: "a Retry-After date with a wrong weekday or before 1970",
    reason: "The crate `httpdate` refuses it, and so the header says nothing. The old package did not compare the weekday.",
    async matches({ input, now, old }) {
      if (!input.answers) return false;
      const answers = input.answers.map((answer) => ({ ...answer, headers: answer.headers?.filter(([name, value]) => name !== "retry-after" || !isOddDate(value)) }));
      return answers.some(({ headers }, at) => headers?.length !== input.answers[at].headers?.length) && same(await old({ ...input, answers }), now);
    },
  },
  {
    name: "the message about a value that is nested too deeply",
    reason: `What is nested deeper than ${MAX_DEPTH} is refused by both, with the same class and code, in other words.`,
    async matches({ input, now, was }) {
      const texts = [input.body, input.head, input.set, input.second, ...(input.answers ?? []).map(({ body }) => body), input.argument === undefined ? "" : safeText(input.argument)];
      if (!texts.some((text) => text != null && depthOf(text.toString()) > MAX_DEPTH - 4)) return false;
      const found = difference(withoutMessages(was), withoutMessages(now));
      return found === undefined;
    },
  },
];

function safeText(value) {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

/** Every integer behind a member `amount_usdc`, however its name is written, as text. */
function withTextAmounts(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")(\s*:\s*)(0|[1-9]\d{0,18})(?=[\s,}])/g, (whole, name, colon, digits) => {
    try {
      return JSON.parse(name) === "amount_usdc" && BigInt(digits) < 2n ** 63n ? `${name}${colon}"${digits}"` : whole;
    } catch {
      return whole;
    }
  });
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Whether it is an HTTP date whose weekday is wrong, or before 1970. */
function isOddDate(value) {
  const match = /^\s*(\w+),? (?:(\d\d) (\w{3}) (\d{4})|(\d\d)-(\w{3})-(\d\d)|(\w{3}) ([ \d]\d)) (\d\d):(\d\d):(\d\d)(?: GMT| (\d{4}))\s*$/.exec(value);
  if (!match) return false;
  const [, weekday, day1, month1, year1, day2, month2, year2, month3, day3, , , , year3] = match;
  const month = month1 ?? month2 ?? month3;
  const day = Number(day1 ?? day2 ?? day3);
  const years = year2 === undefined ? [Number(year1 ?? year3)] : [1900 + Number(year2), 2000 + Number(year2)];
  const near = years.filter((year) => year2 === undefined || Date.parse(`${day} ${month} ${year} 00:00 GMT`) - START <= 50 * 365 * 86_400_000);
  const year = near.at(-1) ?? years[0];
  const date = new Date(Date.parse(`${day} ${month} ${year} 00:00 GMT`));
  return year < 1970 || !weekday.startsWith(DAYS[date.getUTCDay()]);
}

function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (piece === "{" || piece === "[") deepest = Math.max(deepest, ++depth);
    else if (piece === "}" || piece === "]") depth--;
  }
  return deepest;
}

function withoutMessages(value) {
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(withoutMessages);
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "message" && name !== "rawMessage").map(([name, inner]) => [name, withoutMessages(inner)]));
}
