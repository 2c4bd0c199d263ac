import { chmodSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { CODES, Unavailable, UsageError } from "../errors.js";
import { keepOut } from "../output.js";
import { readSecretFile } from "../secrets.js";
import { agent, sdk, urlOf } from "../sdk.js";

/** The environment variable with the key. */
const VARIABLE = "AGENT_KEY";

/** The networks, with the signer for each. */
const CHAINS = {
  base: "evmKey",
  "base-sepolia": "evmKey",
  solana: "solanaKey",
  "solana-devnet": "solanaKey",
};

export const pay = {
  name: "pay",
  summary: "pay an invoice as an agent, never twice and never over the limit",
  positionals: "INVOICE",
  about: [
    "INVOICE is the public id, inv_…. The command pays in USDC from the wallet of the key in " +
      "AGENT_KEY or in --key-file, which nobody else may read. A second call follows the first " +
      "payment, or returns its receipt.",
    "The payment is recorded in agent.db in your state folder before anything is signed. Calls " +
      "that share this file share the limits. A payment is at most 1 USDC, unless you pass --max.",
    "--dry-run shows what would be paid, and signs nothing.",
  ],
  options: {
    chain: {
      type: "string",
      value: "CHAIN",
      about: `${Object.keys(CHAINS).join(", ")} (default: one that the key and the invoice both support)`,
    },
    max: {
      type: "string",
      value: "USDC",
      about: "the most that this payment may cost (default 1)",
    },
    "max-day": {
      type: "string",
      value: "USDC",
      about: "the most that all payments of 24 hours may cost, this one included",
    },
    "key-file": {
      type: "string",
      value: "FILE",
      about: "read the key from a file of mode 0600 (- is standard input)",
    },
    journal: {
      type: "string",
      value: "FILE",
      about: "use this journal instead of the one in the state folder",
    },
    url: { type: "string", value: "URL", about: "another Gwop, such as http://127.0.0.1:4010" },
    "dry-run": { type: "boolean", about: "say what would be paid, and pay nothing" },
  },
  examples: [
    "gwop pay inv_7dbeeaad8ebf4f52 --dry-run --key-file agent.key",
    "gwop pay inv_7dbeeaad8ebf4f52 --chain base --max 5 --key-file agent.key",
  ],
  no: "it was not paid, or nobody knows whether it was",
  run,
};

async function run({ values, positionals, output }) {
  const [invoiceId] = positionals;
  if (invoiceId === undefined) throw new UsageError("give an invoice's public id, inv_…");
  const { chain } = values;
  if (chain !== undefined && !Object.hasOwn(CHAINS, chain))
    throw new UsageError(`--chain is one of ${Object.keys(CHAINS).join(", ")}`);
  const isDry = values["dry-run"] ?? false;
  const limits = {
    ...(values.max !== undefined && { perPayment: await amountOf("--max", values.max) }),
    ...(values["max-day"] !== undefined && {
      perDay: await amountOf("--max-day", values["max-day"]),
    }),
  };
  const server = values.url && (await urlOf("--url", values.url)).href.replace(/\/$/, "");
  const { Agent, AgentError, memoryJournal } = await agent();
  const signer = await signerOf(values, chain);
  // A dry run writes nothing. If a journal exists, it reads the earlier attempts.
  const file = values.journal ?? stateFile();
  const journal = isDry && !exists(file) ? memoryJournal() : await journalIn(file, values.journal);
  try {
    const payer = new Agent({
      signers: [signer],
      limits,
      journal,
      ...(server && { serverURL: server, identityURL: server }),
    });
    if (isDry) {
      const quote = await payer.quoteInvoice(invoiceId, { chain });
      output.document({ ok: true, dryRun: true, payment: quote });
      output.line(
        `${invoiceId} would be paid: ${usdcOf(quote.amountUsdc)} on ${quote.chain} to ` +
          `${quote.payTo}, from ${quote.wallet}. Nothing was signed`,
      );
      return 0;
    }
    const receipt = await payer.payInvoice(invoiceId, { chain });
    output.document({ ok: true, receipt });
    output.line(
      `${invoiceId} is paid: ${usdcOf(receipt.amountUsdc)} on ${receipt.chain} from ` +
        `${receipt.payer}`,
    );
    if (receipt.transaction) output.line(`  transaction ${receipt.transaction}`);
    if (receipt.url) output.line(`  ${receipt.url}`);
    return 0;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (error.code === "INVALID_OPTION") throw new UsageError(error.message);
    const { code, phase, mayHaveSettled, message } = error;
    if (!output.json) {
      const advice = ". It may be paid all the same: run this again, pay in no other way";
      const isOpen = mayHaveSettled && code !== "ALREADY_PAID";
      throw new Unavailable(code, message + (isOpen ? advice : ""));
    }
    output.document({ error: { code, message, phase, mayHaveSettled } });
    return 1;
  }
}

/** Parses an amount as people write it, with the SDK's rule. */
async function amountOf(flag, text) {
  const { usdc } = await sdk();
  try {
    return usdc(text);
  } catch (error) {
    throw new UsageError(`${flag}: ${error.message}`);
  }
}

function usdcOf(atomic) {
  const digits = String(atomic).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6).replace(/0{1,4}$/, "")} USDC`;
}

/** Creates the signer of the given key for a chain. Each chain has its own form of keys. */
async function signerOf(values, chain) {
  const text = keyText(values["key-file"]).trim();
  const { evmKey, solanaKey } = await agent();
  const isHex = /^(0x)?[0-9a-fA-F]{64}$/.test(text);
  const kind = chain === undefined ? (isHex ? "evmKey" : "solanaKey") : CHAINS[chain];
  try {
    if (kind === "evmKey") return evmKey(text);
    // Solana's own tools write a file with the list of 64 bytes.
    return await solanaKey(text.startsWith("[") ? Uint8Array.from(JSON.parse(text)) : text);
  } catch {
    const isEvm = kind === "evmKey";
    const form = isEvm ? "64 hexadecimal digits" : "a key pair in base58, or the list of its bytes";
    throw new UsageError(`the key is not one for ${chain ?? "any chain"}: expected ${form}`);
  }
}

function keyText(file) {
  if (file === undefined) {
    const key = process.env[VARIABLE];
    if (!key) throw new UsageError(`no key is given: set ${VARIABLE}, or give --key-file FILE`);
    keepOut(key);
    return key;
  }
  // Windows has no such file modes.
  if (file !== "-" && process.platform !== "win32" && modeOf(file) & 0o077)
    throw new UsageError("others may read the file of --key-file: chmod 600 it, or take a new key");
  return readSecretFile(file, "--key-file").secret;
}

function modeOf(file) {
  try {
    return statSync(file).mode;
  } catch (error) {
    throw new UsageError(`--key-file cannot be read (${error.code ?? "unknown reason"})`);
  }
}

function exists(file) {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Returns the platform's directory for a user's program data. */
function stateFolder() {
  const { XDG_STATE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_STATE_HOME) return XDG_STATE_HOME;
  if (process.platform === "win32") return LOCALAPPDATA ?? join(homedir(), "AppData", "Local");
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support");
  return join(homedir(), ".local", "state");
}

function stateFile() {
  return join(stateFolder(), "gwop", "agent.db");
}

/** Opens the journal in a file that nobody else may read: payment headers are worth money. */
async function journalIn(file, isGiven) {
  if (!isGiven) mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  let database;
  try {
    database = await open(file);
    chmodSync(file, 0o600);
    for (const pragma of ["busy_timeout = 5000", "journal_mode = WAL"])
      database.prepare(`PRAGMA ${pragma}`).all();
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    const reason = error.code ?? error.message;
    throw new Unavailable(CODES.JOURNAL_FAILED, `the journal cannot be opened (${reason})`);
  }
  const { sqliteJournal } = await agent();
  return sqliteJournal(database);
}

/** Loads the runtime's SQLite. */
async function open(file) {
  if (process.versions.bun) {
    const { Database } = await import("bun:sqlite");
    return new Database(file, { create: true });
  }
  const { emitWarning } = process;
  // Node 22 and 24 warn that it is experimental. Whoever pays cannot act on that.
  process.emitWarning = (warning, ...more) => {
    if (!String(warning).startsWith("SQLite ")) emitWarning.call(process, warning, ...more);
  };
  try {
    const { DatabaseSync } = await import("node:sqlite");
    return new DatabaseSync(file);
  } catch (error) {
    if (!/^ERR_(UNKNOWN_BUILTIN|MODULE_NOT)/.test(error.code ?? "")) throw error;
    const message = "gwop pay needs SQLite: Node 22.13 or newer, Deno 2.2 or newer, or Bun";
    throw new Unavailable(CODES.NO_SQLITE, message);
  } finally {
    process.emitWarning = emitWarning;
  }
}
