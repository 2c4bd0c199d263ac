// Loads the SDK when a command first needs it, so that `gwop --help` starts without WebAssembly.
import { fileURLToPath } from "node:url";
import { UsageError } from "./errors.js";

/** Loads `@gwop/sdk`. */
export const sdk = () => import("../index.node.js");

/** Loads `@gwop/sdk/checkout`, which signs test deliveries. */
export const checkout = () => import("../checkout.node.js");

/** Loads `@gwop/sdk/agent`, which pays. */
export const agent = () => import("../agent.node.js");

/** Loads `@gwop/sdk/simulator`. */
export const simulator = () => import("../simulator.node.js");

/** Runs `gwop-simulator`. It reads `process.argv`, and runs until it is stopped. */
export const simulatorProgram = () => import("../gwop-simulator.js");

/** The directory of the package that contains this command. */
export const HOME = fileURLToPath(new URL("..", import.meta.url));

/**
 * Returns a URL to which a secret may be sent, by the SDK's own rule: https, or plain http to this
 * machine and to private networks.
 *
 * @param {string} flag The option with the URL, such as `--worker`.
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
 * Creates a client that makes no calls. It verifies deliveries with these secrets, whichever Gwop
 * they come from.
 */
export async function verifierOf(secrets) {
  const { Gwop } = await sdk();
  const nowhere = "http://127.0.0.1:9";
  return new Gwop({ webhookSecret: secrets, serverURL: nowhere, identityURL: nowhere });
}
