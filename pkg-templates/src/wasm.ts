/** The types of `@gwop/sdk/gwop.wasm`, `simulator.wasm` and `agent.wasm`: what the runtime or bundler makes of the import, for `init`. */
import type { WasmSource } from "./loading.js";

declare const source: WasmSource;
export default source;
