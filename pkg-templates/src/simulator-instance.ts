/** The one instance of `simulator.wasm`; an entry per runtime (`load-simulator.*.js`) hands over the module. */
import { __wbg_set_wasm, imports } from "./generated/simulator_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

const own = loading({ __wbg_set_wasm, imports }, "simulator", "Import it as @gwop/sdk/simulator.");

export const { use, load } = own;

/** Loads `simulator.wasm`, as the `init` of `@gwop/sdk/slim` does `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
