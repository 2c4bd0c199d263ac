// Deno: as an ES module, which needs no permission.
import * as exports from "./gwop.wasm";
import { own } from "./instance.js";

own.use(exports);
