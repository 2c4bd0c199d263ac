/** The one instance of `simulator.wasm`; an entry per kind of runtime hands over the module. */
import * as glue from "./generated/simulator_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

/** How it gets loaded. */
export const own = /* @__PURE__ */ loading(glue, "simulator");

/** Loads `simulator.wasm`, as the `init` of `@gwop/sdk/slim` does `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
