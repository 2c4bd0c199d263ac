/**
 * The one instance of each wasm, by the functions that wasm-bindgen made for it.
 *
 * Nothing here imports that code, so that `/errors`, `/handlers` and `/stores` load where it cannot: it asks for
 * `TextDecoder` and `WebAssembly` at once, which Jest's jsdom lacks.
 */
import type * as Gwop from "./generated/gwop_bg.js";
import type * as Simulator from "./generated/simulator_bg.js";
import { sharedBefore } from "./shared.js";

let gwop: typeof Gwop | undefined;
let simulator: typeof Simulator | undefined;

/** The functions of `gwop.wasm`. Throws what to do while it is not loaded. */
export function core(): typeof Gwop {
  return (gwop ??= loaded<typeof Gwop>(
    "gwop.wasm",
    "Import @gwop/sdk (or /checkout), which loads it; with @gwop/sdk/slim, `await init(…)` before the first call.",
  ));
}

/** The functions of `simulator.wasm`, likewise. */
export function simulatorCore(): typeof Simulator {
  return (simulator ??= loaded<typeof Simulator>(
    "simulator.wasm",
    "Import it as @gwop/sdk/simulator.",
  ));
}

function loaded<T extends object>(name: string, advice: string): T {
  const found = sharedBefore<T>(name);
  if (!found) throw new Error(`@gwop/sdk: ${name} is not loaded yet. ${advice}`);
  return found;
}
