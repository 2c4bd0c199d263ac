/** The one instance of `simulator.wasm`; an entry per runtime (`load-simulator.*.js`) hands over the module. */
import * as glue from "./generated/simulator_bg.js";
import { loading } from "./loading.js";

export const { use, load, init } = loading(glue, "simulator", "Import it as @gwop/sdk/simulator.");
