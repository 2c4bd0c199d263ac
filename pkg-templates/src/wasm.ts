/**
 * The types of `@gwop/sdk/gwop.wasm`, `simulator.wasm` and `agent.wasm`: the result of the import
 * in the runtime or bundler, for `init`.
 */
import type { WasmSource } from "./loading.js";

declare const source: WasmSource;
export default source;
