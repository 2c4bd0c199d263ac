// `dev`: runs the project on this machine with `wrangler dev` and a local Gwop, until one of them
// ends.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.js";
import { WORKER_PORT } from "./project.js";
import { variablesOf } from "./variables.js";
import { mismatch } from "./versions.js";

const HELP = `gwop-worker dev: runs the project on this machine, with a local Gwop beside it

  --port N      where the Worker listens (default ${WORKER_PORT})
  --help        this text
  -- OPTIONS    more options for wrangler dev

The local Gwop listens where GWOP_SERVER_URL of .dev.vars says, and has its secrets from there.`;

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** Runs both. Resolves to the exit code when one of them has ended. */
export async function dev(args) {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values, more } = argumentsOf(args.slice(0, end), args.slice(end + 1));
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (!existsSync(".dev.vars"))
    throw new UsageError("there is no .dev.vars here: npx @gwop/worker init");
  const problem = mismatch(process.cwd());
  if (problem) throw new UsageError(problem);
  const port = values.port ?? String(WORKER_PORT);
  if (!/^[1-9]\d{0,4}$/.test(port)) throw new UsageError("--port takes a port");
  const variables = variablesOf(readFileSync(".dev.vars", "utf8"));
  const configs = ["wrangler.jsonc", "fulfillment/wrangler.jsonc"].filter((path) =>
    existsSync(path),
  );
  const programs = [
    ...gwopOf(variables, port),
    [
      programOf("wrangler", "wrangler"),
      "dev",
      ...(configs.length > 1 ? configs.flatMap((path) => ["-c", path]) : []),
      "--port",
      port,
      ...more,
    ],
  ];
  return run(programs);
}

function argumentsOf(args, more) {
  try {
    const options = { port: { type: "string" }, help: { type: "boolean", short: "h" } };
    return { ...parseArgs({ args, options }), more };
  } catch (error) {
    throw new UsageError(`${error.message.split(". ")[0]}. See gwop-worker dev --help`);
  }
}

/** Starts the local Gwop, if the project uses one on this machine. */
function gwopOf(variables, port) {
  const text = variables.GWOP_SERVER_URL ?? "";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !LOOPBACK.test(url.hostname)) {
    console.log("No local Gwop: GWOP_SERVER_URL of .dev.vars names none on this machine.");
    return [];
  }
  const options = {
    port: url.port || "80",
    "webhook-url": `http://127.0.0.1:${port}/webhooks/gwop`,
    "webhook-secret": variables.GWOP_WEBHOOK_SECRET?.split(",")[0].trim(),
    "merchant-key": variables.GWOP_MERCHANT_API_KEY,
    "merchant-id": variables.GWOP_MERCHANT_ID,
  };
  const given = Object.entries(options).filter(([, value]) => value);
  return [
    [
      programOf("@gwop/sdk", "gwop-simulator"),
      ...given.flatMap(([name, value]) => [`--${name}`, value]),
    ],
  ];
}

/** Returns the file of a program that comes with a package of the project. */
function programOf(name, program) {
  try {
    const manifest = createRequire(join(process.cwd(), "x.js")).resolve(`${name}/package.json`);
    const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
    return join(dirname(manifest), typeof bin === "string" ? bin : bin[program]);
  } catch {
    throw new UsageError(`${name} is not installed here: npm install`);
  }
}

function run(programs) {
  const children = programs.map((command) =>
    spawn(process.execPath, command, { stdio: ["ignore", "inherit", "inherit"] }),
  );
  const stop = () => children.forEach((child) => child.kill("SIGTERM"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  return new Promise((resolve) => {
    let left = children.length;
    let code;
    for (const child of children) {
      child.once("exit", (status) => {
        code ??= status ?? 0;
        left -= 1;
        stop();
        if (left === 0) resolve(code);
      });
    }
  });
}
