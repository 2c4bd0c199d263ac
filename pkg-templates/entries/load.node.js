// Node and Bun: loads the bytes in this file, synchronously. No other file has to be found,
// whatever a tool copies or bundles.
import "./requirements.js";
import text from "./gwop.wasm.base64";
import { own } from "./instance.js";

own.compile(() => Buffer.from(text, "base64"));
