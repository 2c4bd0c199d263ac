// Deno, `require` outside Node, and all runtimes without an entry of their own: loads the bytes in
// this file, synchronously.
import "./requirements.js";
import text from "./gwop.wasm.base64";
import { own } from "./instance.js";

// `Uint8Array.fromBase64` exists since 2025.
const decode = (text) =>
  Uint8Array.fromBase64?.(text) ??
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

own.compile(() => decode(text));
