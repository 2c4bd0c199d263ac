import { UsageError } from "../errors.js";
import { columns, keepOut, wrap } from "../output.js";
import { sdk, urlOf } from "../sdk.js";
import { readSecret, SECRET_FILE } from "../secrets.js";

export const token = {
  name: "token",
  summary: "decode and verify an access token, and say what is wrong",
  about: [
    "Reads the token from GWOP_ACCESS_TOKEN, or from --secret-file. It shows the decoded token even " +
      "if it does not verify: trust it only if the answer is yes. The SDK verifies it with Gwop's " +
      "JWK Set.",
  ],
  options: {
    "secret-file": {
      ...SECRET_FILE,
      about: "read the token from a file, or from standard input if FILE is -",
    },
    "merchant-id": {
      type: "string",
      value: "UUID",
      about: "the merchant that the token must be for (default GWOP_MERCHANT_ID)",
    },
    "any-merchant": { type: "boolean", about: "accept a token for any merchant" },
    audience: { type: "string", value: "AUD", about: "the audience that the token must name" },
    issuer: {
      type: "string",
      value: "ISS",
      about: "the issuer that the token must have (default https://identity.gwop.io)",
    },
    url: {
      type: "string",
      value: "URL",
      about:
        "the identity host (default GWOP_IDENTITY_URL, then Gwop's); the local Gwop has one " +
        "address for both hosts",
    },
    "check-session": {
      type: "boolean",
      about: "ask whether its session is still active; needs GWOP_MERCHANT_API_KEY",
    },
  },
  examples: [
    "gwop token --secret-file token.txt",
    "gwop token --secret-file - --any-merchant --json",
    "gwop token --url http://127.0.0.1:4010",
  ],
  no: "the token does not verify, or the keys could not be fetched",
  run,
};

async function run({ values, output }) {
  const { secret: given } = readSecret(values, "GWOP_ACCESS_TOKEN");
  // Each part too, because a token could be put together from its parts.
  for (const part of given.trim().split(/[\s.]+/)) if (part.length >= 16) keepOut(part);
  if (process.env.GWOP_MERCHANT_API_KEY) keepOut(process.env.GWOP_MERCHANT_API_KEY);
  const { Gwop, ANY_MERCHANT } = await sdk();
  if (values["any-merchant"] && values["merchant-id"] !== undefined)
    throw new UsageError("give either --merchant-id or --any-merchant");
  const options = {
    merchantId: values["any-merchant"] ? ANY_MERCHANT : values["merchant-id"],
    audience: values.audience,
    issuer: values.issuer,
    sessionCheck: values["check-session"] ? "always" : "never",
  };
  const url =
    values.url === undefined
      ? undefined
      : (await urlOf("--url", values.url)).href.replace(/\/$/, "");
  const gwop = new Gwop(url === undefined ? {} : { identityURL: url, serverURL: url });
  const bare = bareOf(given);
  const decoded = decode(bare);
  const asGiven = await evaluate(gwop, given, options);
  const problems = [];
  let result = asGiven;
  if (!asGiven.verified && bare !== given) {
    const alone = await evaluate(gwop, bare, options);
    if (alone.verified || alone.code !== asGiven.code) {
      problems.push({
        problem: "NOT_BARE",
        what: "Something stands around the token: white space, quotes, or the word Bearer.",
        fix: "Pass what follows `Bearer ` in the Authorization header, and nothing else.",
        proof: alone.verified
          ? "The SDK verifies the token without it."
          : `Without it the SDK answers ${alone.code} instead of ${asGiven.code}.`,
      });
      result = alone;
    }
  }
  if (!result.verified)
    problems.push({
      problem: result.code,
      what: result.message,
      ...explain(result.code, decoded, values),
    });
  const { verified } = asGiven;
  output.document({
    verified,
    code: asGiven.code ?? null,
    header: decoded?.header ?? null,
    claims: decoded?.claims ?? null,
    problems,
  });
  tell({ verified, decoded, problems }, output);
  return verified ? 0 : 1;
}

