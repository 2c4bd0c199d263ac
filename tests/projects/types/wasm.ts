// The modules themselves, for /slim: `init` accepts every runtime's and bundler's import of them.
import simulator from "@gwop/sdk/simulator.wasm";
import wasm from "@gwop/sdk/gwop.wasm";
import { init, type WasmSource } from "@gwop/sdk/slim";

export const both: WasmSource[] = [wasm, simulator];
export const ready: Promise<void> = init(wasm);
export const fetched: Promise<void> = init(fetch("https://shop.example/gwop.wasm"));
export const read = (bytes: Uint8Array, buffer: ArrayBuffer): Promise<void>[] => [
  init(bytes),
  init(buffer),
];
// @ts-expect-error A path is no module.
export const wrong = (): Promise<void> => init("gwop.wasm");
