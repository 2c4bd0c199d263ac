// What runs inside Node, Deno and Bun: `against-program.js GROUP ROUNDS` prints the times of each round.
import { prepare } from "./against-groups.js";
import { DEFAULTS, repeat, timesOf } from "./harness.js";

const [group, rounds] = process.argv.slice(2);
const candidates = await prepare(group);
const batch = async (name, count) => {
  const from = performance.now();
  await repeat(candidates[name], count, 1);
  return performance.now() - from;
};
console.log(`RESULT ${JSON.stringify(await timesOf(Object.keys(candidates), batch, { ...DEFAULTS, rounds: Number(rounds) }))}`);
