// Selects where deliveries are listed and sent again: the local Gwop or a Worker.
import { UsageError } from "./errors.js";
import { ask } from "./http.js";
import { readSecret, SECRET_FILE } from "./secrets.js";
import { urlOf } from "./sdk.js";

/** The default address of `gwop sim`. */
const LOCAL = "http://127.0.0.1:4010";

/** The possible meanings of a Worker's `NOT_FOUND`. */
const WHY_NOT_FOUND =
  " (the token is not its OPERATOR_TOKEN, or this Worker is older than the route)";

/** The options that select a place. */
export const PLACE = {
  url: { type: "string", value: "URL", about: `the local Gwop (default ${LOCAL})` },
  worker: {
    type: "string",
    value: "URL",
    about: "a Worker instead, whose OPERATOR_TOKEN is in the environment",
  },
  "secret-file": {
    ...SECRET_FILE,
    about: "read the Worker's OPERATOR_TOKEN from a file (- is standard input)",
  },
};

/**
 * Returns the selected place.
 *
 * @returns {Promise<{ isWorker: boolean, ask(path: string, init?: object): Promise<any> }>}
 */
export async function placeOf(values) {
  const isWorker = values.worker !== undefined;
  if (isWorker && values.url !== undefined) throw new UsageError("give either --url or --worker");
  if (!isWorker && values["secret-file"] !== undefined)
    throw new UsageError("--secret-file belongs to --worker: the local Gwop asks for no secret");
  const base = await urlOf(isWorker ? "--worker" : "--url", values.worker ?? values.url ?? LOCAL);
  const token = isWorker ? readSecret(values, "OPERATOR_TOKEN").secret.trim() : undefined;
  return {
    isWorker,
    async ask(path, init = {}) {
      try {
        const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
        return await ask(url, { token, ...init });
      } catch (error) {
        // Without the operator's token, every route is hidden.
        if (isWorker && error.code === "NOT_FOUND") error.message += WHY_NOT_FOUND;
        throw error;
      }
    },
  };
}
