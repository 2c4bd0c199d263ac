#!/usr/bin/env node
// `npx @gwop/worker init` creates or upgrades a project. `npx gwop-worker dev` runs it here.
import { readFileSync } from "node:fs";
import { UsageError } from "./errors.js";

const HELP = `gwop-worker: Gwop's Cloudflare Worker, without a build of your own

  npx @gwop/worker init    make a project in this folder, or upgrade the one that is here
  npx gwop-worker dev      run the project on this machine, with a local Gwop beside it

gwop-worker COMMAND --help explains a command, gwop-worker --version names the version.`;

/** The commands, loaded when they are used. */
const COMMANDS = {
  init: async (args) => (await import("./init.js")).init(args),
  dev: async (args) => (await import("./dev.js")).dev(args),
};

const [name, ...rest] = process.argv.slice(2);
try {
  if (name === undefined || ["--help", "-h", "help"].includes(name)) {
    console.log(HELP);
    process.exitCode = name === undefined ? 2 : 0;
  } else if (name === "--version") {
    const manifest = new URL("../package.json", import.meta.url);
    console.log(JSON.parse(readFileSync(manifest, "utf8")).version);
  } else if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError("there is no such command: gwop-worker --help lists them");
  } else {
    process.exitCode = await COMMANDS[name](rest);
  }
} catch (error) {
  const isKnown = error instanceof UsageError;
  console.error(`gwop-worker: ${isKnown ? error.message : `this is a bug: ${error?.stack}`}`);
  process.exitCode = isKnown ? 2 : 1;
}
