// Types for projects that have the types of browsers.
import { HTTPClient } from "@gwop/sdk";
import { init } from "@gwop/sdk/slim";
import type { RequestOptions } from "@gwop/sdk/types";

export const load = (module: WebAssembly.Module): Promise<void> => init(module);
export const given = (headers: HeadersInit): RequestOptions => ({ headers });
export const client = new HTTPClient({ fetcher: fetch });
export const sent = (
  fetcher: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>,
) => new HTTPClient({ fetcher });
