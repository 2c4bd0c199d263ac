import { core } from "../core.js";

/**
 * The headers in which `gwopProxy` tells routes who the agent is. The Worker's forward auth uses
 * the same ones. They are removed from incoming requests, under every name that an app may read as
 * one of them: in any case, and with `_` instead of `-`.
 */
export const IDENTITY_HEADERS = [
  "x-gwop-subject",
  "x-gwop-chain",
  "x-gwop-wallet",
  "x-gwop-session",
] as const;

/**
 * Returns whether an app may read this header as one of {@link IDENTITY_HEADERS}. CGI, and with it
 * WSGI, Rack and PHP, replaces `-` by `_`: there, `X_Gwop_Subject` is the same variable as
 * `X-Gwop-Subject` (RFC 3875, section 4.1.18).
 */
export function isIdentityHeader(name: string): boolean {
  // The other names need no call of the wasm.
  return /^x.gwop/i.test(name) && core().claimsIdentity(name);
}

/**
 * Removes headers that claim an identity. Returns the same request, unless its headers are
 * immutable.
 */
export function withoutIdentityHeaders<R extends Request>(request: R): R {
  const claimed = [...request.headers.keys()].filter(isIdentityHeader);
  if (claimed.length === 0) return request;
  try {
    for (const name of claimed) request.headers.delete(name);
    return request;
  } catch {
    // Headers on Cloudflare are immutable.
  }
  const headers = new Headers(request.headers);
  for (const name of claimed) headers.delete(name);
  const { method, signal, url, bodyUsed } = request;
  // A body that was read cannot be passed on: the code that read it has it.
  return (
    bodyUsed ? new Request(url, { method, signal, headers }) : new Request(request, { headers })
  ) as R;
}
