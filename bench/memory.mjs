// Runs a million verifications in one process. Memory and speed must stay the same after the first
// tenth.
import { runProgram } from "../runners/programs.mjs";
import { resultIn, RUNTIMES } from "./programs.mjs";

const COUNT = 1_000_000;

/** Returns memory and time by runtime. */
export async function measureMemory() {
  const figures = {};
  for (const [runtime, [program, args]] of Object.entries(RUNTIMES)) {
    const flags =
      runtime === "node" ? ["--expose-gc"] : runtime === "deno" ? ["--v8-flags=--expose-gc"] : [];
    const [command, ...rest] = args;
    const all = [
      ...(command ? [command] : []),
      ...flags,
      ...rest,
      "bench/memory-program.js",
      String(COUNT),
    ];
    figures[runtime] = resultIn(await runProgram(program, all, { limitMs: 240_000 }));
  }
  return figures;
}
