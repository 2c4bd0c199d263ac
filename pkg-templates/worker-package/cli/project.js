// The files of a project, as `init` writes them, and the additions for a project of an earlier
// version.
import { randomBytes, randomUUID } from "node:crypto";
import { parse, pretty, contentOf, withValue } from "./jsonc.js";
import { variablesOf } from "./variables.js";
import { isLater } from "./versions.js";

/** The version range of wrangler. */
const WRANGLER = "^4.86.0";

/** The main module of a new project. */
export const MAIN = "src/index.ts";
/** The compatibility date with which the Worker is tested. */
const COMPATIBILITY_DATE = "2026-05-01";

/** The addresses of the Worker, the local Gwop and fulfillment in development. */
export const WORKER_PORT = 8787;
const GWOP_URL = "http://127.0.0.1:4010";
const FULFILLMENT_URL = "http://127.0.0.1:3000/webhooks/gwop";

/** The Durable Object classes, and those of 1.0.0, which hand over their data. */
const CLASSES = ["GwopLedger", "GwopSession"];
const OLD_CLASSES = ["GwopInvoice", "GwopInvoiceIndex"];

const BINDINGS = { GWOP_LEDGER: "GwopLedger", GWOP_SESSIONS: "GwopSession" };
const OLD_BINDINGS = { GWOP_INVOICES: "GwopInvoice", GWOP_INVOICE_INDEX: "GwopInvoiceIndex" };

/**
 * The user's choices for a new project.
 *
 * @typedef {{ name: string, fulfillment: "url" | "service", withAuth: boolean,
 *   main?: string, old?: import("./toml.js").Old }} Wishes `old`: the earlier deployment with
 *   `wrangler.toml` that the project continues.
 */

const isOld = ({ old }) => old?.classes.some((name) => OLD_CLASSES.includes(name)) ?? false;

/**
 * The queues with their dead letters, by the name of the first: the newest, then those of 1.0.0.
 */
const queuesOf = ({ name, old }) => ({
  main: old?.producers.GWOP_FULFILLMENT_QUEUE ?? `${name}-fulfillment`,
  // Remaining messages of these queues are consumed. They receive no new ones.
  older: (old?.consumers ?? []).filter(
    (queue) => !queue.endsWith("-dead") && queue !== old.producers.GWOP_FULFILLMENT_QUEUE,
  ),
});

const consumersOf = (queue, settings = {}) => [
  {
    queue,
    max_batch_size: 5,
    max_batch_timeout: 1,
    max_retries: 10,
    retry_delay: 5,
    dead_letter_queue: `${queue}-dead`,
    ...settings[queue],
  },
  {
    queue: `${queue}-dead`,
    max_batch_size: 20,
    max_batch_timeout: 1,
    max_retries: 100,
    retry_delay: 60,
    ...settings[`${queue}-dead`],
  },
];

/**
 * Returns the required content of `wrangler.jsonc`: a path, a value, and the member that identifies
 * the value.
 *
 * @returns {{ path: string[], by?: string, value: any, about?: string }[]} `by`: the path leads to
 *   an array, and the value is one of its items.
 */
function required({ fulfillment, ...wishes }) {
  const { main, older } = queuesOf(wishes);
  const bound = {
    ...BINDINGS,
    ...(isOld(wishes) && wishes.old.isBound && OLD_BINDINGS),
  };
  return [
    { path: ["main"], value: MAIN },
    { path: ["compatibility_date"], value: COMPATIBILITY_DATE },
    ...Object.entries(bound).map(([name, class_name]) => ({
      path: ["durable_objects", "bindings"],
      by: "name",
      value: { name, class_name },
    })),
    {
      path: ["queues", "producers"],
      by: "binding",
      value: { binding: "GWOP_FULFILLMENT_QUEUE", queue: main },
    },
    ...[main, ...older]
      .flatMap((queue) => consumersOf(queue, wishes.old?.settings))
      .map((value) => ({ path: ["queues", "consumers"], by: "queue", value })),
    {
      path: ["ratelimits"],
      by: "name",
      value: {
        name: "GWOP_AUTH_RATE_LIMITER",
        namespace_id: "1001",
        simple: { limit: 30, period: 60 },
      },
    },
    { path: ["triggers"], value: { crons: ["*/15 * * * *"] } },
    ...(fulfillment === "service"
      ? [
          {
            path: ["services"],
            by: "binding",
            value: { binding: "FULFILLMENT", service: `${wishes.name}-fulfillment` },
          },
        ]
      : []),
  ];
}

/** Returns the deployed migrations, and one more for the classes that none of them contains. */
function migrationsOf(deployed) {
  const known = deployed.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes);
  const missing = CLASSES.filter((name) => !known.includes(name));
  if (missing.length === 0) return deployed;
  return [...deployed, { tag: freeTag(deployed), new_sqlite_classes: missing }];
}

