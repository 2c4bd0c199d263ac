// Implements `gwop-simulator --state`: a journal in a file. The simulator defines its lines.
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** The file's mode: only the owner may read it, because it contains keys and secrets. */
const MODE = 0o600;

/**
 * Opens a journal in a file, which need not exist. If it cannot, throws an `Error` with a message
 * for people.
 *
 * @returns {import("./simulator.js").SimulatorJournal & { close(): void }}
 */
export function openState(path) {
  const file = resolved(path);
  const lock = `${file}.lock`;
  takeLock(lock);
  try {
    const kept = read(file);
    return { ...journal(file), kept, close: () => rmSync(lock, { force: true }) };
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
}

/** Resolves a symbolic link, because a rename would otherwise replace the link. */
function resolved(path) {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function read(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Locks the file, because two processes would overwrite each other's lines. */
function takeLock(lock) {
  for (let tries = 0; ; tries += 1) {
    try {
      const handle = openSync(lock, "wx", MODE);
      writeSync(handle, `${process.pid}\n`);
      fsyncSync(handle);
      closeSync(handle);
      return;
    } catch (error) {
      if (error.code !== "EEXIST" || tries > 1) throw error;
    }
    const owner = Number(read(lock)?.toString());
    if (isRunning(owner)) {
      throw new Error(
        `process ${owner} uses this state; end it, or delete ${lock} if that is another program`,
      );
    }
    // The process that held the lock was killed.
    rmSync(lock, { force: true });
  }
}

function isRunning(pid) {
  // In a container, this process often has the same number as the one before.
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function journal(file) {
  let handle;
  return {
    async append(lines) {
      await handle.appendFile(lines);
      await handle.sync();
    },
    async replace(snapshot) {
      const fresh = `${file}.new`;
      await rm(fresh, { force: true });
      const next = await open(fresh, "ax", MODE);
      try {
        await next.appendFile(snapshot);
        await next.sync();
        // Either file is complete, whenever the process ends. The handle continues with the new
        // one.
        await rename(fresh, file);
        await syncDirectory(dirname(file));
      } catch (error) {
        await next.close();
        throw error;
      }
      await handle?.close();
      handle = next;
    },
  };
}

/** Makes the rename durable. Windows cannot open directories and does not need this. */
async function syncDirectory(directory) {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
