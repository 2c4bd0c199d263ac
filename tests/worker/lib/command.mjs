// Runs the command line `gwop` of the npm package, and other programs.
import { execFile } from "node:child_process";
import { join } from "node:path";

import { TOP } from "./wrangler.mjs";

/**
 * Runs a program, with `input` as its standard input. Resolves to its exit code, its whole output
 * `said`, and `stdout` alone. Other suites run meanwhile.
 */
export function run(program, args, { input, ...options }) {
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? 1) : 0, said: stdout + stderr, stdout });
    });
    child.stdin.end(input);
  });
}

/** Runs `gwop` with these variables. */
export async function gwop(args, variables) {
  const program = join(TOP, "dist/npm/cli/gwop.js");
  const env = { ...process.env, ...variables };
  const { code, said } = await run(process.execPath, [program, ...args], { env, timeout: 60_000 });
  return { code, said };
}
