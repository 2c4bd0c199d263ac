// The SDK, loaded when a command first needs it: `gwop --help` starts without WebAssembly.
import { fileURLToPath } from "node:url";
import { UsageError } from "./errors.js";

/** `@gwop/sdk`. */
export const sdk = () => import("../index.node.js");

/** `@gwop/sdk/checkout`, which signs test deliveries. */
export const checkout = () => import("../checkout.node.js");

/** `@gwop/sdk/agent`, which pays. */
export const agent = () => import("../agent.node.js");

/** `@gwop/sdk/simulator`. */
export const simulator = () => import("../simulator.node.js");

/** `gwop-simulator`: it reads `process.argv`, and goes on until it is stopped. */
export const simulatorProgram = () => import("../gwop-simulator.js");

/** The directory of the package that this command belongs to. */
export const HOME = fileURLToPath(new URL("..", import.meta.url));

/**
 * A URL that a secret may be sent to, judged by the SDK's own rule: https, or plain http to this
 * machine and to networks of one's own.
 *
 * @param {string} flag The option that it was given with, such as `--worker`.
 */
export async function urlOf(flag, text) {
  const { Gwop } = await sdk();
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError(`${flag} takes an http or https URL`);
  const url = new URL(text);
  if (url.username || url.password)
    throw new UsageError(`${flag} must not hold a user name or a password`);
  try {
    new Gwop({ serverURL: text });
  } catch (error) {
    throw new UsageError(
      error.message.replace("serverURL", flag).replace(/, unless allowInsecure is true/, ""),
    );
  }
  return url;
}

/**
 * A client that asks nobody: it verifies deliveries under these secrets, whichever Gwop they come
 * from.
 */
export async function verifierOf(secrets) {
  const { Gwop } = await sdk();
  const nowhere = "http://127.0.0.1:9";
  return new Gwop({ webhookSecret: secrets, serverURL: nowhere, identityURL: nowhere });
}
