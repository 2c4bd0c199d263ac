/**
 * `@gwop/sdk/slim`: the whole API, but the caller loads `gwop.wasm`, for service workers, older targets and bundlers
 * that need a hand. Await {@link init} before the first call.
 *
 * ```ts
 * import { Gwop, init } from "@gwop/sdk/slim";
 *
 * await init(fetch("/assets/gwop.wasm"));
 * const gwop = new Gwop();
 * ```
 */
export * from "./index.js";
export { init, type WasmSource } from "./instance.js";
