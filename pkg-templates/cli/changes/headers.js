// The changes that may have happened to the signature header, each with its reversal.

const NAME = "x-gwop-signature";
const isSignature = ([name]) => name.toLowerCase() === NAME;
const shaped = (value) => /t=\s*\d/.test(value) && /v1=\s*[0-9a-f]/i.test(value);

/** @type {{ cause: string, what: string, fix: string, undo(value: string): string }[]} */
const CHANGES = [
  {
    cause: "HEADER_CHANGED",
    what: "The signature header stands in quotes.",
    fix: "Pass X-Gwop-Signature on as it came.",
    undo: (value) => value.replace(/["']/g, ""),
  },
  {
    cause: "HEADER_CHANGED",
    what: "The signature header was percent-encoded.",
    fix: "Pass X-Gwop-Signature on as it came.",
    undo: decoded,
  },
  {
    cause: "HEADER_CHANGED",
    what: "The hex digits of the signature header were changed to upper case.",
    fix: "Pass X-Gwop-Signature on as it came.",
    undo: (value) => value.toLowerCase(),
  },
  {
    cause: "HEADER_CHANGED",
    what: "The commas of the signature header were replaced.",
    fix: "Pass X-Gwop-Signature on as it came.",
    undo: (value) => value.replace(/[;&\s]+/g, ","),
  },
];

function decoded(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * Returns the headers that may have been sent.
 *
 * @returns {{ headers?: [string, string][], change?: object, lost?: object }[]} First the headers
 *   as they are. `lost`: no header contains a signature.
 */
export function headersBefore(headers) {
  const own = headers.filter(isSignature);
  const rest = headers.filter((header) => !isSignature(header));
  const value = own.map(([, each]) => each).join(", ");
  if (value.trim() !== "") {
    const changed = CHANGES.map((change) => ({
      headers: [...rest, [NAME, change.undo(value)]],
      change,
    }));
    return [{ headers }, ...changed.filter((each) => each.headers.at(-1)[1] !== value)];
  }
  const renamed = rest.filter(([, each]) => shaped(each));
  if (renamed.length > 0) {
    return renamed.map(([name, each]) => ({
      headers: [...rest, [NAME, each]],
      change: {
        cause: "HEADER_RENAMED",
        what: `The signature came in the header ${name}, not in X-Gwop-Signature.`,
        fix: "Pass X-Gwop-Signature on under its own name.",
      },
    }));
  }
  const gwops = rest.filter(([name]) => /gwop/i.test(name)).map(([name]) => name);
  const others =
    gwops.length > 0
      ? `Of Gwop's there are only: ${gwops.join(", ")}.`
      : "None of Gwop's headers is there.";
  return [
    {
      lost: {
        cause: "HEADER_LOST",
        what: `There is no X-Gwop-Signature${own.length > 0 ? " with a value" : ""}. ${others}`,
        fix:
          "Let proxies, gateways and queues pass on all three: X-Gwop-Signature, " +
          "X-Gwop-Event-Id, X-Gwop-Event-Type.",
        proof:
          `None of the ${headers.length} saved headers holds a signature, so there is nothing ` +
          "that a MAC could be compared with.",
      },
    },
  ];
}
