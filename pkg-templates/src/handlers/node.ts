/** What all hosts with Node's requests and responses share. */
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

/** What is used of Node's `IncomingMessage`, or of a stream in its place. */
export interface NodeStream extends AsyncIterable<Uint8Array | string> {
  on?(event: string, listener: (...values: any[]) => void): unknown;
  removeListener?(event: string, listener: (...values: any[]) => void): unknown;
  listenerCount?(event: string): number;
  isPaused?(): boolean;
  resume?(): unknown;
  pause?(): unknown;
  /** Whether anything was read of the stream. */
  readableDidRead?: boolean | undefined;
  /** Whether the stream was read to its end. */
  readableEnded?: boolean | undefined;
  /** What the bytes are decoded as; none where they come as they are. */
  readableEncoding?: string | null | undefined;
  destroyed?: boolean | undefined;
}

/** What is used of Node's `IncomingMessage`. */
export interface NodeRequest extends NodeStream {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  /** Names and values in turn, as they came. */
  rawHeaders?: string[] | undefined;
  /** As `headers`, with a list of values for each name. */
  headersDistinct?: Record<string, string[] | undefined> | undefined;
  httpVersionMajor?: number | undefined;
}

/** What is used of Node's `ServerResponse`. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body?: Uint8Array | string): unknown;
}

/** What a framework has in place of what Node gives. */
export interface NodeExtras {
  /** The path as it came. */
  url?: string | undefined;
  /** The body, where it is kept as it came or was parsed. */
  body?: unknown;
  /** The stream that gives the body. */
  stream?: NodeStream | undefined;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** The bytes of what was read as text or as bytes; no body counts as an empty one. */
const bytesOf = (read: unknown): Uint8Array =>
  read instanceof Uint8Array ? read : encode(typeof read === "string" ? read : "");

/** The request, for the handlers. */
export function incomingOf(
  request: NodeRequest,
  { url, body, stream = request }: NodeExtras = {},
): Incoming {
  const { headers } = request;
  const incoming: Incoming = {
    method: request.method ?? "GET",
    headers,
    // A path that starts with two slashes is a path all the same.
    path: () => new URL(`http://localhost${url ?? request.url ?? "/"}`).pathname,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    async read(bounds, wasRead) {
      if (body instanceof Uint8Array) return wholeBody(body, bounds);
      if (typeof body === "string") return wholeBody(encode(body), bounds);
      // A framework may still be reading it.
      if (body instanceof Promise) return keptBody(body.then(bytesOf), bounds);
      // Parsers leave `{}` behind for an empty body too, of which nothing is lost.
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

/** How many bytes the request says that it has, which Node sees to. */
const lengthOf = (headers: NodeRequest["headers"]) => Number(headers["content-length"] ?? NaN);

/** Whether it ended, and nothing came. */
const isEmptyToItsEnd = ({ readableEnded, readableDidRead }: NodeStream) =>
  readableEnded === true && readableDidRead === false;

/**
 * Whether somebody else has pieces of the body that do not come again, or the bytes are not to be
 * had as they are.
 */
function isTaken(
  { readableDidRead, readableEnded, readableEncoding }: NodeStream,
  parsed: unknown,
): boolean {
  if (readableDidRead === true || readableEnded === true) return true;
  if (readableEncoding && !/^utf-?8$/i.test(readableEncoding)) return true;
  // Express 4's parsers leave `{}` behind for the media types that they do not read.
  return parsed !== undefined && parsed !== null && readableDidRead !== false;
}

/**
 * Reads beside whoever else has begun to, and got nothing yet: to listeners all pieces come, while
 * an iterator would take them from each other.
 */
function readStream(
  stream: NodeStream,
  bounds: BodyBounds,
  length: number,
): Promise<Uint8Array | HandlerResponse> {
  return gatherBody(bounds, (sink) => {
    const add = (chunk: Uint8Array | string) => {
      const bytes = typeof chunk === "string" ? encode(chunk) : chunk;
      // All that the request said it has: most bodies come in one piece.
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
    // It stays: what fails later concerns nobody, and would end the process if nobody listened.
    stream.on("error", () => sink.broken());
    // Whoever reads by `readable` is not disturbed by it.
    if (stream.isPaused?.()) stream.resume?.();
    return () => {
      stream.removeListener?.("data", add);
      if (stream.listenerCount?.("data") === 0) stream.pause?.();
    };
  });
}

/** The headers of a response, for a server of Node's. */
export function headersFor(
  { status, headers }: HandlerResponse,
  { httpVersionMajor }: NodeRequest,
): Record<string, string> {
  // The rest of a body that is not waited for would be read as the next request (RFC 9110, section
  // 15.5.9). HTTP/2 has no such header.
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
 * Node makes `headersDistinct` of `rawHeaders` when it is first asked for, and of as many as came: it
 * is asked before any of them goes, or it would throw.
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
