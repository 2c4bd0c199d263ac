// Where secrets come from: the environment, a file, or standard input. Never an argument, which a
// shell's history and `ps` show.
import { Buffer } from "node:buffer";
import { readFileSync, readSync } from "node:fs";
import { UsageError } from "./errors.js";
import { keepOut } from "./output.js";

/** How long a pipe without data is left alone, in milliseconds. */
const WAIT_MS = 10;

/** The option that every command with a secret has. */
export const SECRET_FILE = {
  type: "string",
  value: "FILE",
  about: "read the secret from a file, or from standard input if FILE is -",
};

/** Whether standard input was read: it has nothing more then. */
let isInputRead = false;

/** The bytes of a file, or of standard input where it is `-`. */
export function readBytes(file, what) {
  if (file === "-") {
    if (isInputRead) throw new UsageError("standard input is read once: give only one file as -");
    isInputRead = true;
  }
  try {
    return new Uint8Array(file === "-" ? readInput() : readFileSync(file));
  } catch (error) {
    // Not its name: a secret that was passed by mistake would be shown.
    throw new UsageError(`${what} cannot be read (${error.code ?? "unknown reason"})`);
  }
}

/** Standard input to its end. A pipe that does not block has nothing yet: it is asked again. */
function readInput() {
  const chunks = [];
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    try {
      const length = readSync(0, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(chunk.subarray(0, length)));
    } catch (error) {
      // Windows says so where others give 0 bytes.
      if (error.code === "EOF") return Buffer.concat(chunks);
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}

/**
 * The text of a secret's file, without the one line ending that editors and `echo` put behind it.
 */
export function readSecretFile(file, what = "--secret-file") {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readBytes(file, what));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${what} is no UTF-8: save it as UTF-8, without anything but the secret`);
  }
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") throw new UsageError(`${what} is empty`);
  keepOut(secret);
  return { secret, endsWithNewline: secret !== text };
}

/**
 * The secret of a command.
 *
 * @param {{ "secret-file"?: string }} values The options that were given.
 * @param {string} variable The environment variable that it is read from otherwise.
 * @returns {{ secret: string, source: string, endsWithNewline: boolean }} The text as it was given,
 *   white space included.
 */
export function readSecret(values, variable) {
  const file = values["secret-file"];
  if (file !== undefined)
    return { ...readSecretFile(file), source: file === "-" ? "standard input" : "--secret-file" };
  const secret = process.env[variable];
  if (!secret)
    throw new UsageError(
      `no secret is given: set ${variable}, or give --secret-file FILE (- is standard input)`,
    );
  keepOut(secret);
  return { secret, source: variable, endsWithNewline: false };
}

/**
 * The secrets of a comma-separated text, as `GWOP_WEBHOOK_SECRET` has them during a rotation; white
 * space stays.
 */
export function separate(text) {
  const secrets = text.split(",").filter((secret) => secret.trim() !== "");
  secrets.forEach(keepOut);
  return secrets;
}
