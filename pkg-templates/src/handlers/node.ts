/** The common part of all hosts with Node's requests and responses. */
import { isIdentityHeader } from "./auth-headers.js";
import {
  type HandlerResponse,
  type BodyBounds,
  declaredTooLarge,
  gatherBody,
  type Incoming,
  keptBody,
  wholeBody,
} from "./http.js";

/** The part of Node's `IncomingMessage`, or of another stream, that reads the body. */
export interface NodeStream extends AsyncIterable<Uint8Array | string> {
  on?(event: string, listener: (...values: any[]) => void): unknown;
  removeListener?(event: string, listener: (...values: any[]) => void): unknown;
  listenerCount?(event: string): number;
  isPaused?(): boolean;
  resume?(): unknown;
  pause?(): unknown;
  /** Whether any bytes of the stream were read. */
  readableDidRead?: boolean | undefined;
  /** Whether the stream was read to its end. */
  readableEnded?: boolean | undefined;
  /** The encoding into which bytes are decoded. Null if they are not decoded. */
  readableEncoding?: string | null | undefined;
  destroyed?: boolean | undefined;
}

/** The part of Node's `IncomingMessage` that the adapters use. */
export interface NodeRequest extends NodeStream {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  /** Names and values in turn, as they arrived. */
  rawHeaders?: string[] | undefined;
  /** Like `headers`, with a list of values for each name. */
  headersDistinct?: Record<string, string[] | undefined> | undefined;
  httpVersionMajor?: number | undefined;
}

/** The part of Node's `ServerResponse` that the adapters use. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body?: Uint8Array | string): unknown;
}

/** Replacements that a framework has for Node's own values. */
export interface NodeExtras {
  /** The path as it arrived. */
  url?: string | undefined;
  /** The body, if the framework kept or parsed it. */
  body?: unknown;
  /** The stream with the body. */
  stream?: NodeStream | undefined;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** Returns the bytes of a body that was read as text or bytes. A missing body counts as empty. */
const bytesOf = (read: unknown): Uint8Array =>
  read instanceof Uint8Array ? read : encode(typeof read === "string" ? read : "");

/** Converts a request for the handlers. */
export function incomingOf(
  request: NodeRequest,
  { url, body, stream = request }: NodeExtras = {},
): Incoming {
  const { headers } = request;
  const incoming: Incoming = {
    method: request.method ?? "GET",
    headers,
    // A path can start with two slashes, so it must not be parsed as a relative URL.
    path: () => new URL(`http://localhost${url ?? request.url ?? "/"}`).pathname,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    async read(bounds, wasRead) {
      if (body instanceof Uint8Array) return wholeBody(body, bounds);
      if (typeof body === "string") return wholeBody(encode(body), bounds);
      // The framework may still be reading it.
      if (body instanceof Promise) return keptBody(body.then(bytesOf), bounds);
      // Parsers also return `{}` for an empty body. Then nothing is lost.
      if (headers["content-length"] === "0") return new Uint8Array();
      if (isEmptyToItsEnd(stream)) return new Uint8Array();
      if (isTaken(stream, body)) return wasRead();
      return (
        declaredTooLarge(incoming, bounds) ??
        readStream(stream, bounds, stream === request ? lengthOf(headers) : NaN)
      );
    },
  };
  return incoming;
}

/** Returns the declared length of the body. Node enforces it. */
const lengthOf = (headers: NodeRequest["headers"]) => Number(headers["content-length"] ?? NaN);

/** Returns whether the stream ended without any bytes. */
const isEmptyToItsEnd = ({ readableEnded, readableDidRead }: NodeStream) =>
  readableEnded === true && readableDidRead === false;

/**
 * Returns whether other code has already taken pieces of the body, or the original bytes are not
 * available.
 */
function isTaken(
  { readableDidRead, readableEnded, readableEncoding }: NodeStream,
  parsed: unknown,
): boolean {
  if (readableDidRead === true || readableEnded === true) return true;
  if (readableEncoding && !/^utf-?8$/i.test(readableEncoding)) return true;
  // Express 4's parsers leave `{}` for media types that they do not read.
  return parsed !== undefined && parsed !== null && readableDidRead !== false;
}

/**
 * Reads a stream, even if other code has started to read and has received nothing yet. Listeners
 * all receive every piece, whereas iterators would take pieces from each other.
 */
function readStream(
  stream: NodeStream,
  bounds: BodyBounds,
  length: number,
): Promise<Uint8Array | HandlerResponse> {
  return gatherBody(bounds, (sink) => {
    const add = (chunk: Uint8Array | string) => {
      const bytes = typeof chunk === "string" ? encode(chunk) : chunk;
      // The declared length: most bodies arrive in one piece.
      if (bytes.length === length) sink.whole(bytes);
      else sink.add(bytes);
    };
    if (!stream.on) {
      void (async () => {
        for await (const chunk of stream) add(chunk);
        sink.end();
      })().catch(() => sink.broken());
      return () => {};
    }
    if (stream.destroyed) sink.broken();
    stream.on("data", add);
    stream.on("end", () => sink.end());
    stream.on("close", () => sink.broken());
    // This listener stays. Without one, a later error would end the process.
    stream.on("error", () => sink.broken());
    // This does not disturb code that reads with `readable`.
    if (stream.isPaused?.()) stream.resume?.();
    return () => {
      stream.removeListener?.("data", add);
      if (stream.listenerCount?.("data") === 0) stream.pause?.();
    };
  });
}

/** Returns the headers of a response for Node's server. */
export function headersFor(
  { status, headers }: HandlerResponse,
  { httpVersionMajor }: NodeRequest,
): Record<string, string> {
  // Node would read the rest of an incomplete body as the next request (RFC 9110, section 15.5.9).
  // HTTP/2 has no such header.
  return status === 408 && httpVersionMajor !== 2 ? { ...headers, connection: "close" } : headers;
}

/** Sends a response. */
export function send(result: HandlerResponse, request: NodeRequest, response: NodeResponse): void {
  const headers = headersFor(result, request);
  response.statusCode = result.status;
  for (const name in headers) response.setHeader(name, headers[name] ?? "");
  response.end(result.body);
}

/**
 * Removes the identity headers of a request. Node creates `headersDistinct` from `rawHeaders` on
 * first access and expects the original number of headers. So it is read before any is removed, or
 * it would throw.
 */
export function dropIdentityHeaders(
  request: Pick<NodeRequest, "headers" | "rawHeaders" | "headersDistinct">,
): void {
  const { headers, rawHeaders = [] } = request;
  const rawNames = rawHeaders.filter((_, at) => at % 2 === 0);
  const isClaimed = [...Object.keys(headers), ...rawNames].some(isIdentityHeader);
  if (!isClaimed) return;
  for (const made of [headers, request.headersDistinct ?? {}]) {
    for (const name of Object.keys(made)) if (isIdentityHeader(name)) delete made[name];
  }
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (isIdentityHeader(rawHeaders[at] ?? "")) rawHeaders.splice(at, 2);
  }
}