/** Removes the text that is often copied with a token. */
const bareOf = (given) =>
  given
    .trim()
    .replace(/^["'`]([^]*)["'`]$/, "$1")
    .replace(/^(authorization:\s*)?bearer\s+/i, "")
    .trim();

/** The codes that say something about the token. */
const JUDGED = /^(TOKEN_(?!KEY_UNSUPPORTED)|SESSION_REVOKED)/;

async function evaluate(gwop, given, options) {
  try {
    await gwop.auth.verifyToken(given, options);
    return { verified: true };
  } catch (error) {
    // An option is wrong or missing.
    if (error.name === "SDKValidationError") throw new UsageError(error.message);
    const code = error.code ?? error.name;
    // An unknown outcome is not a refusal.
    return { verified: JUDGED.test(code) ? false : null, code, message: error.message };
  }
}

/** Returns header and claims as written, unverified. Returns `undefined` if they are unreadable. */
function decode(text) {
  try {
    const [header, claims] = text
      .split(".")
      .slice(0, 2)
      .map((part) => {
        const bytes = Uint8Array.from(
          atob(part.replaceAll("-", "+").replaceAll("_", "/")),
          (character) => character.charCodeAt(0),
        );
        return JSON.parse(new TextDecoder().decode(bytes));
      });
    return typeof claims === "object" && claims !== null ? { header, claims } : undefined;
  } catch {
    return undefined;
  }
}

const timeOf = (seconds) => {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString();
};

/** Explains a refusal with facts of the token, and says what to do. */
function explain(code, decoded, values) {
  const { exp, nbf, iss, aud, mid } = decoded?.claims ?? {};
  const kid = decoded?.header?.kid;
  const now = Math.floor(Date.now() / 1000);
  const merchant = values["merchant-id"] ?? process.env.GWOP_MERCHANT_ID;
  const explanations = {
    TOKEN_MALFORMED: [
      `It has ${decoded ? "a" : "no"} header and claims that can be read.`,
      "Pass the access_token of an exchange, whole.",
    ],
    TOKEN_EXPIRED: [
      `exp is ${timeOf(exp)}, ${now - exp} seconds ago by this machine's clock.`,
      "Let the agent log in again; gwop doctor checks the clock.",
    ],
    TOKEN_NOT_YET_VALID: [
      `nbf is ${timeOf(nbf)}, in ${nbf - now} seconds by this machine's clock.`,
      "Check the clock: gwop doctor.",
    ],
    TOKEN_ISSUER_MISMATCH: [
      `iss is ${JSON.stringify(iss)}; ${values.issuer ?? "https://identity.gwop.io"} is expected.`,
      "Was it issued by a test server? Give --issuer where that is meant.",
    ],
    TOKEN_AUDIENCE_MISMATCH: [
      `aud is ${JSON.stringify(aud) ?? "missing"}; ${values.audience} is expected.`,
      "It was issued for another service.",
    ],
    TOKEN_MERCHANT_MISMATCH: [
      `mid is ${JSON.stringify(mid) ?? "missing"}; ${merchant} is expected.`,
      "It was issued for another merchant: refuse it, or correct your merchant id.",
    ],
    TOKEN_KID_UNKNOWN: [
      `kid is ${JSON.stringify(kid) ?? "missing"}, which the JWK Set does not have.`,
      "Was it issued by a simulator? Give its --url.",
    ],
    TOKEN_SIGNATURE_INVALID: [
      "The key that it names did not sign it.",
      "Somebody changed it, or another server with the same key id issued it.",
    ],
    TOKEN_ALG_NOT_ALLOWED: [
      `alg is ${JSON.stringify(decoded?.header?.alg)}; RS256 alone is allowed.`,
      "It is no access token of Gwop's.",
    ],
    SESSION_REVOKED: [
      "The signature is good, and the session has ended.",
      "Let the agent log in again.",
    ],
  };
  const [detail, fix] = explanations[code] ?? [
    null,
    "docs/errors.md explains the code; gwop doctor checks hosts and clock.",
  ];
  return { detail, fix };
}

function tell({ verified, decoded, problems }, output) {
  output.line(
    verified
      ? "The token verifies."
      : verified === null
        ? "Whether the token verifies is not known."
        : "The token does not verify.",
  );
  for (const { problem, what, detail, proof, fix } of problems) {
    output.line(`\n  ${problem}\n${wrap(what, "  ")}`);
    for (const text of [detail, proof && `Proof: ${proof}`, `Do: ${fix}`])
      if (text) output.line(wrap(text, "  "));
  }
  if (!decoded) return;
  output.line(`\nDecoded${verified ? "" : ", and not to be trusted"}:`);
  const rows = [...Object.entries(decoded.header), ...Object.entries(decoded.claims)].map(
    ([name, value]) => {
      const isTime = ["iat", "nbf", "exp"].includes(name) && typeof value === "number";
      return [
        `  ${name}`,
        isTime
          ? `${value} (${timeOf(value)})`
          : typeof value === "string"
            ? value
            : JSON.stringify(value),
      ];
    },
  );
  for (const line of columns(rows)) output.line(line);
}
