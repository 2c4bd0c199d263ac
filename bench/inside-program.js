// Runs inside Node, Deno and Bun: `inside-program.js GROUP CONCURRENCY` measures one group and
// prints the figures. Each group has its own process, so that none inherits another's heap and
// compiled code.
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
