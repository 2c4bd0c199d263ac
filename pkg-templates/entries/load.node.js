// Node: from the file beside this one, synchronously, so that `require(esm)` works too.
import { load } from "./instance.js";

const url = new URL("./gwop.wasm", import.meta.url);
// An `import` of node:fs takes 3 ms more.
const fs = process.getBuiltinModule?.("fs");
if (!fs) throw new Error(`@gwop/sdk needs Node 20.16, 22.3 or later, not ${process.version}: update it, or use @gwop/sdk/slim.`);
let bytes;
try {
  bytes = fs.readFileSync(url);
} catch (cause) {
  throw new Error(
    `@gwop/sdk: cannot read ${url.href}. If a bundler moved this code, copy gwop.wasm beside the bundle, mark @gwop/sdk as external, or use @gwop/sdk/slim.`,
    { cause },
  );
}
load(new WebAssembly.Module(bytes));
