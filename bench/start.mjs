// Measures from the start of a process to the first verified webhook.
import { runProgram } from "../runners/programs.mjs";
import { startWorkerd } from "../runners/workerd.mjs";
import { event, signatureHeader } from "./deliveries.js";
import { orderOf, quartiles, ratios, roundsOf } from "./harness.js";
import { resultIn, RUNTIMES } from "./programs.mjs";

const ROUNDS = 15;
const WORKERD_ROUNDS = 9;
const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc3RhcnQ=";

/**
 * Returns milliseconds with their quartiles, by runtime and library. Ours are also a ratio to the
 * peer's in the same round.
 */
export async function measureStart() {
  const body = event(620);
  const signature = await signatureHeader(SECRET, new TextEncoder().encode(body));
  const times = {};
  for (const [runtime, [program, args]] of Object.entries(RUNTIMES)) {
    const own = (times[runtime] = { floor: [], gwop: [], stripe: [] });
    const libraries = Object.keys(own);
    for (let round = 0; round < roundsOf(libraries, ROUNDS); round++) {
      for (const library of orderOf(libraries, round)) {
        const all = [...args, "bench/start-program.js", library, body, signature, SECRET];
        own[library].push(resultIn(await runProgram(program, all)));
      }
    }
  }
  const workerd = (times.workerd = { empty: [], gwop: [], stripe: [] });
  times["workerd, one instance"] = { gwop: [] };
  const deliver = (url) =>
    fetch(url, { method: "POST", body, headers: { "x-gwop-signature": signature } });
  const libraries = Object.keys(workerd);
  for (let round = 0; round < roundsOf(libraries, WORKERD_ROUNDS); round++) {
    for (const library of orderOf(libraries, round)) {
      const server = await startWorkerd(process.env.GWOP_WORKERD, {
        entry: `bench/start-worker.${library}.js`,
        directory: `out/bench-start-${library}`,
        variables: { BENCH_SECRET: SECRET },
        untilAnswered: deliver,
      });
      workerd[library].push(server.startedMs);
      if (library === "gwop") {
        const instances = async (count) => {
          const from = performance.now();
          await (await fetch(`${server.url}/instances?count=${count}`)).text();
          return performance.now() - from;
        };
        await instances(1);
        const [few, many] = [await instances(1), await instances(101)];
        times["workerd, one instance"].gwop.push((many - few) / 100);
      }
      server.end();
    }
  }
  return Object.fromEntries(
    Object.entries(times).map(([runtime, libraries]) => [
      runtime,
      Object.fromEntries(
        Object.entries(libraries).map(([library, list]) => {
          const [low, ms, high] = quartiles(list);
          const figure = { ms, spread: [low, high] };
          const { stripe } = libraries;
          if (library !== "gwop" || !stripe) return [library, figure];
          return [library, { ...figure, ofPeer: quartiles(ratios(list, stripe))[1] }];
        }),
      ),
    ]),
  );
}
