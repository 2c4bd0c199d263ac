// Bun: the file's path by its own loader, which `bun build` understands too.
import path from "./gwop.wasm" with { type: "file" };
import { own } from "./instance.js";

// `bun build` leaves a path relative to the bundle, `bun run` an absolute one.
const file = path.startsWith("./") ? `${import.meta.dir}/${path}` : path;
let bytes;
try {
  // `node:fs` alone takes 4 ms to load.
  bytes = Bun.mmap(file);
} catch {
  // On Windows, where the file may not be written, and inside an executable of `bun build --compile`.
  bytes = process.getBuiltinModule("fs").readFileSync(file);
}
own.load(new WebAssembly.Module(bytes));
