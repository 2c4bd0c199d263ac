// What a program has taken of the processor.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Processor time of a process group so far, in milliseconds, by Linux; NaN elsewhere. Unlike a rate it does not hang on what else runs. */
export function processorMs(group) {
  if (!existsSync("/proc/self/schedstat")) return NaN;
  let nanoseconds = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // proc(5): after the name in parentheses come state, ppid and pgrp.
      const [, , pgrp] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
      if (Number(pgrp) !== group) continue;
      // By thread; what `stat` tells of all of them comes in hundredths of a second.
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += parseInt(
          readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1"),
          10,
        );
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return nanoseconds / 1e6;
}
