// Cloudflare Workers: workerd compiles the module before the Worker starts.
import module from "./gwop.wasm";
import { load } from "./instance.js";

load(module);
