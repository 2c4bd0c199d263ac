// Runs the command line: from the arguments to an exit code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { COMMANDS } from "./commands.js";
import { CODES, Unavailable, UsageError } from "./errors.js";
import { COMMON, help, helpOf } from "./help.js";
import { Output } from "./output.js";
import { HOME } from "./sdk.js";

/**
 * The patterns that no argument may match. An argument is visible in the shell's history and in the
 * list of processes.
 */
const SECRET_SHAPES =
  /whsec_\w|sk_m_\w|eyJ[\w-]+\.eyJ[\w-]+\.|(?<![\da-zA-Z])(0x)?[\da-fA-F]{64}(?![\da-zA-Z])/;

/** Runs the command line. Resolves to the exit code, or to `undefined` if the command continues. */
export async function main(args) {
  const [name, ...rest] = args;
  const output = new Output(args.includes("--json"));
  try {
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      console.log(help());
      return name === undefined ? 2 : 0;
    }
    if (name === "--version") {
      console.log(JSON.parse(readFileSync(join(HOME, "package.json"), "utf8")).version);
      return 0;
    }
    const command = COMMANDS.find((known) => known.name === name);
    if (!command) throw new UsageError("there is no such command: gwop --help lists them");
    if (command.raw) return await command.raw(rest);
    return await run(command, rest, output);
  } catch (error) {
    if (error instanceof UsageError) {
      output.failure(CODES.USAGE, error.message);
      return 2;
    }
    if (error instanceof Unavailable) {
      output.failure(error.code, error.message);
      return 1;
    }
    output.failure(CODES.INTERNAL_ERROR, `this is a bug: ${error?.stack ?? error}`);
    return 1;
  }
}

async function run(command, args, output) {
  if (args.some((argument) => SECRET_SHAPES.test(argument))) {
    throw new UsageError(
      "an argument holds a secret, which your shell's history and the list of processes now " +
        "show: replace that secret, and pass the next one in the environment, by --secret-file " +
        "or --key-file FILE, or on standard input",
    );
  }
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON }).map(([name, { type, multiple = false }]) => [
      name,
      { type, multiple },
    ]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // The runtime's message names options. The text after the first quoted one may be an argument's
    // value.
    const option = /'-{1,2}[\w-]+/.exec(error.message)?.[0].slice(1);
    const wrong =
      error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION"
        ? `the option ${option} is not known`
        : `the option ${option} is not used as it should be`;
    throw new UsageError(
      `${option ? wrong : "the options are not understood"}. See gwop ${command.name} --help`,
    );
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(helpOf(command));
    return 0;
  }
  const most = command.positionals
    ? command.positionals.endsWith("…")
      ? Infinity
      : command.positionals.split(" ").length
    : 0;
  if (positionals.length > most) {
    const allowed = most === 0 ? "nothing" : `only ${command.positionals}`;
    throw new UsageError(
      `${allowed} may follow the name of the command. See gwop ${command.name} --help`,
    );
  }
  return command.run({ values, positionals, output });
}
