// Browsers: fetches the file next to the script. It is smaller than bytes in JavaScript, and the
// browser compiles it during the download.
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
    // The engine keeps a failed module until the page closes: one lost packet must not cause that.
    await init(fetch(url, { cache: "reload" }));
  } catch (cause) {
    throw new Error(
      `${cause.message} The browser's entry fetches ${url.href}. If a bundler moved the script, let it copy gwop.wasm too (Vite: optimizeDeps.exclude ["@gwop/sdk"]; esbuild: copy the file beside the bundle), or use @gwop/sdk/slim.`,
      { cause },
    );
  }
}
