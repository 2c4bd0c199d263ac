import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UsageError, Unavailable } from "../errors.js";
import { send } from "../http.js";
import { columns, keepOut, wrap } from "../output.js";
import { HOME, sdk, urlOf } from "../sdk.js";

/** The oldest Node that the package supports. */
const OLDEST_NODE = 20;

/**
 * The largest clock error, in seconds: the tolerance of `verifyToken`, and that of
 * `validateWebhook`.
 */
const TOKEN_TOLERANCE_SECONDS = 5;
const WEBHOOK_TOLERANCE_SECONDS = 300;

/**
 * The variables that the SDK and its Worker read. `secret`: the value never appears in any output.
 */
const VARIABLES = [
  { name: "GWOP_MERCHANT_API_KEY", secret: true, starts: "sk_m_" },
  { name: "GWOP_WEBHOOK_SECRET", secret: true, starts: "whsec_", isList: true },
  { name: "GWOP_MERCHANT_ID" },
  { name: "GWOP_SERVER_URL" },
  { name: "GWOP_IDENTITY_URL" },
  { name: "GWOP_CHECKOUT_API_KEY", secret: true, starts: "sk_m_" },
  { name: "GWOP_DEBUG" },
];

/** Gwop's hosts, which are the defaults. */
const HOSTS = [
  {
    host: "agents",
    variable: "GWOP_SERVER_URL",
    usual: "https://agents.gwop.io",
    path: "/v1/invoices/inv_00000000000000000000000000000000",
  },
  {
    host: "identity",
    variable: "GWOP_IDENTITY_URL",
    usual: "https://identity.gwop.io",
    path: "/.well-known/jwks.json",
  },
];

export const doctor = {
  name: "doctor",
  summary: "check the runtime, the environment, the clock, Gwop's hosts and the package",
  about: [
    "Says for each variable whether it is set, and never shows its value. Compares this machine's " +
      "clock with the Date header of Gwop's hosts. Shows which @gwop/sdk an import finds from the " +
      "working directory, whether it has the same .wasm as this command, and whether the " +
      "@gwop/worker there fits it.",
  ],
  options: {
    offline: { type: "boolean", about: "ask no host" },
    timeout: { type: "string", value: "SECONDS", about: "how long a host may take (default 10)" },
  },
  examples: ["gwop doctor", "gwop doctor --offline --json"],
  no: "something is wrong",
  run,
};

async function run({ values, output }) {
  const timeout = values.timeout ?? "10";
  if (!/^[1-9]\d{0,2}$/.test(timeout))
    throw new UsageError("--timeout takes a whole number of seconds from 1");
  for (const { name, secret } of VARIABLES)
    if (secret && process.env[name]) keepOut(process.env[name]);
  const checks = [...runtime(), ...environment(), ...installed()];
  if (!values.offline) checks.push(...(await hosts(Number(timeout) * 1000)));
  const isGood = checks.every(({ state }) => state !== "wrong");
  output.document({ ok: isGood, checks });
  const rows = checks.map(({ check, state, what }) => [
    { good: "ok", note: "--", wrong: "NO" }[state],
    check,
    what,
  ]);
  for (const line of columns(rows)) output.line(line);
  for (const { check, fix } of checks) if (fix) output.line(`\n${wrap(`${check}: ${fix}`)}`);
  return isGood ? 0 : 1;
}

const checked = (check, state, what, fix, more = {}) => ({
  check,
  state,
  what,
  ...(fix && { fix }),
  ...more,
});

function runtime() {
  const { Deno, Bun } = globalThis;
  const [name, version] = Deno
    ? ["Deno", Deno.version.deno]
    : Bun
      ? ["Bun", Bun.version]
      : ["Node", process.versions.node];
  const isOld = name === "Node" && Number.parseInt(version, 10) < OLDEST_NODE;
  const missing = [
    typeof WebAssembly === "undefined" && "WebAssembly",
    !globalThis.crypto?.subtle && "Web Crypto",
  ].filter(Boolean);
  return [
    checked(
      "runtime",
      isOld ? "wrong" : "good",
      `${name} ${version}`,
      isOld && `@gwop/sdk needs Node ${OLDEST_NODE} or newer.`,
    ),
    missing.length === 0
      ? checked("features", "good", "WebAssembly, Web Crypto")
      : checked(
          "features",
          "wrong",
          `missing: ${missing.join(", ")}`,
          "Use a runtime that has them.",
        ),
  ];
}

