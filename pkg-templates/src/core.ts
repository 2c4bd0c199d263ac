/**
 * The single instance of each wasm, as the functions that wasm-bindgen created for it.
 *
 * This module does not import wasm-bindgen's code, so that `/errors`, `/handlers` and `/stores`
 * load where that code cannot: it needs `TextDecoder` and `WebAssembly` at once, which Jest's jsdom
 * lacks.
 */
import type * as Gwop from "./generated/gwop_bg.js";
import type * as Simulator from "./generated/simulator_bg.js";
import { sharedBefore } from "./shared.js";

let gwop: typeof Gwop | undefined;
let simulator: typeof Simulator | undefined;

/**
 * Returns the functions of `gwop.wasm`. If it is not loaded, throws an error that says what to do.
 */
export function core(): typeof Gwop {
  return (gwop ??= loaded<typeof Gwop>(
    "gwop.wasm",
    "Import @gwop/sdk (or /checkout), which loads it; with @gwop/sdk/slim, `await init(…)` before the first call.",
  ));
}

/** Returns the functions of `simulator.wasm`, in the same way. */
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
