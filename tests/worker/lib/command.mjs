// Runs the command line `gwop` of the npm package, and other programs.
import { execFile } from "node:child_process";
import { join } from "node:path";

import { TOP } from "./wrangler.mjs";

/** Runs a program. Resolves to its exit code and its whole output. Other suites run meanwhile. */
export function run(program, args, options) {
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, said: stdout + stderr });
    });
  });
}

/** Runs `gwop` with these variables. */
export function gwop(args, variables) {
  const program = join(TOP, "dist/npm/cli/gwop.js");
  const env = { ...process.env, ...variables };
  return run(process.execPath, [program, ...args], { env, timeout: 60_000 });
}
