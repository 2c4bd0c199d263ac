/** The one instance of `agent.wasm`; an entry per kind of runtime hands over the module. */
import * as glue from "./generated/agent_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

/** How it gets loaded. */
export const own = /* @__PURE__ */ loading(glue, "agent");

/** Loads `agent.wasm`, as the `init` of `@gwop/sdk/slim` does `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
