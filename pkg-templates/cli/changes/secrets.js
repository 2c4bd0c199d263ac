// The changes that may have happened to the secret, each with its reversal.

/** The default secret of every local Gwop. It is public. */
const OF_SIMULATORS = "whsec_simulator";

/** The fewest characters that the SDK accepts. */
const FEWEST = 8;

/** White space and other invisible characters: zero-width characters and the byte order mark. */
const INVISIBLE = /[\s\u00ad\u200b-\u200d\u2060\ufeff]+/g;

/** @type {{ cause: string, what: string, fix: string, undo(secret: string): string }[]} */
const CHANGES = [
  {
    cause: "SECRET_WHITESPACE",
    what: "The secret has white space at an end.",
    fix:
      "Take the white space away where the secret is kept. new Gwop() does that with " +
      "GWOP_WEBHOOK_SECRET; a webhookSecret that is passed is used as it is.",
    undo: (secret) => secret.trim(),
  },
  {
    cause: "SECRET_WHITESPACE",
    what: "The secret has white space or invisible characters in it.",
    fix: "Copy the secret anew, as one word.",
    undo: (secret) => secret.replace(INVISIBLE, ""),
  },
  {
    cause: "SECRET_QUOTED",
    what: "The secret stands in quotes, and they are taken for a part of it.",
    fix: "Take the quotes away where the secret is kept: not every reader of .env files does.",
    undo: (secret) => secret.trim().replace(/^(["'`])([^]*)\1$/, "$2"),
  },
  {
    cause: "SECRET_WITH_NAME",
    what: "The secret was copied together with the name of its variable.",
    fix: "Take away what stands before whsec_.",
    undo: (secret) => secret.replace(/^[^]*?[=:]\s*["']?(whsec_\S+?)["']?\s*$/, "$1"),
  },
  {
    cause: "SECRET_ENCODED",
    what: "The secret is in Base64.",
    fix: "Decode it where it is read: Kubernetes shows its secrets so.",
    undo: (secret) => (/^[\w+/]+=*\s*$/.test(secret) ? decoded(secret.trim()).trim() : secret),
  },
  {
    cause: "SECRET_PREFIX",
    what: "The secret lacks its prefix whsec_, which belongs to it.",
    fix: "Use the whole secret, with whsec_.",
    undo: (secret) => (secret.startsWith("whsec_") ? secret : `whsec_${secret.trim()}`),
  },
];

function decoded(text) {
  try {
    return atob(text);
  } catch {
    return text;
  }
}

/**
 * Returns the secrets that may have signed: the given ones, their likely originals, and those of
 * other endpoints.
 *
 * @returns {{ secret: string, change?: { cause: string, what: string, fix: string } }[]}
 */
export function secretsBefore(given, others) {
  const tries = given.map((secret) => ({ secret }));
  const add = (secret, change) => {
    if (
      secret.length >= FEWEST &&
      !secret.includes("\0") &&
      !tries.some((known) => known.secret === secret)
    )
      tries.push({ secret, change });
  };
  for (const secret of given) for (const change of CHANGES) add(change.undo(secret), change);
  for (const { secret, name } of others) {
    add(secret.trim(), {
      cause: "WRONG_SECRET",
      what: `Another secret signed it: the one of ${name}.`,
      fix:
        "Use the secret of the endpoint that receives it. Each endpoint, and each environment, " +
        "has its own.",
    });
  }
  add(OF_SIMULATORS, {
    cause: "WRONG_SECRET",
    what: "A local Gwop signed it, with the public secret that simulators have.",
    fix:
      "Set the receiver to the simulator's secret in tests; never accept that secret in " +
      "production.",
  });
  return tries;
}
