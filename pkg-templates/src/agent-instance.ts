/** The single instance of `agent.wasm`. Each runtime's entry supplies the module. */
import * as glue from "./generated/agent_bg.js";
import { loading, start, type WasmSource } from "./loading.js";

/** Loads the module and holds the instance. */
export const own = /* @__PURE__ */ loading(glue, "agent");

/** Loads `agent.wasm`, like `init` of `@gwop/sdk/slim` loads `gwop.wasm`. */
export function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  return start(own, source);
}