function freeTag(deployed) {
  const tags = deployed.map(({ tag }) => tag);
  let number = deployed.length + 1;
  while (tags.includes(`v${number}`)) number += 1;
  return `v${number}`;
}

/** The comments above the members of `wrangler.jsonc`. */
const ABOUT = {
  main: "Your code in front of the Worker: paths of your own, hooks.",
  durable_objects: "The ledger, in shards, and the auth sessions.",
  migrations: "Never delete or reorder: Cloudflare remembers the tags.",
  queues: "Events on their way to fulfillment; `npm run queues` creates both, once.",
  ratelimits:
    "How often one client may ask /auth/…, and be told that it is no operator. The namespace_id " +
    "is any number that no other rate limiter of your account has.",
  triggers: "When the Worker looks for what webhooks did not bring, and at every shard's alarm.",
  services: "Fulfillment: the Worker in ./fulfillment, or another one of yours.",
};

/** Returns the `wrangler.jsonc` of a new project. */
function configOf(wishes) {
  const config = {
    $schema: "node_modules/wrangler/config-schema.json",
    name: wishes.name,
    main: MAIN,
    compatibility_date: COMPATIBILITY_DATE,
    observability: { enabled: true },
    durable_objects: { bindings: [] },
    migrations: migrationsOf(wishes.old?.migrations ?? []),
    queues: { producers: [], consumers: [] },
    ratelimits: [],
  };
  for (const { path, by, value } of required(wishes)) {
    const last = path.at(-1);
    const holder = path.slice(0, -1).reduce((object, name) => object[name], config);
    if (by) (holder[last] ??= []).push(value);
    else holder[last] = value;
  }
  const members = Object.entries(config).map(([name, value]) => {
    const about = ABOUT[name] ? `\n${commented(ABOUT[name])}` : "";
    return `${about}  ${JSON.stringify(name)}: ${pretty(value, "  ")}`;
  });
  const head =
    "// Gwop's Worker: docs/worker.md of @gwop/worker has every variable, secret and binding.\n";
  return `${head}{\n${members.join(",\n")}\n}\n`;
}

function commented(text) {
  const lines = [];
  for (const word of text.split(" ")) {
    if (lines.length === 0 || `${lines.at(-1)} ${word}`.length > 92) lines.push(`  // ${word}`);
    else lines[lines.length - 1] += ` ${word}`;
  }
  return `${lines.join("\n")}\n`;
}

/** The parts of a configuration that must be lists of objects, if they exist. */
const LISTED = [
  "services",
  "migrations",
  "ratelimits",
  "durable_objects.bindings",
  "queues.producers",
  "queues.consumers",
];

/** Returns whether a value of JSON is an object, and neither a list nor null. */
export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Parses a configuration and checks that its lists are lists. */
function configIn(text) {
  const config = contentOf(parse(text));
  if (!isObject(config)) throw new SyntaxError("it is no object");
  for (const path of LISTED) {
    const value = path.split(".").reduce((holder, name) => holder?.[name], config) ?? [];
    if (!Array.isArray(value) || !value.every(isObject)) {
      throw new SyntaxError(`${path} is no list of objects`);
    }
  }
  return config;
}

/**
 * Returns the `wrangler.jsonc` of an earlier version's project, with its missing parts added.
 * Existing content stays as it is, including comments.
 */
function upgradedConfig(text, wishes) {
  configIn(text);
  let upgraded = text;
  for (const { path, by, value } of required(wishes)) {
    const there = path.reduce((object, name) => object?.[name], contentOf(parse(upgraded)));
    const isThere = by ? there?.some((item) => item[by] === value[by]) : there !== undefined;
    if (!isThere) upgraded = withValue(upgraded, path, value, by !== undefined);
  }
  const migrations = contentOf(parse(upgraded)).migrations ?? [];
  const [migration] = migrationsOf(migrations).slice(migrations.length);
  return migration ? withValue(upgraded, ["migrations"], migration, true) : upgraded;
}

/** Returns the Worker's name in `wrangler.jsonc`. */
export const nameIn = (text) => configIn(text).name;

/** Returns the user's choices from `wrangler.jsonc`. */
export function wishesOf(text) {
  const config = configIn(text);
  const { name, main = MAIN, queues } = config;
  if (typeof name !== "string" || name === "") throw new SyntaxError("it has no name");
  const [services, migrations] = [config.services ?? [], config.migrations ?? []];
  const producers = Object.fromEntries(
    (queues?.producers ?? []).map(({ binding, queue }) => [binding, queue]),
  );
  const isService = services.some(({ binding }) => binding === "FULFILLMENT");
  return {
    name,
    main: String(main).replace(/^\.\//, ""),
    fulfillment: isService ? "service" : "url",
    old: {
      producers,
      consumers: [],
      classes: migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes),
      migrations,
      // The user has removed this binding, so it is not added again.
      isBound: false,
    },
  };
}

