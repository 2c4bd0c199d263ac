// Reads the processor time and the memory of a program, on Linux.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The size of a page of memory in `/proc`. */
const PAGE_BYTES = 4096;

/**
 * Returns the processor time of a process group so far, in milliseconds, on Linux. NaN elsewhere.
 * It does not depend on other processes, as a rate does.
 */
export function processorMs(group) {
  // Read per thread: `stat` of the whole process has hundredths of a second only.
  const nanoseconds = ofGroup(group, (pid) =>
    readdirSync(`/proc/${pid}/task`)
      .map((thread) =>
        parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1"), 10),
      )
      .reduce((one, other) => one + other, 0),
  );
  return nanoseconds / 1e6;
}

/** Returns the resident memory of a process group, in MB, on Linux. NaN elsewhere. */
export function residentMB(group) {
  const pages = ofGroup(group, (pid) =>
    Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]),
  );
  return Math.round((pages * PAGE_BYTES) / 1e5) / 10;
}

/** Returns the sum of a figure over the processes of a group. */
function ofGroup(group, figure) {
  if (!existsSync("/proc/self/schedstat")) return NaN;
  let sum = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // proc(5): after the name in parentheses come state, ppid and pgrp.
      const [, , pgrp] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
      if (Number(pgrp) === group) sum += figure(pid);
    } catch {
      // The process has ended in the meantime.
    }
  }
  return sum;
}
