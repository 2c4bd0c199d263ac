#!/usr/bin/env node
// `gwop`: the command line of `@gwop/sdk`, on Node, Deno and Bun.
import { main } from "./main.js";

// If a reader such as `head` closes the pipe early, the result stays the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (error.code !== "EPIPE") throw error;
  });
}

main(process.argv.slice(2)).then((code) => {
  // The process exits only after a pipe has taken the output. `gwop sim` has no code: it continues.
  if (code !== undefined) process.exitCode = code;
});
