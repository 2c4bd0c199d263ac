/** The one instance of `simulator.wasm`; an entry per runtime (`load-simulator.*.js`) hands over the module. */
import { __wbg_set_wasm, imports } from "./generated/simulator_bg.js";
import { loading } from "./loading.js";

export const { use, load, init } = loading({ __wbg_set_wasm, imports }, "simulator", "Import it as @gwop/sdk/simulator.");
