// The text of `--help`, and the reference in docs/cli.md. Both are made from the table of commands.
import { COMMANDS } from "./commands.js";
import { columns, wrap } from "./output.js";

/** The options of every command. */
export const COMMON = {
  json: { type: "boolean", about: "print one JSON document, for programs" },
  help: { type: "boolean", about: "print this text" },
};

/** The end of every help text. */
const EXITS = "Exit codes: 0 yes, 1 the answer is no or could not be found, 2 wrong use.";

/** Formats the options of a command, one per line. */
function optionLines({ options = {} }) {
  const rows = Object.entries({ ...options, ...COMMON }).map(
    ([name, { value, about, multiple }]) => [
      `  --${name}${value ? ` ${value}` : ""}`,
      about + (multiple ? "; repeatable" : ""),
    ],
  );
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  return rows.map(([flag, about]) => wrap(about, flag.padEnd(width), " ".repeat(width)));
}

/** Returns the usage line of a command. */
const usageOf = ({ name, positionals, raw }) =>
  `gwop ${name}${positionals ? ` ${positionals}` : ""} [options]${raw ? "" : " [--json]"}`;

/** Returns the help of one command. */
export function helpOf(command) {
  return [
    `gwop ${command.name}: ${command.summary}`,
    `Usage: ${usageOf(command)}`,
    ...command.about.map((paragraph) => wrap(paragraph)),
    optionLines(command).join("\n"),
    ...(command.examples.length > 0
      ? [["Examples:", ...command.examples.map((line) => `  ${line}`)].join("\n")]
      : []),
    wrap(`${EXITS}${command.no ? ` 1: ${command.no}.` : ""}`),
  ].join("\n\n");
}

/** Returns the help of all commands. */
export function help() {
  const rows = COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]);
  return [
    "gwop: the command line of @gwop/sdk",
    "Usage: npx -p @gwop/sdk gwop COMMAND [options]",
    columns(rows).join("\n"),
    "gwop COMMAND --help explains a command, gwop --version names the version.",
    wrap(
      "Secrets come from the environment, from --secret-file FILE, or from standard input if FILE " +
        "is -. Never pass a secret as an argument. No secret is ever printed.",
    ),
    EXITS,
  ].join("\n\n");
}

/** Returns the reference of all commands, as Markdown. */
export function reference() {
  return COMMANDS.map((command) =>
    [
      `### gwop ${command.name}`,
      "",
      "```text",
      command.raw ? rawHelp(command) : helpOf(command),
      "```",
    ].join("\n"),
  ).join("\n\n");
}

/** Returns the help of a command that reads its arguments itself, without its options. */
const rawHelp = (command) =>
  [
    `gwop ${command.name}: ${command.summary}`,
    `Usage: ${usageOf(command)}`,
    ...command.about.map((paragraph) => wrap(paragraph)),
  ].join("\n\n");
