import { refuse } from "./errors/refuse.js";
import { isSimulated, markSimulated } from "./hosts.js";
import { type Names, readOptions } from "./options.js";
import { shared } from "./shared.js";

/** Sends a request. `fetch` is one. */
export type Fetcher = (input: Request | URL | string, init?: RequestInit) => Promise<Response>;

/** Called with each attempt before it is sent. It can return another request to send instead. */
export type BeforeRequestHook = (request: Request) => Request | void | Promise<Request | void>;

/** Called when an attempt got no response. */
export type RequestErrorHook = (error: unknown, request: Request) => void | Promise<void>;

/** Called with each response. Clone the response to read its body. */
export type ResponseHook = (response: Response, request: Request) => void | Promise<void>;

/** The options of an {@link HTTPClient}. */
export interface HTTPClientOptions {
  /**
   * Sends the requests. Default: `globalThis.fetch`, looked up for each request. It must not change
   * `redirect: "manual"`.
   */
  fetcher?: Fetcher | undefined;
}

const OPTIONS: Names<HTTPClientOptions> = { fetcher: undefined };

/** The hooks, by when they are called. */
interface Hooks {
  beforeRequest: BeforeRequestHook[];
  requestError: RequestErrorHook[];
  response: ResponseHook[];
}

/** The errors that hooks have thrown. They are not connection errors. */
const thrownByHooks = () => shared("errors of hooks", () => new WeakSet<object>());

/** Returns whether a hook threw the error. */
export function isFromHook(error: unknown): boolean {
  return thrownByHooks().has(error as object);
}

/**
 * Sends the requests of the SDK. Pass one as `new Gwop({ httpClient })` to add hooks, or to replace
 * `fetch`.
 *
 * ```ts
 * const httpClient = new HTTPClient().addHook("beforeRequest", (request) => {
 *   request.headers.set("x-correlation-id", crypto.randomUUID());
 * });
 * ```
 */
export class HTTPClient {
  /**
   * @internal The name as written, also after minification. It is a getter, so that bundlers can
   * drop the class.
   */
  static get name(): string {
    return "HTTPClient";
  }

  readonly #options: HTTPClientOptions;
  readonly #hooks: Hooks = { beforeRequest: [], requestError: [], response: [] };

  /** @throws SDKValidationError if `fetcher` is not a function. */
  constructor(options?: HTTPClientOptions) {
    this.#options = readOptions(options, OPTIONS);
    const { fetcher } = this.#options;
    if (fetcher !== undefined && typeof fetcher !== "function")
      throw refuse("fetcher must be a function, such as fetch");
    if (isSimulated(fetcher)) markSimulated(this);
  }

  /** Sends one request and calls the hooks. Rejects with the error of the fetcher or a hook. */
  async request(request: Request): Promise<Response> {
    const given = request;
    for (const hook of this.#hooks.beforeRequest)
      request = (await guarded(hook, request)) || request;
    // A hook's request would follow redirects and send the merchant key with it.
    if (request.redirect !== "manual") request = new Request(request, { redirect: "manual" });
    if (request !== given) replaced().set(given, request);
    try {
      // Pass no `init`: with one, even `undefined`, Bun drops a `Request`'s method, headers and
      // body.
      const response = await (this.#options.fetcher ?? fetch)(request);
      for (const hook of this.#hooks.response) await guarded(hook, response, request);
      return response;
    } catch (error) {
      for (const hook of this.#hooks.requestError) await guarded(hook, error, request);
      throw error;
    }
  }

  /**
   * Adds a hook. It is called after the hooks that were added before. A `beforeRequest` hook can
   * return another request to send instead.
   */
  addHook(moment: "beforeRequest", hook: BeforeRequestHook): this;
  addHook(moment: "requestError", hook: RequestErrorHook): this;
  addHook(moment: "response", hook: ResponseHook): this;
  addHook(moment: keyof Hooks, hook: BeforeRequestHook | RequestErrorHook | ResponseHook): this {
    const list = this.#list(moment);
    if (typeof hook !== "function") throw refuse("hook must be a function");
    list.push(hook);
    return this;
  }

  /** Removes a hook. Does nothing if it was not added. */
  removeHook(moment: "beforeRequest", hook: BeforeRequestHook): this;
  removeHook(moment: "requestError", hook: RequestErrorHook): this;
  removeHook(moment: "response", hook: ResponseHook): this;
  removeHook(moment: keyof Hooks, hook: BeforeRequestHook | RequestErrorHook | ResponseHook): this {
    const list = this.#list(moment);
    const index = list.indexOf(hook);
    if (index >= 0) list.splice(index, 1);
    return this;
  }

  /**
   * Returns a new client with the same fetcher and the same hooks. You can add more hooks to it.
   */
  clone(): HTTPClient {
    const clone = new HTTPClient(this.#options);
    for (const [moment, hooks] of Object.entries(this.#hooks)) clone.#list(moment).push(...hooks);
    return clone;
  }

  #list(moment: string): unknown[] {
    if (!Object.hasOwn(this.#hooks, moment)) {
      throw new Error(
        `Invalid hook type: ${String(moment)}. Expected beforeRequest, requestError or response`,
      );
    }
    return this.#hooks[moment as keyof Hooks];
  }
}

/** The requests that hooks have replaced, with their replacements. */
const replaced = () => shared("replaced requests", () => new WeakMap<Request, Request>());

/** Returns the request that was sent: the same one, unless a hook replaced it. */
export function sentAs(request: Request): Request {
  return replaced().get(request) ?? request;
}

/** Calls a hook and remembers the error that it throws. */
async function guarded<Given extends unknown[], T>(
  hook: (...given: Given) => T | Promise<T>,
  ...given: Given
): Promise<T> {
  try {
    return await hook(...given);
  } catch (error) {
    // A `WeakSet` accepts only objects.
    if (error === Object(error)) thrownByHooks().add(error as object);
    throw error;
  }
}