/** Returns the classes that the main module must export. */
export const classesOf = (wishes) => [...CLASSES, ...(isOld(wishes) ? OLD_CLASSES : [])];

function indexOf(wishes) {
  const classes = classesOf(wishes).join(", ");
  return `// Gwop's Worker. Yours can stand before it: docs/worker.md of @gwop/worker, "In front of it".
export { default, ${classes} } from "@gwop/worker";
`;
}

/** Returns the variables for development: a local Gwop, and secrets of this project only. */
function variables({ fulfillment, withAuth }) {
  const secret = (prefix = "") => `${prefix}${randomBytes(24).toString("hex")}`;
  const url = fulfillment === "url" && {
    FULFILLMENT_URL: [FULFILLMENT_URL, "Where your app takes events, once it verified them."],
  };
  const auth = withAuth && {
    GWOP_MERCHANT_API_KEY: [secret("sk_m_"), "Auth: the merchant key, the merchant, any secret."],
    GWOP_MERCHANT_ID: [randomUUID()],
    AUTH_SECRET: [secret()],
  };
  return {
    GWOP_WEBHOOK_SECRET: [secret("whsec_"), "What the local Gwop signs webhooks with."],
    OPERATOR_TOKEN: [secret(), "Who may read and replay: Authorization: Bearer …"],
    FULFILLMENT_SECRET: [secret("whsec_"), "What deliveries to fulfillment are signed with."],
    ...url,
    ...auth,
    GWOP_SERVER_URL: [GWOP_URL, "The local Gwop of `npm run dev`: not for production."],
    GWOP_IDENTITY_URL: [GWOP_URL],
  };
}

const line = (name, [value, about]) => `${about ? `# ${about}\n` : ""}${name}="${value}"\n`;

function devVarsOf(wishes) {
  const lines = Object.entries(variables(wishes)).map(([name, value]) => line(name, value));
  return `# Secrets and variables of \`npm run dev\`, on this machine alone. Those of production are set by
# \`npx wrangler secret put NAME\`.
${lines.join("")}`;
}

/** Returns `.dev.vars` with its missing variables added. */
function upgradedDevVars(text, wishes) {
  const known = Object.keys(variablesOf(text));
  const withAuth = wishes.withAuth || known.includes("AUTH_SECRET");
  const missing = Object.entries(variables({ ...wishes, withAuth })).filter(
    ([name]) => !known.includes(name),
  );
  return missing.reduce(
    (all, [name, value]) => `${all.replace(/\n?$/, "\n")}${line(name, value)}`,
    text,
  );
}

const IGNORED = ["node_modules/", ".wrangler/", ".dev.vars*", "worker-configuration.d.ts"];

/** Returns the line ending of a file. */
const endOf = (text) => (text.includes("\r\n") ? "\r\n" : "\n");

const upgradedIgnored = (text) => {
  const end = endOf(text);
  const missing = IGNORED.filter((entry) => !text.split(/\r?\n/).includes(entry));
  if (missing.length === 0) return text;
  const before = /[^\n]$/.test(text) ? `${text}${end}` : text;
  return `${before}${missing.map((entry) => `${entry}${end}`).join("")}`;
};

/** Returns whether a range of `package.json` begins with an earlier version. */
function isBehind(range, version) {
  const named = /^[\^~>=v\s]*(\d+\.\d+\.\d+)/.exec(range)?.[1];
  return named !== undefined && isLater(version, named);
}

function manifestOf(wishes, version) {
  const { main } = queuesOf(wishes);
  const isService = wishes.fulfillment === "service";
  const deployed = isService ? "wrangler deploy -c fulfillment/wrangler.jsonc && " : "";
  return {
    name: wishes.name,
    private: true,
    type: "module",
    scripts: {
      dev: "gwop-worker dev",
      queues: `wrangler queues create ${main} && wrangler queues create ${main}-dead`,
      deploy: `${deployed}wrangler deploy`,
      types: "wrangler types",
    },
    dependencies: { "@gwop/worker": version, ...(isService && { "@gwop/sdk": version }) },
    devDependencies: { ...(!isService && { "@gwop/sdk": version }), wrangler: WRANGLER },
  };
}

/**
 * Returns `package.json` with both packages in this version or a newer one, and with the missing
 * scripts added. A range that names no version, such as that of a file, stays.
 */
