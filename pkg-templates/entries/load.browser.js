// Browsers, and whatever else has `fetch` and top-level await.
import { init } from "./instance.js";

const url = new URL("./gwop.wasm", import.meta.url);
try {
  await init(fetch(url));
} catch {
  // The engine keeps a failed module for as long as the page lives: do not let one lost packet decide that.
  await init(fetch(url, { cache: "reload" }));
}
