// Cloudflare Workers and Vercel's Edge Runtime: the wasm is compiled before the program starts, and
// nothing may be compiled later. `?module` asks for a WebAssembly.Module, because a plain `.wasm`
// means different things to different tools.
import module from "./gwop.wasm?module";
import { own } from "./instance.js";

own.load(module);
