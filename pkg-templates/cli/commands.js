// The table of commands. `--help`, the parser and docs/cli.md are made from it. To add a command,
// add a file in `commands/` and a row here.
//
// A command is an object:
//   name        what users type
//   summary     one line, for the list
//   positionals what follows the name, such as "EVENT"
//   about       paragraphs that say what it does
//   options     by name: { type, multiple?, value?, default?, about }, for `parseArgs` and the help
//   examples    lines that users can type
//   no          when the exit code is 1
//   run         ({ values, positionals, output }) => Promise<number | undefined>, the exit code
//   raw         ([argument]) => Promise, instead of `options` and `run`, for a program that reads
//               its arguments itself
import { doctor } from "./commands/doctor.js";
import { events } from "./commands/events.js";
import { pay } from "./commands/pay.js";
import { replay } from "./commands/replay.js";
import { sim } from "./commands/sim.js";
import { token } from "./commands/token.js";
import { trigger } from "./commands/trigger.js";
import { verify } from "./commands/verify.js";

export const COMMANDS = [sim, trigger, events, replay, verify, token, pay, doctor];
