#!/usr/bin/env node
// `gwop`: the command line of `@gwop/sdk`, on Node, Deno and Bun.
import { main } from "./main.js";

main(process.argv.slice(2)).then((code) => {
  // The exit waits until a pipe has taken the output. `gwop sim` has no code: it goes on.
  if (code !== undefined) process.exitCode = code;
});
