// The runtimes, and how each runs a module of the consumer project.

/** Returns a runtime's program and the arguments before the module's path. */
export const RUNTIMES = {
  node: [process.execPath, []],
  deno: [
    process.env.GWOP_DENO,
    [
      "run",
      "--no-prompt",
      "--no-config",
      "--node-modules-dir=manual",
      "--allow-env",
      "--allow-sys",
      "--allow-read",
    ],
  ],
  bun: [process.env.GWOP_BUN, ["run"]],
};

/** Returns what a module printed after `RESULT `. */
export function resultIn(output) {
  const line = output.split("\n").findLast((candidate) => candidate.startsWith("RESULT "));
  if (!line) throw new Error(`no result in:\n${output}`);
  return JSON.parse(line.slice("RESULT ".length));
}
