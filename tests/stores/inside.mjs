// What runs inside Node, Deno and Bun: `inside.mjs KIND PLACE [STEP INVOICE]`.
import { conformance, step } from "./checks.js";
import { OPEN } from "./open.js";

const [kind, place, which, invoice] = process.argv.slice(2);
const open = () => OPEN[kind](place);
const result = which ? await step(which, invoice, await open()) : await conformance(kind, open);
console.log(`RESULT ${JSON.stringify(result)}`);
process.exit(0);
