/** The functions that load one wasm module, the same for every module of this package. */
import { shared, sharedBefore } from "./shared.js";

/** wasm-bindgen's glue of a module, which exports what the module imports. */
export interface Glue {
  /** Gives the glue its instance. */
  __wbg_set_wasm(exports: object): void;
}

/**
 * What a module is loaded from: a `WebAssembly.Module`, its bytes (an `ArrayBuffer` or a view of one), or the `Response` of a `fetch` of it.
 *
 * It names none of them, since not every project's TypeScript declares `WebAssembly`.
 */
export type WasmSource = object;

/** How a module gets loaded. */
export interface Loading {
  /** The module's name: `NAME.wasm`. */
  readonly name: string;
  /** What the module imports. */
  readonly imports: Readonly<Record<string, object>>;
  /** Whether an instance is in use, of this copy of the package or of another one in this process. */
  started(): boolean;
  /** Takes a finished instance into use. Later ones are ignored: state and classes belong to the first. */
  use(exports: object): void;
  /** Instantiates a compiled module synchronously. */
  load(module: object): void;
  /** The same, from the module's bytes, which are asked for only where there is no instance yet. */
  compile(bytes: () => Uint8Array): void;
}

/** Makes the loading functions of `NAME.wasm`, which imports its glue as `./NAME_bg.js`. Without effect until one is called. */
export function loading(glue: Glue, name: string): Loading {
  const imports = { [`./${name}_bg.js`]: glue };
  const key = `${name}.wasm`;
  const own: Loading = {
    name,
    imports,
    started: () => sharedBefore(key) !== undefined,
    use(exports) {
      if (own.started()) return;
      glue.__wbg_set_wasm(exports);
      (exports as { __wbindgen_start(): void }).__wbindgen_start();
      shared(key, () => glue);
    },
    load(module) {
      if (own.started()) return;
      if (!isModule(module)) {
        throw new Error(
          `@gwop/sdk: the bundler made something else of the import of ${key}?module than a WebAssembly.Module (${typeof module}). Turn on its WebAssembly modules (Nitro: experimental.wasm), or use @gwop/sdk/slim and \`await init(…)\`.`,
        );
      }
      own.use(new WebAssembly.Instance(module, imports as unknown as WebAssembly.Imports).exports);
    },
    compile(bytes) {
      if (!own.started()) own.load(new WebAssembly.Module(bytes() as BufferSource));
    },
  };
  return own;
}

/**
 * Loads a module from what can be awaited. A failure is not remembered.
 *
 * It stands apart from {@link loading}, so that bundlers leave it out where the module comes compiled.
 */
export async function start(
  own: Loading,
  source: WasmSource | PromiseLike<WasmSource>,
): Promise<void> {
  const { name } = own;
  const imports = own.imports as WebAssembly.Imports;
  try {
    // Awaited in any case: a rejected promise must have somebody who listens.
    const given = await source;
    if (own.started()) return;
    if (isModule(given)) {
      own.use((await WebAssembly.instantiate(given, imports)).exports);
    } else {
      const loaded = isResponse(given)
        ? fromResponse(given, name, imports)
        : WebAssembly.instantiate(given as BufferSource, imports);
      const { instance } = await loaded;
      own.use(instance.exports);
    }
  } catch (cause) {
    if (own.started()) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`@gwop/sdk: ${name}.wasm could not be loaded: ${reason}`, { cause });
  }
}

/** Whether it is a compiled module, of this realm or another one (Jest runs tests in a realm of their own). */
function isModule(value: object): value is WebAssembly.Module {
  return Object.prototype.toString.call(value) === "[object WebAssembly.Module]";
}

function isResponse(value: object): value is Response {
  return (
    typeof value === "object" &&
    value !== null &&
    "arrayBuffer" in value &&
    typeof value.arrayBuffer === "function"
  );
}

async function fromResponse(
  response: Response,
  name: string,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  const type = response.headers.get("content-type") ?? "none";
  if (!response.ok)
    throw new Error(`the server answered ${response.status} for ${response.url || "the module"}`);
  // Streaming insists on exactly this media type, without parameters; not every server gives it so.
  if (type.trim().toLowerCase() === "application/wasm")
    return WebAssembly.instantiateStreaming(response, imports);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0 || bytes[1] !== 0x61) {
    throw new Error(
      `${response.url || "the response"} is not WebAssembly (media type ${type}); is ${name}.wasm deployed there?`,
    );
  }
  return WebAssembly.instantiate(bytes, imports);
}