const COPY =
  "Copy it anew into the environment. new Gwop() trims webhook secrets; other readers may not.";
const OWN =
  "Use your own. Where the local Gwop is meant, set GWOP_SERVER_URL and GWOP_IDENTITY_URL to it.";

function environment() {
  // Plain http means that the host is not Gwop's. There, a simulator's secrets are the right ones.
  const isLocal = /^http:/i.test(process.env.GWOP_SERVER_URL ?? "");
  return VARIABLES.map(({ name, starts, isList }) => {
    const value = process.env[name];
    if (!value) return checked(name, "note", "not set");
    const items = isList ? value.split(",") : [value];
    const problems = [];
    if (items.some((item) => item !== item.trim())) problems.push("white space at an end");
    if (/^\s*["'`]/.test(value)) problems.push("it begins with a quote");
    if (starts && !items.every((item) => item.trim().startsWith(starts)))
      problems.push(`it does not start with ${starts}…`);
    const isCopiedBadly = problems.length > 0;
    if (!isLocal && items.some((item) => /^(whsec|sk_m)_simulator$/.test(item.trim())))
      problems.push("it is a simulator's, which everybody knows");
    const fix = problems.length > 0 && (isCopiedBadly ? COPY : OWN);
    return checked(
      name,
      problems.length > 0 ? "wrong" : "good",
      ["set", ...problems].join("; "),
      fix,
    );
  });
}

/** Returns the package that an import finds from the working directory. */
function installed() {
  const own = packageIn(HOME);
  const found = resolved(process.cwd());
  const worker = withWorker(found?.version);
  const mine = checked(
    "this command",
    "good",
    `@gwop/sdk ${own.version}, wasm ${own.wasm}`,
    undefined,
    { version: own.version, wasm: own.wasm },
  );
  if (!found) {
    return [
      mine,
      checked(
        "installed",
        "note",
        "no @gwop/sdk is installed here",
        "npm install @gwop/sdk, or go to the project's directory.",
      ),
      ...worker,
    ];
  }
  const isSame = found.version === own.version && found.wasm === own.wasm;
  const likeness = isSame ? "the same as this command's" : "another than this command's";
  const what = `@gwop/sdk ${found.version}, ${found.entry}, wasm ${found.wasm}, ${likeness}`;
  const fix =
    !isSame &&
    "This command and your program run different versions: start it in the project, so that npx " +
      "takes the one that is installed.";
  return [
    mine,
    checked("installed", isSame ? "good" : "note", what, fix, {
      version: found.version,
      entry: found.entry,
      wasm: found.wasm,
      differs: !isSame,
    }),
    ...worker,
  ];
}

/**
 * Checks whether the project's @gwop/worker fits its @gwop/sdk. The SDK must be able to read what
 * the Worker sends. The Worker's `peerDependencies` name the oldest SDK.
 */
function withWorker(version) {
  const root = rootOf(process.cwd(), "@gwop/worker");
  if (!root) return [];
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const least = String(manifest.peerDependencies?.["@gwop/sdk"]).replace(/^\^/, "");
  const what = `@gwop/worker ${manifest.version}, with @gwop/sdk ${version ?? "not installed"}`;
  if (version === undefined) return [checked("Worker", "note", what)];
  const [[major, ...rest], [wanted, ...oldest]] = [version, least].map((each) =>
    each.split(/[.-]/, 3).map(Number),
  );
  const at = rest.findIndex((part, index) => part !== oldest[index]);
  const isGood = major === wanted && (at < 0 || rest[at] > oldest[at]);
  const fix = !isGood && `They do not go together: npm install @gwop/sdk@^${least}`;
  return [checked("Worker", isGood ? "good" : "wrong", what, fix)];
}

/**
 * Returns the package that `@gwop/sdk` resolves to from a directory, with the runtime's own
 * resolver. Returns `undefined` if there is none.
 */
function resolved(directory) {
  try {
    return packageIn(rootOf(directory, "@gwop/sdk"));
  } catch {
    return undefined;
  }
}

/** Returns the directory of the package that a program there imports, or `undefined`. */
function rootOf(directory, name) {
  try {
    let root = dirname(createRequire(join(directory, "program.js")).resolve(name));
    while (!existsSync(join(root, "package.json")) && dirname(root) !== root) root = dirname(root);
    return root;
  } catch {
    return undefined;
  }
}

/** The conditions with which this runtime imports. */
const CONDITIONS = globalThis.Deno
  ? ["deno", "node", "import", "default"]
  : globalThis.Bun
    ? ["bun", "node", "import", "default"]
    : ["node", "import", "default"];

/**
 * Returns the file that a value of `exports` names: the first condition that applies (Node's
 * documentation of packages).
 */
const targetOf = (value) =>
  typeof value === "string" || !value
    ? value
    : targetOf(Object.entries(value).find(([condition]) => CONDITIONS.includes(condition))?.[1]);

function packageIn(root) {
  const {
    version,
    exports: exported,
    main,
  } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wasm = join(root, "gwop.wasm");
  return {
    version: String(version),
    entry: targetOf(exported?.["."]) ?? main ?? "index.js",
    wasm: existsSync(wasm)
      ? createHash("sha256").update(readFileSync(wasm)).digest("hex").slice(0, 12)
      : "none",
  };
}

async function hosts(timeoutMs) {
  const { Gwop } = await sdk();
  const checks = [];
  let offset;
  for (const { host, variable, usual, path } of HOSTS) {
    try {
      const base = await urlOf(variable, process.env[variable] || usual);
      const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
      const before = Date.now();
      const { status, headers, ms } = await send(url, { timeoutMs });
      // The `Date` header has whole seconds. Its middle, at the middle of the request's time, gives
      // the smallest error.
      const date = Date.parse(headers.get("date") ?? "") + 500;
      if (!Number.isNaN(date)) offset ??= Math.round((before + ms / 2 - date) / 1000);
      const isUp = status < 500;
      checks.push(
        checked(
          `host ${host}`,
          isUp ? "good" : "wrong",
          `${base.origin} answered ${status} in ${Math.round(ms)} ms`,
          !isUp && "Try again later.",
        ),
      );
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof UsageError)) throw error;
      checks.push(
        checked(
          `host ${host}`,
          "wrong",
          error.message,
          `Check the network, a proxy, and ${variable}.`,
        ),
      );
    }
  }
  checks.push(clock(offset), await keys(Gwop, timeoutMs));
  return checks;
}

