// The first verified webhook of a fresh isolate. `/instances?count=…` creates more wasm instances.
import { Gwop } from "@gwop/sdk";
import module from "@gwop/sdk/gwop.wasm";

const gwop = new Gwop({ webhookSecret: process.env.BENCH_SECRET });

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/instances") {
      // The imports are never called during instantiation.
      const imports = {};
      for (const { module: from, name } of WebAssembly.Module.imports(module))
        (imports[from] ??= {})[name] = () => {};
      for (let left = Number(searchParams.get("count")); left > 0; left--)
        new WebAssembly.Instance(module, imports);
      return new Response();
    }
    if (request.method === "POST") await gwop.validateWebhook({ request });
    return new Response();
  },
};
