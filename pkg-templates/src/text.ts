/** Made on first use: Jest's jsdom has none, and what only handles errors needs none. */
let encoder: TextEncoder | undefined;

/** The bytes of a text. The wasm's own way, a loop over its characters, takes longer but for short ones. */
export function encode(text: string): Uint8Array {
  return (encoder ??= new TextEncoder()).encode(text);
}