function clock(seconds) {
  if (seconds === undefined) return checked("clock", "note", "not compared: no host told its time");
  const distance = Math.abs(seconds);
  const what =
    distance <= 1
      ? "as the hosts' (within 1 s)"
      : `${distance} seconds ${seconds > 0 ? "ahead of" : "behind"} the hosts'`;
  const isOff = distance > TOKEN_TOLERANCE_SECONDS;
  const broken = distance > WEBHOOK_TOLERANCE_SECONDS ? "webhooks and tokens are" : "tokens may be";
  return checked(
    "clock",
    isOff ? "wrong" : "good",
    what,
    isOff && `Set the clock by NTP: ${broken} refused.`,
    { seconds },
  );
}

/** Reads the JWK Set with the SDK. */
async function keys(Gwop, timeoutMs) {
  try {
    const { result } = await new Gwop().auth.getJwks({ timeoutMs, retries: { strategy: "none" } });
    const names = result.keys.map(({ kid, alg }) => `${kid} (${alg})`).join(", ");
    const isGood = result.keys.some(({ alg }) => alg === "RS256");
    return checked(
      "JWK Set",
      isGood ? "good" : "wrong",
      names || "no keys",
      !isGood && "No token verifies without an RS256 key.",
    );
  } catch (error) {
    return checked(
      "JWK Set",
      "wrong",
      `cannot be read: ${error.code ?? error.name}`,
      "No token verifies without it. Check the network, and GWOP_IDENTITY_URL.",
    );
  }
}
