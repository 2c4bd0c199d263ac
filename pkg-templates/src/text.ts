/** Created on first use: Jest's jsdom has no `TextEncoder`, and code for errors needs none. */
let encoder: TextEncoder | undefined;

/**
 * Returns the bytes of a text. The wasm's own loop over characters is slower for long texts.
 */
export function encode(text: string): Uint8Array {
  return (encoder ??= new TextEncoder()).encode(text);
}
