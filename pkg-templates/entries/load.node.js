// Node and Bun: from the bytes in this file, synchronously. There is no other file to find, whatever a tool copies or bundles.
import "./requirements.js";
import text from "./gwop.wasm.base64";
import { own } from "./instance.js";

own.compile(() => Buffer.from(text, "base64"));
