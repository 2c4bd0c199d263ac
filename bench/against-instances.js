// A Worker that creates instances: `/?build=now|before&count=…`.
import before from "@gwop/before/gwop.wasm";
import now from "@gwop/now/gwop.wasm";

const MODULES = { before, now };

export default {
  fetch(request) {
    const { searchParams } = new URL(request.url);
    const module = MODULES[searchParams.get("build")];
    // The imports are never called during instantiation.
    const imports = {};
    for (const { module: from, name } of module ? WebAssembly.Module.imports(module) : [])
      (imports[from] ??= {})[name] = () => {};
    for (let left = Number(searchParams.get("count")); left > 0; left--)
      new WebAssembly.Instance(module, imports);
    return new Response();
  },
};
