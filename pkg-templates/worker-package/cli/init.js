// `init`: creates a project, or upgrades one of an earlier version. It never overwrites an existing
// file. In a project of `init`, it adds what a file lacks, after it has shown the difference.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { difference } from "./difference.js";
import { UsageError } from "./errors.js";
import { MAIN, classesOf, filesOf, isObject, nameIn, secretsOf, wishesOf } from "./project.js";
import { readOld } from "./toml.js";
import { isLater, VERSION } from "./versions.js";

const HELP = `npx @gwop/worker init: makes a project of Gwop's Worker in this folder, or upgrades it

  --name NAME                the Worker's name (default: the folder's)
  --fulfillment url|service  where paid events go: to a URL of yours by POST (default), or to
                             a Worker of yours by a service binding, which is begun for you
  --with-auth                wallet auth too: needs a merchant key and the merchant's id
  --yes                      ask nothing: take what the other options say, and upgrade at once
  --help                     this text

It never overwrites a file. In a project of an earlier version it shows what would change first.`;

const OPTIONS = {
  name: { type: "string" },
  fulfillment: { type: "string" },
  "with-auth": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  help: { type: "boolean", short: "h" },
};

/**
 * The names that Cloudflare accepts for a Worker, with room for `-fulfillment-dead` of its queues.
 */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,44}[a-z0-9])?$/;

/** Runs the command in the working directory. Resolves to the exit code. */
export async function init(args) {
  const { values, positionals } = argumentsOf(args);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new UsageError("init takes options only: init --help");
  const here = process.cwd();
  const read = (path) => textOf(here, path);
  if (read("wrangler.json") !== undefined) {
    // wrangler would use it instead of the file that this command creates.
    throw new UsageError(
      "here is a wrangler.json, which wrangler prefers to wrangler.jsonc: rename it to " +
        "wrangler.jsonc, or start in a folder of its own",
    );
  }
  const asks = !values.yes && process.stdin.isTTY && process.stdout.isTTY;
  const questions = asks
    ? createInterface({ input: process.stdin, output: process.stdout })
    : undefined;
  try {
    const before = projectOf(read);
    if (before && isLater(before.version, VERSION)) {
      throw new UsageError(
        `this project is of @gwop/worker ${before.version}, and this command of ${VERSION}: ` +
          "npx @gwop/worker@latest init",
      );
    }
    const wishes = before
      ? { ...before.wishes, withAuth: values["with-auth"] ?? false }
      : await wished(values, { here, read, questions });
    if (before) refuseOthers(values, wishes);
    const plan = planOf(wishes, read, before !== undefined);
    return await carryOut(plan, wishes, { before, questions, isAgreed: values.yes ?? false });
  } catch (error) {
    // Ctrl-C or Ctrl-D at a question. All questions come before anything is written.
    if (error.name !== "AbortError") throw error;
    console.log("\nBroken off: nothing was written.");
    return 1;
  } finally {
    questions?.close();
  }
}

/** Returns the text of a file, or `undefined` if it does not exist. Reports what is not a file. */
function textOf(here, path) {
  try {
    return readFileSync(join(here, path), "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw plain(error, path);
  }
  // A broken symbolic link is not free: writing to it would create a file elsewhere.
  for (const each of [path, dirname(path)]) {
    const entry = lstatSync(join(here, each), { throwIfNoEntry: false });
    if (entry?.isSymbolicLink() && !existsSync(join(here, each))) {
      throw new UsageError(`${each} is a link to something that is not there: ${ASIDE}`);
    }
  }
  return undefined;
}

const ASIDE = "move it out of the way, or put right what it is, then try again";

/**
 * Explains an error of the file system, so that the user can fix it. Returns other errors as is.
 */
function plain(error, path) {
  const said = {
    EACCES: "may not be read or written by you",
    EPERM: "may not be read or written by you",
    EROFS: "cannot be written: the disk is read-only",
    ENOSPC: "cannot be written: the disk is full",
    EEXIST: "came while this ran, and is not overwritten",
    EISDIR: "is a directory, and has to be a file",
    ENOTDIR: "needs a directory where a file is",
    ELOOP: "is a link that leads to itself",
  }[error.code];
  return said ? new UsageError(`${path} ${said}: ${ASIDE}`) : error;
}

function argumentsOf(args) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${error.message.split(". ")[0]}. See gwop-worker init --help`);
  }
}

/** Returns the project of `init` in this directory, or `undefined` if there is none. */
function projectOf(read) {
  const [manifest, config] = [read("package.json"), read("wrangler.jsonc")];
  if (manifest === undefined || config === undefined) return undefined;
  const { dependencies, devDependencies } = understood("package.json", () => {
    const read = JSON.parse(manifest);
    if (!isObject(read)) throw new SyntaxError("it is no object");
    return read;
  });
  const range = dependencies?.["@gwop/worker"] ?? devDependencies?.["@gwop/worker"];
  if (range === undefined) return undefined;
  return {
    version: /\d+\.\d+\.\d+/.exec(range)?.[0] ?? VERSION,
    wishes: understood("wrangler.jsonc", () => wishesOf(config)),
  };
}

function understood(path, work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${path} cannot be read (${error.message}): put it right, then try again`);
  }
}