function upgradedManifest(text, wishes, version) {
  const manifest = JSON.parse(text);
  if (!isObject(manifest)) throw new SyntaxError("it is no object");
  const wanted = manifestOf(wishes, version);
  const kinds = ["dependencies", "devDependencies"];
  const homes = (name) => kinds.filter((kind) => Object.hasOwn(manifest[kind] ?? {}, name));
  for (const kind of kinds) {
    for (const [name, range] of Object.entries(wanted[kind])) {
      if (homes(name).length === 0) (manifest[kind] ??= {})[name] = range;
      if (!name.startsWith("@gwop/")) continue;
      const behind = homes(name).filter((home) => isBehind(manifest[home][name], version));
      for (const home of behind) manifest[home][name] = range;
    }
  }
  manifest.scripts = { ...wanted.scripts, ...manifest.scripts };
  const same = JSON.stringify(manifest) === JSON.stringify(JSON.parse(text));
  if (same) return text;
  const indent = /^[ \t]+(?=")/m.exec(text)?.[0] ?? "  ";
  return `${JSON.stringify(manifest, null, indent)}\n`.replaceAll("\n", endOf(text));
}

/** The fulfillment Worker: it verifies events, and the rest is the merchant's code. */
const FULFILLMENT_INDEX = `// Fulfillment: takes each event at least once. Deduplicate by eventId before you act.
import { Gwop } from "@gwop/sdk";
import { SDKValidationError } from "@gwop/sdk/errors";

interface Env {
  FULFILLMENT_SECRET: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const gwop = new Gwop({ webhookSecret: env.FULFILLMENT_SECRET });
    try {
      const { body: event } = await gwop.validateWebhook({ request, reconciled: true });
      console.log(\`\${event.eventType} of \${event.data.publicInvoiceId}\`);
      return new Response(null, { status: 204 });
    } catch (error) {
      if (!(error instanceof SDKValidationError)) throw error;
      // The Worker delivers an event again unless the status is 2xx.
      return new Response(error.message, { status: error.httpStatus });
    }
  },
};
`;

const fulfillmentConfig = ({
  name,
}) => `// Fulfillment: the Worker that ../wrangler.jsonc binds as FULFILLMENT. It has no URL of its own.
${pretty({
  $schema: "../node_modules/wrangler/config-schema.json",
  name: `${name}-fulfillment`,
  main: "index.ts",
  compatibility_date: COMPATIBILITY_DATE,
  workers_dev: false,
})}
`;

/**
 * Returns the files of a project.
 *
 * @param {Wishes} wishes
 * @param {string} version The version of this package.
 * @param {(path: string) => string | undefined} read Returns the content of a file, if it exists.
 * @returns {{ path: string, make(): string, upgrade?(text: string): string, mode?: number,
 *   secret?: boolean }[]} `upgrade` returns the new content of an earlier version's file.
 */
export function filesOf(wishes, version, read) {
  const isService = wishes.fulfillment === "service";
  const ownSecret = () => variablesOf(read(".dev.vars") ?? "").FULFILLMENT_SECRET;
  return [
    {
      path: "package.json",
      make: () => `${JSON.stringify(manifestOf(wishes, version), null, 2)}\n`,
      upgrade: (text) => upgradedManifest(text, wishes, version),
    },
    {
      path: "wrangler.jsonc",
      make: () => configOf(wishes),
      upgrade: (text) => upgradedConfig(text, wishes),
    },
    // A main module with another name belongs to the merchant.
    ...((wishes.main ?? MAIN) === MAIN ? [{ path: MAIN, make: () => indexOf(wishes) }] : []),
    {
      path: ".dev.vars",
      make: () => devVarsOf(wishes),
      upgrade: (text) => upgradedDevVars(text, wishes),
      mode: 0o600,
      secret: true,
    },
    { path: ".gitignore", make: () => upgradedIgnored(""), upgrade: upgradedIgnored },
    ...(isService
      ? [
          { path: "fulfillment/index.ts", make: () => FULFILLMENT_INDEX },
          { path: "fulfillment/wrangler.jsonc", make: () => fulfillmentConfig(wishes) },
          {
            path: "fulfillment/.dev.vars",
            make: () => line("FULFILLMENT_SECRET", [ownSecret() ?? ""]),
            mode: 0o600,
            secret: true,
          },
        ]
      : []),
  ];
}

/** Returns the secrets of production, in the order in which the Worker reports them missing. */
export const secretsOf = ({ fulfillment, withAuth }) => [
  "GWOP_WEBHOOK_SECRET",
  "FULFILLMENT_SECRET",
  ...(fulfillment === "url" ? ["FULFILLMENT_URL"] : []),
  "OPERATOR_TOKEN",
  ...(withAuth ? ["GWOP_MERCHANT_API_KEY", "GWOP_MERCHANT_ID", "AUTH_SECRET"] : []),
];
