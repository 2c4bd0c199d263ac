/** Converts a `Request` for the handlers. */
import {
  type HandlerResponse,
  type BodyBounds,
  declaredTooLarge,
  gatherBody,
  type Incoming,
  keptBody,
} from "./http.js";

/** Converts the request for the handlers. `cached` returns its body if the framework kept it. */
export function incomingRequest(
  request: Request,
  cached?: () => Promise<Uint8Array> | undefined,
): Incoming {
  const incoming: Incoming = {
    method: request.method,
    headers: request.headers,
    path: () => new URL(request.url).pathname,
    header: (name) => request.headers.get(name) ?? undefined,
    async read(bounds, wasRead) {
      const kept = cached?.();
      if (kept) return keptBody(kept, bounds);
      try {
        if (request.bodyUsed) return wasRead();
        const refused = declaredTooLarge(incoming, bounds);
        if (refused) return refused;
        if (request.body?.locked) return wasRead();
      } catch {
        // Requests that wrap Node's, such as srvx's, do not know whether Node's request was read.
        return wasRead();
      }
      return readStream(request, bounds);
    },
  };
  return incoming;
}

/**
 * Reads the stream and never cancels it: on some hosts, canceling breaks the connection for the
 * next request.
 */
function readStream(request: Request, bounds: BodyBounds): Promise<Uint8Array | HandlerResponse> {
  return gatherBody(bounds, (sink) => {
    void (async () => {
      try {
        // Firefox does not expose a request's stream.
        const stream = request.body ?? new Response(await request.arrayBuffer()).body;
        const reader = stream?.getReader();
        for (let read; reader && !(read = await reader.read()).done; ) {
          if (!sink.add(read.value)) return;
        }
        sink.end();
      } catch {
        sink.broken();
      }
    })();
    return () => {};
  });
}
