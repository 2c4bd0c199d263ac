/**
 * `@gwop/sdk/slim`: the whole API, but you load `gwop.wasm` yourself. Use it for service workers,
 * older targets and bundlers that do not find the file. Await {@link init} before the first call.
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
