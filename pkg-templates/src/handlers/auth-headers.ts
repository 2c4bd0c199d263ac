/**
 * The headers by which `gwopProxy` tells routes who the agent is; the Worker's forward auth uses the same. Those of a request that comes
 * in are dropped, under every name that an app may take for one of them: in any case, and with `_` for `-`.
 */
export const IDENTITY_HEADERS = [
  "x-gwop-subject",
  "x-gwop-chain",
  "x-gwop-wallet",
  "x-gwop-session",
] as const;

/**
 * Whether an app may take this header for one of {@link IDENTITY_HEADERS}. CGI, and with it WSGI, Rack and PHP, write `-` as `_`: there
 * `X_Gwop_Subject` is the same variable as `X-Gwop-Subject` (RFC 3875, section 4.1.18).
 */
export function isIdentityHeader(name: string): boolean {
  return (IDENTITY_HEADERS as readonly string[]).includes(name.toLowerCase().replaceAll("_", "-"));
}

/** The request without headers that claim an identity: the same one, unless its headers cannot be changed. */
export function withoutIdentityHeaders<R extends Request>(request: R): R {
  const claimed = [...request.headers.keys()].filter(isIdentityHeader);
  if (claimed.length === 0) return request;
  try {
    for (const name of claimed) request.headers.delete(name);
    return request;
  } catch {
    // Cloudflare's are immutable.
  }
  const headers = new Headers(request.headers);
  for (const name of claimed) headers.delete(name);
  const { method, signal, url, bodyUsed } = request;
  // A body that was read is not there to be handed on: whoever read it has it.
  return (
    bodyUsed ? new Request(url, { method, signal, headers }) : new Request(request, { headers })
  ) as R;
}

/** Whether a header can carry the value: printable ASCII without white space, as all of Gwop's subjects and sessions are. */
export function isHeaderValue(value: string): boolean {
  return /^[!-~]*$/.test(value);
}
