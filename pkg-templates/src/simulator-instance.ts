/** The one instance of `simulator.wasm`; an entry per runtime (`load-simulator.*.js`) hands over the module. */
import * as glue from "./generated/simulator_bg.js";
import { loading, notLoaded, start, type WasmSource } from "./loading.js";

glue.__wbg_set_wasm(notLoaded("simulator", "Import it as @gwop/sdk/simulator."));

/** How it gets loaded. */
export const own = /* @__PURE__ */ loading(glue, "simulator");

/** Loads `simulator.wasm`, as the `init` of `@gwop/sdk/slim` does `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
