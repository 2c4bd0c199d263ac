// Reads the processor time of a program.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * Returns the processor time of a process group so far, in milliseconds, on Linux. NaN elsewhere.
 * It does not depend on other processes, as a rate does.
 */
export function processorMs(group) {
  if (!existsSync("/proc/self/schedstat")) return NaN;
  let nanoseconds = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // proc(5): after the name in parentheses come state, ppid and pgrp.
      const [, , pgrp] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
      if (Number(pgrp) !== group) continue;
      // Read per thread: `stat` of the whole process has hundredths of a second only.
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += parseInt(
          readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1"),
          10,
        );
      }
    } catch {
      // The process has ended in the meantime.
    }
  }
  return nanoseconds / 1e6;
}
