// Node, Deno and Bun: `print.mjs` succeeds if the story does.
import { EXPECTED, story } from "./story.js";

const told = await story();
if (told !== EXPECTED) throw new Error(`expected ${EXPECTED}, got ${told}`);
console.log(told);