/** Refuses options that differ from the existing project. */
function refuseOthers({ name, fulfillment }, wishes) {
  for (const [option, given, there] of [
    ["--name", name, wishes.name],
    ["--fulfillment", fulfillment, wishes.fulfillment],
  ]) {
    if (given !== undefined && given !== there) {
      throw new UsageError(`${option} is ${there} in this project: change wrangler.jsonc itself`);
    }
  }
}

/** Returns the Worker's name in the merchant's own configuration. The queues are named after it. */
function nameThere(read) {
  const config = read("wrangler.jsonc");
  if (config === undefined) return undefined;
  const name = understood("wrangler.jsonc", () => nameIn(config));
  return typeof name === "string" && NAME.test(name) ? name : undefined;
}

async function wished(values, { here, read, questions }) {
  const toml = read("wrangler.toml");
  const old = toml === undefined ? undefined : understood("wrangler.toml", () => readOld(toml));
  if (toml !== undefined && old.migrations.length === 0) {
    throw new UsageError(
      "here is a wrangler.toml of something else: start in a folder of its own, or rename it",
    );
  }
  const ask = async (question, usual, isGood, expected) => {
    for (;;) {
      const answer = (await questions.question(`${question} (${usual}) `)).trim() || usual;
      if (isGood(answer)) return answer;
      console.log(expected);
    }
  };
  const isName = (name) => NAME.test(name);
  const aboutName = "A name has 1 to 46 lower-case letters, digits and dashes: shop-gwop";
  const isPlace = (place) => ["url", "service"].includes(place);
  const aboutPlace = "It takes url or service";
  let { name, fulfillment, "with-auth": withAuth } = values;
  const folder = basename(here)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 46);
  const usualName = old?.name ?? nameThere(read) ?? (folder.replace(/^-+|-+$/g, "") || "gwop");
  if (questions) {
    name ??= await ask("The Worker's name?", usualName, isName, aboutName);
    fulfillment ??= await ask(
      "Where do paid events go: to a url of yours, or to a Worker of yours (service)?",
      "url",
      isPlace,
      aboutPlace,
    );
    withAuth ??= /^y/i.test(
      await ask("Wallet auth too? y/n", "n", (answer) => /^[yn]/i.test(answer), "y or n"),
    );
  }
  name ??= usualName;
  fulfillment ??= "url";
  if (!isName(name))
    throw new UsageError(`--name: ${aboutName[0].toLowerCase()}${aboutName.slice(1)}`);
  if (old?.name !== undefined && old.name !== name) {
    // Under another name, the Worker would not find its stored data.
    throw new UsageError(`--name is ${old.name} in wrangler.toml: it has to stay`);
  }
  if (!isPlace(fulfillment)) throw new UsageError("--fulfillment takes url or service");
  return { name, fulfillment, withAuth: withAuth ?? false, old };
}

/** Returns what would be done to each file. */
function planOf(wishes, read, isUpgrade) {
  return filesOf(wishes, VERSION, read).map((file) => {
    const text = read(file.path);
    if (text === undefined) return { ...file, action: "create" };
    const upgraded = understood(file.path, () => file.upgrade?.(text) ?? text);
    if (upgraded === text) return { ...file, action: "keep" };
    return { ...file, action: isUpgrade ? "change" : "advise", text, upgraded };
  });
}

