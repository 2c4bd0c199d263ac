import { type Names, readOptions } from "../options.js";
import { type Agent, PAY } from "./agent.js";
import { invalidOption } from "./error.js";
import { hex } from "./signers.js";

/** The options of {@link createPayingFetch}. */
export interface PayingFetchOptions {
  /** Sends the requests. Default: the runtime's `fetch`. */
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  /**
   * Whether to pay again if an earlier payment for the same request may have settled without a
   * response (`PAID_WITHOUT_ANSWER`, `MAY_BE_PAID`). Default `false`: this needs a decision.
   */
  buyAnew?: boolean | undefined;
}

const FETCH_OPTIONS: Names<PayingFetchOptions> = { fetch: undefined, buyAnew: undefined };

/**
 * Creates a `fetch` that pays when an x402 server responds with 402, within the agent's limits and
 * with its journal.
 *
 * The same request (method, URL and body) is one purchase until it gets a response. Until then,
 * another call sends the same payment again, also after `PAID_WITHOUT_ANSWER`. After a response,
 * the same request is a new purchase. Redirects are not followed: the function returns them as
 * they are.
 *
 * @throws AgentError if the request was not paid, or if nobody knows whether it was. If there was
 * nothing to pay, it throws what the runtime's `fetch` throws.
 */
export function createPayingFetch(
  agent: Agent,
  options: PayingFetchOptions = {},
): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  const { fetch: send = (request: Request) => fetch(request), buyAnew: anew = false } = readOptions(
    options,
    FETCH_OPTIONS,
    invalidOption,
  );
  if (typeof anew !== "boolean") throw invalidOption("`buyAnew`: expected a boolean");
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, url, signal } = request;
    const body = await request.arrayBuffer();
    const name = new TextEncoder().encode(`${method}\n${url}\n`);
    const named = new Uint8Array(name.length + body.byteLength);
    named.set(name);
    named.set(new Uint8Array(body), name.length);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", named));
    const key = `fetch:${hex(digest)}`;
    let delivered: Response | undefined;
    let sent = 0;
    let thrown: unknown;
    try {
      await agent[PAY]({ fetch: { key, method, url, anew } }, async (payment) => {
        const headers = new Headers(request.headers);
        if (payment) headers.set(...payment);
        sent += 1;
        const turn = sent;
        try {
          const response = await send(
            // Reading uses up a body, so it is given again. An empty one cannot be: GET has none.
            new Request(request.bodyUsed && !body.byteLength ? url : request, {
              method,
              headers,
              signal,
              redirect: "manual",
              // The body of the 402 has another hash.
              integrity: "",
              ...(body.byteLength && { body }),
            }),
          );
          // A response that arrives too late must not answer a later request.
          if (turn === sent) delivered = response;
          return response;
        } catch (error) {
          if (!payment) thrown = error;
          throw error;
        }
      });
    } catch (error) {
      // Nothing had to be paid yet: fail like `fetch` itself.
      throw thrown ?? error;
    }
    return delivered as Response;
  };
}
