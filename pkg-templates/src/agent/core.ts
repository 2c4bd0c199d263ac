import type * as Core from "../generated/agent_bg.js";
import { sharedBefore } from "../shared.js";

let core: typeof Core | undefined;

/** Returns the functions of `agent.wasm`, which contain the rules. */
export function agentCore(): typeof Core {
  core ??= sharedBefore<typeof Core>("agent.wasm");
  if (!core) throw new Error("@gwop/sdk: agent.wasm is not loaded. Import it as @gwop/sdk/agent.");
  return core;
}
