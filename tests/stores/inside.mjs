// Runs inside Node, Deno and Bun: `inside.mjs KIND PLACE [STEP INVOICE]`. The steps `journal` and
// `limit` are for the agent's journals.
import { race } from "../suite/journal-conformance.js";
import { conformance, journalConformance, step } from "./checks.js";
import { JOURNALS, OPEN } from "./open.js";

const [kind, place, which, invoice] = process.argv.slice(2);
const open = () => OPEN[kind](place);
const openJournal = () => JOURNALS[kind](place);

async function done() {
  if (which === "journal") return journalConformance(kind, openJournal);
  if (which === "limit") return race(await openJournal(), invoice);
  return which ? step(which, invoice, await open()) : conformance(kind, open);
}
console.log(`RESULT ${JSON.stringify(await done())}`);
process.exit(0);
