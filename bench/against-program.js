// Runs inside Node, Deno and Bun: `against-program.js GROUP ROUNDS` prints the times of each round.
import { prepare } from "./against-groups.js";
import { DEFAULTS, repeat, withProcessor } from "./harness.js";

const [group, rounds] = process.argv.slice(2);
const candidates = await prepare(group);
const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const batch = async (name, count) => {
  const from = performance.now();
  await repeat(candidates[name], count, 1);
  return performance.now() - from;
};
const times = await withProcessor(processor, Object.keys(candidates), batch, {
  ...DEFAULTS,
  rounds: Number(rounds),
});
console.log(`RESULT ${JSON.stringify(times)}`);
