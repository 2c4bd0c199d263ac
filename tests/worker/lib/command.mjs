// Runs the command line `gwop` of the npm package.
import { execFile } from "node:child_process";
import { join } from "node:path";

import { TOP } from "./wrangler.mjs";

/** Runs `gwop`. `said` is its whole output. */
export function gwop(args, variables) {
  const program = join(TOP, "dist/npm/cli/gwop.js");
  const env = { ...process.env, ...variables };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { env, timeout: 60_000 },
      (error, stdout, stderr) => {
        resolve({ code: error ? error.code : 0, said: stdout + stderr });
      },
    );
  });
}
