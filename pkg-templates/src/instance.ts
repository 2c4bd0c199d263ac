/**
 * The single instance of `gwop.wasm` behind every surface of this package.
 *
 * Each runtime's entry (`load.*.js`) supplies the module. With `@gwop/sdk/slim`, the caller does.
 */
import * as glue from "./generated/gwop_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

export type { WasmSource };

/** Loads the module and holds the instance. */
export const own = /* @__PURE__ */ loading(glue, "gwop");

/**
 * Loads `gwop.wasm` for `@gwop/sdk/slim`, from a compiled module, its bytes, or the `Response` of a
 * `fetch` (or a promise of one of these). Resolves when you can use the whole API. More calls do
 * nothing.
 *
 * After a failure you can call it again.
 *
 * @throws Error if the source is not `gwop.wasm`, or cannot be fetched or compiled. `cause` says why.
 */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
