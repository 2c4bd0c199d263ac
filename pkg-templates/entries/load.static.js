// Cloudflare Workers and Vercel's Edge Runtime: compiled before the program starts, and nothing may be compiled later.
// `?module` asks for a WebAssembly.Module: a bare `.wasm` means different things to different tools.
import module from "./gwop.wasm?module";
import { own } from "./instance.js";

own.load(module);
