/**
 * The one instance of `gwop.wasm` behind every surface of this package.
 *
 * An entry per runtime (`load.*.js`) hands over the module; `@gwop/sdk/slim` lets the caller do it.
 */
import * as glue from "./generated/gwop_bg.js";

/** What `gwop.wasm` imports, by the name that wasm-bindgen gave its glue. */
const imports = { "./gwop_bg.js": glue } as unknown as WebAssembly.Imports;

let started = false;

glue.__wbg_set_wasm(
  new Proxy(
    {},
    {
      get(): never {
        throw new Error(
          "@gwop/sdk: gwop.wasm is not loaded yet. With @gwop/sdk/slim, `await init(…)` before the first call.",
        );
      },
    },
  ),
);

/** Takes a finished instance into use. Later ones are ignored: state and classes belong to the first. */
export function use(exports: WebAssembly.Exports): void {
  if (started) return;
  glue.__wbg_set_wasm(exports);
  (exports["__wbindgen_start"] as () => void)();
  started = true;
}

/** Instantiates a compiled module synchronously. */
export function load(module: WebAssembly.Module): void {
  if (!started) use(new WebAssembly.Instance(module, imports).exports);
}

/** What {@link init} takes `gwop.wasm` from. */
export type WasmSource = WebAssembly.Module | BufferSource | Response;

/**
 * Loads `gwop.wasm` for `@gwop/sdk/slim`, from a compiled module, its bytes, or the `Response` of a `fetch` of it
 * (or a promise of one of these). Resolves when the whole API can be used; further calls do nothing.
 *
 * A failure is not remembered: calling again tries again.
 *
 * @throws Error when the source is not `gwop.wasm`, or cannot be fetched or compiled; `cause` tells why.
 */
export async function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  if (started) return;
  try {
    const given = await source;
    if (given instanceof WebAssembly.Module) {
      use((await WebAssembly.instantiate(given, imports)).exports);
    } else {
      const { instance } = await (isResponse(given) ? fromResponse(given) : WebAssembly.instantiate(given, imports));
      use(instance.exports);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`@gwop/sdk: gwop.wasm could not be loaded: ${reason}`, { cause });
  }
}

function isResponse(value: object): value is Response {
  return "arrayBuffer" in value && typeof value.arrayBuffer === "function";
}

async function fromResponse(response: Response): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  const type = response.headers.get("content-type") ?? "none";
  if (!response.ok) throw new Error(`the server answered ${response.status} for ${response.url}`);
  // Streaming insists on the media type, which not every server gives.
  if (type.startsWith("application/wasm")) return WebAssembly.instantiateStreaming(response, imports);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0 || bytes[1] !== 0x61) {
    throw new Error(`${response.url} is not WebAssembly (media type ${type}); is gwop.wasm deployed there?`);
  }
  return WebAssembly.instantiate(bytes, imports);
}