async function carryOut(plan, wishes, { before, questions, isAgreed }) {
  const changes = plan.filter(({ action }) => action === "change");
  if (changes.length > 0) {
    console.log(`From @gwop/worker ${before.version} to ${VERSION}:\n`);
    for (const change of changes) console.log(shown(change));
    const answer = questions && (await questions.question("Change these files? y/n (n) "));
    if (!isAgreed && !/^y/i.test(answer?.trim() ?? "")) {
      console.log(`Nothing was changed.${questions ? "" : " With --yes it is."}`);
      return 1;
    }
  }
  for (const file of plan) {
    try {
      if (file.action === "create") create(file);
      if (file.action === "change") change(file);
      if (file.secret) closeUp(file.path);
    } catch (error) {
      throw plain(error, file.path);
    }
    const said = { create: "made", change: "changed", keep: "kept", advise: "kept" }[file.action];
    console.log(`${said.padEnd(8)} ${file.path}${file.secret ? " (for your eyes alone)" : ""}`);
  }
  for (const file of plan.filter(({ action }) => action === "advise")) {
    console.log(
      `\n${file.path} was there before. What it lacks is for you to add:\n${shown(file)}`,
    );
  }
  if (wishes.old && before === undefined) tellOfOld(wishes.old);
  adviseExports(wishes);
  if (before === undefined) tellOfNext(wishes);
  else console.log("\nNext:\n  npm install\n  npm run dev\n  npm run deploy");
  return 0;
}

/** Returns the difference. For a file with secrets, only the added lines, without their values. */
function shown({ path, text, upgraded, secret }) {
  if (!secret) return difference(path, text, upgraded);
  // The lines around a change may be part of a value.
  return difference(path, text, upgraded, 0)
    .replace(/^(?![-+]).*\n/gm, "")
    .replace(/^(\+ \w+=).*$/gm, "$1…");
}

/** Creates a file. If another program has created it in the meantime, does not overwrite it. */
function create({ path, make, mode = 0o644 }) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, make(), { flag: "wx", mode });
}

/** Changes a file as shown. If somebody has changed it in the meantime, leaves it as it is. */
function change({ path, text, upgraded }) {
  if (readFileSync(path, "utf8") !== text) {
    throw new UsageError(`${path} was changed while this ran, and stays so: run init again`);
  }
  writeFileSync(path, upgraded);
}

/** Makes a file with secrets readable only for its owner. */
function closeUp(path) {
  if (process.platform !== "win32" && statSync(path).mode & 0o077) chmodSync(path, 0o600);
}

function tellOfOld({ left }) {
  console.log(
    "\nwrangler takes wrangler.jsonc from now on: remove wrangler.toml once you have looked. " +
      "Its Durable Objects, migrations and queues were taken over." +
      (left.length > 0 ? `\nNot taken over, for you to copy: ${left.join(", ")}.` : ""),
  );
}

/** Tells the merchant which exports are missing. It does not change the merchant's code. */
function adviseExports(wishes) {
  const path = wishes.main ?? MAIN;
  // The file still has to be built.
  if (!existsSync(path)) return;
  const text = readFileSync(path, "utf8");
  const missing = classesOf(wishes).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
  if (missing.length > 0 && !/export\s*\*\s*from\s*["']@gwop\/worker/.test(text)) {
    console.log(`\n${path} must also say: export { ${missing.join(", ")} } from "@gwop/worker";`);
  }
}

function tellOfNext(wishes) {
  console.log(`
Next:
  npm install
  npm run dev       the Worker on this machine, with a local Gwop beside it
  npm run deploy    to Cloudflare, after these, once:

  npm run queues
${secretsOf(wishes)
  .map((name) => `  npx wrangler secret put ${name}`)
  .join("\n")}${
  wishes.fulfillment === "service"
    ? "\n  npx wrangler secret put FULFILLMENT_SECRET -c fulfillment/wrangler.jsonc"
    : ""
}`);
}
