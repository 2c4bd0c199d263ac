// Node: from the file beside this one, synchronously, so that `require(esm)` works too.
import { own } from "./instance.js";

const url = new URL("./gwop.wasm", import.meta.url);
let bytes;
try {
  // Importing it would load all that `node:fs` can do, streams too: 1 ms.
  const { readFileSync } = process.getBuiltinModule("node:fs");
  bytes = readFileSync(url);
} catch (cause) {
  throw new Error(
    `@gwop/sdk: cannot read ${url.href}. If a bundler moved this code, copy gwop.wasm beside the bundle, mark @gwop/sdk as external, or use @gwop/sdk/slim.`,
    { cause },
  );
}
own.load(new WebAssembly.Module(bytes));
