// Cloudflare Workers: workerd compiles the module before the Worker starts.
import module from "./gwop.wasm";
import { own } from "./instance.js";

own.load(module);
