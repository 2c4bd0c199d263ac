// Where secrets come from: the environment, a file, or standard input. Never an argument, which a
// shell's history and `ps` show.
import { readFileSync } from "node:fs";
import { UsageError } from "./errors.js";
import { keepOut } from "./output.js";

/** The option that every command with a secret has. */
export const SECRET_FILE = {
  type: "string",
  value: "FILE",
  about: "read the secret from a file, or from standard input where FILE is -",
};

/** The bytes of a file, or of standard input. */
export function readBytes(file, what) {
  try {
    return new Uint8Array(readFileSync(file === "-" ? 0 : file));
  } catch (error) {
    // Not its name: a secret that was passed by mistake would be shown.
    throw new UsageError(`${what} cannot be read (${error.code ?? "unknown reason"})`);
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
