// Deno: as an ES module, which needs no permission.
import * as exports from "./gwop.wasm";
import { use } from "./instance.js";

use(exports);
