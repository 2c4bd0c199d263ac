/** Loads one wasm module. The code is the same for every module of this package. */
import { shared, sharedBefore } from "./shared.js";

/** wasm-bindgen's glue of a module. The module imports what it exports. */
export interface Glue {
  /** Gives the instance's exports to the glue. */
  __wbg_set_wasm(exports: object): void;
}

/**
 * The source of a module: a `WebAssembly.Module`, its bytes (an `ArrayBuffer` or a view of one), or
 * the `Response` of a `fetch` of it.
 *
 * The type names none of them, because not every project's TypeScript declares `WebAssembly`.
 */
export type WasmSource = object;

/** The loading functions of one module. */
export interface Loading {
  /** The module's name: `NAME.wasm`. */
  readonly name: string;
  /** The objects that the module imports. */
  readonly imports: Readonly<Record<string, object>>;
  /**
   * Returns whether an instance is in use, of this copy of the package or of another one in this
   * process.
   */
  started(): boolean;
  /**
   * Uses a finished instance. Later ones are ignored: state and classes belong to the first one.
   */
  use(exports: object): void;
  /** Instantiates a compiled module synchronously. */
  load(module: object): void;
  /**
   * Compiles and instantiates the bytes synchronously. Gets them only if there is no instance yet.
   */
  compile(bytes: () => Uint8Array): void;
}

/**
 * Creates the loading functions of `NAME.wasm`, which imports its glue as `./NAME_bg.js`. Nothing
 * happens until one of them is called.
 */
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
 * Loads a module from a source that can be awaited. A failure is not remembered.
 *
 * It is separate from {@link loading}, so that bundlers drop it if the module comes compiled.
 */
export async function start(
  own: Loading,
  source: WasmSource | PromiseLike<WasmSource>,
): Promise<void> {
  const { name } = own;
  const imports = own.imports as WebAssembly.Imports;
  try {
    // Always await the source, so that its rejection is handled.
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

/**
 * Returns whether it is a compiled module, of this realm or another one (Jest has its own realm).
 */
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
  // Streaming requires exactly this media type, without parameters. Some servers send another one.
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
