import type { Refusal } from "./generated/gwop_bg.js";

/** The refusal that the wasm threw; `undefined` for anything else. */
export function readRefusal<T extends Refusal>(thrown: unknown): T | undefined {
  const refusal = thrown as T | null | undefined;
  const isRefusal =
    typeof refusal === "object" &&
    typeof refusal?.code === "string" &&
    typeof refusal.message === "string";
  return isRefusal && !(thrown instanceof Error) ? refusal : undefined;
}
