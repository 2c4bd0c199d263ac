import type { Refusal } from "./generated/gwop_bg.js";

/** Returns the refusal that the wasm threw, or `undefined` for any other value. */
export function readRefusal<T extends Refusal>(thrown: unknown): T | undefined {
  const refusal = thrown as T | null | undefined;
  const isRefusal =
    typeof refusal === "object" &&
    typeof refusal?.code === "string" &&
    typeof refusal.message === "string";
  return isRefusal && !(thrown instanceof Error) ? refusal : undefined;
}
