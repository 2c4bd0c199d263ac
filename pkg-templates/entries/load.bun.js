// Bun: the file's path by its own loader, which `bun build` understands too.
import path from "./gwop.wasm" with { type: "file" };
import { load } from "./instance.js";

// `bun build` leaves a path relative to the bundle, `bun run` an absolute one.
const file = path.startsWith("./") ? `${import.meta.dir}/${path}` : path;
load(new WebAssembly.Module(process.getBuiltinModule("fs").readFileSync(file)));
