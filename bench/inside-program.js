// What runs inside Node, Deno and Bun: `inside-program.js GROUP CONCURRENCY` measures one group and prints the figures.
// A process per group, so that none finds the heap and the compiler as another left them.
import { prepare } from "./groups.js";
import { CONCURRENT_DEFAULTS, DEFAULTS, measure, repeat } from "./harness.js";

const [group, concurrency] = process.argv.slice(2);
const candidates = await prepare(group);
const figures = await measure(
  Object.keys(candidates),
  async (name, count) => {
    const from = performance.now();
    await repeat(candidates[name], count, Number(concurrency));
    return performance.now() - from;
  },
  Number(concurrency) > 1 ? CONCURRENT_DEFAULTS : DEFAULTS,
);
console.log(`RESULT ${JSON.stringify(figures)}`);
