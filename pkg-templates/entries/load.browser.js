// Browsers: fetched beside the script, which is smaller than bytes in JavaScript and compiled while it comes.
import { init } from "./instance.js";

let url;
try {
  url = new URL("./gwop.wasm", import.meta.url);
} catch (cause) {
  throw new Error(
    "@gwop/sdk: this bundle does not know its own address (import.meta.url). Build ES modules (esbuild: format esm; Rollup: output.format es; webpack: a target of es2022 or newer), or use @gwop/sdk/slim and `await init(fetch(…))`.",
    { cause },
  );
}
try {
  await init(fetch(url));
} catch {
  try {
    // The engine keeps a failed module for as long as the page lives: do not let one lost packet decide that.
    await init(fetch(url, { cache: "reload" }));
  } catch (cause) {
    throw new Error(
      `${cause.message} The browser's entry fetches ${url.href}. If a bundler moved the script, let it copy gwop.wasm too (Vite: optimizeDeps.exclude ["@gwop/sdk"]; esbuild: copy the file beside the bundle), or use @gwop/sdk/slim.`,
      { cause },
    );
  }
}
