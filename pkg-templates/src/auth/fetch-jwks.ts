/** What a JWK Set is fetched with. */
export interface JwksEndpoint {
  /** Sends one request. */
  readonly httpClient: { request(request: Request): Promise<Response> };
  /** The identity host, such as `https://identity.gwop.io`. */
  readonly identityURL: string;
  /** How long the fetch may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** An answer longer than this is no JWK Set of Gwop's, in bytes. */
const LONGEST_BODY = 512 * 1024;

/**
 * Fetches Gwop's JWK Set: one request without credentials, never redirected.
 *
 * @returns The body as it came; whether it is a JWK Set is for the cache to judge.
 * @throws Error unless it is answered in time with status 200 and a body of at most 512 KiB.
 */
export async function fetchJwks({ httpClient, identityURL, timeoutMs }: JwksEndpoint): Promise<Uint8Array> {
  const controller = new AbortController();
  const { signal } = controller;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new Error(`no JWK Set within ${timeoutMs} ms`);
      // A custom fetcher may not heed the signal.
      reject(reason);
      controller.abort(reason);
    }, timeoutMs);
  });
  try {
    const request = new Request(new URL("/.well-known/jwks.json", identityURL), {
      headers: { accept: "application/json" },
      redirect: "manual",
      signal,
    });
    return await Promise.race([late, httpClient.request(request).then(readJwks)]);
  } finally {
    clearTimeout(timer);
  }
}

async function readJwks(response: Response): Promise<Uint8Array> {
  const { status, body } = response;
  if (status !== 200) {
    void body?.cancel().catch(() => {});
    throw new Error(`the JWK Set was answered with status ${status}, expected 200`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  for (let read; reader && !(read = await reader.read()).done; ) {
    length += read.value.length;
    if (length > LONGEST_BODY) {
      void reader.cancel().catch(() => {});
      throw new Error(`the JWK Set is longer than ${LONGEST_BODY} bytes`);
    }
    chunks.push(read.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
