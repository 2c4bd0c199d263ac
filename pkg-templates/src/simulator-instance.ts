/** The one instance of `simulator.wasm`; an entry per runtime (`load-simulator.*.js`) hands over the module. */
import { __wbg_set_wasm, imports } from "./generated/simulator_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

/** How it gets loaded. */
export const own = /* @__PURE__ */ loading({ __wbg_set_wasm, imports }, "simulator");

/** Loads `simulator.wasm`, as the `init` of `@gwop/sdk/slim` does `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
