// Vercel's Edge Runtime: compiled before the function starts.
import module from "./gwop.wasm?module";
import { own } from "./instance.js";

own.load(module);
