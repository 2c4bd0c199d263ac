// Vercel's Edge Runtime: compiled before the function starts.
import module from "./gwop.wasm?module";
import { load } from "./instance.js";

load(module);
