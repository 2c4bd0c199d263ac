// Reads secrets from the environment, a file or standard input. Never from an argument, because a
// shell's history and `ps` show arguments.
import { Buffer } from "node:buffer";
import { readFileSync, readSync } from "node:fs";
import { UsageError } from "./errors.js";
import { keepOut } from "./output.js";

/** The wait before an empty pipe is read again, in milliseconds. */
const WAIT_MS = 10;

/** The option of every command that needs a secret. */
export const SECRET_FILE = {
  type: "string",
  value: "FILE",
  about: "read the secret from a file, or from standard input if FILE is -",
};

/** Whether standard input was read. It is empty after that. */
let isInputRead = false;

/** Reads the bytes of a file, or of standard input for `-`. */
export function readBytes(file, what) {
  if (file === "-") {
    if (isInputRead) throw new UsageError("standard input is read once: give only one file as -");
    isInputRead = true;
  }
  try {
    return new Uint8Array(file === "-" ? readInput() : readFileSync(file));
  } catch (error) {
    // Do not print the name: it would show a secret that was passed by mistake.
    throw new UsageError(`${what} cannot be read (${error.code ?? "unknown reason"})`);
  }
}

/**
 * Reads standard input to its end. A non-blocking pipe may be empty for now, so it is read again.
 */
function readInput() {
  const chunks = [];
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    try {
      const length = readSync(0, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(chunk.subarray(0, length)));
    } catch (error) {
      // Windows throws here, where other systems return 0 bytes.
      if (error.code === "EOF") return Buffer.concat(chunks);
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}

/**
 * Returns the text of a secret's file, without the one line ending that editors and `echo` append.
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
 * Returns the secret of a command.
 *
 * @param {{ "secret-file"?: string }} values The given options.
 * @param {string} variable The environment variable to read if there is no file.
 * @returns {{ secret: string, source: string, endsWithNewline: boolean }} The text as given, with
 *   its white space.
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
 * Splits a comma-separated text into secrets, as in `GWOP_WEBHOOK_SECRET` during a rotation. White
 * space stays.
 */
export function separate(text) {
  const secrets = text.split(",").filter((secret) => secret.trim() !== "");
  secrets.forEach(keepOut);
  return secrets;
}
