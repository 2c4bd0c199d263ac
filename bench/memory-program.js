// Runs inside Node, Deno and Bun: `memory-program.js verify|cancel COUNT` prints the memory of the
// process and of the wasm after a tenth of the work and at its end.
import * as work from "./memory-work.js";

const [kind, count] = process.argv.slice(2);
const tenth = Number(count) / 10;

let ended = 0;
async function run(tenths) {
  const from = performance.now();
  for (let one = 0; one < tenths; one++) ended += await work[kind](tenth);
  return Math.round(performance.now() - from);
}

function look() {
  globalThis.Bun?.gc(true);
  globalThis.gc?.();
  const rssMB = Math.round(process.memoryUsage().rss / 1e5) / 10;
  return { rssMB, wasmKB: work.wasmKB() };
}

const firstTenthMs = await run(1);
const before = look();
await run(8);
const lastTenthMs = await run(1);
const after = look();
console.log(
  `RESULT ${JSON.stringify({ count: 10 * tenth, ended, before, after, firstTenthMs, lastTenthMs })}`,
);
