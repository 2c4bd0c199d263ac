import { sleep } from "../sleep.js";

/** A response of the core, and how to send it. */
export interface Reply {
  /** The HTTP status. */
  status: number;
  /** The lower-case header names and their values. */
  headers: [string, string][];
  /** The body. */
  body: string;
  /** The wait before the response, in real milliseconds. */
  delayMs: number;
  /** Whether to fail the connection instead. */
  lost: boolean;
  /** Warnings for the person who runs the simulator. */
  warnings?: string[];
  /** Sends the body in pieces, with real milliseconds between them. */
  slowBody: { chunkBytes: number; intervalMs: number } | null;
}

/** The error that `fetch` throws when a connection fails. Here a fault asked for it. */
export class ConnectionDropped extends TypeError {
  constructor() {
    super("fetch failed: the simulator dropped the connection, as asked for");
  }
}

/** Waits in real milliseconds, or rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal);
  signal.throwIfAborted();
}

/** Converts the core's response to a `Response`. */
export function respond({ status, headers, body, slowBody }: Reply, signal: AbortSignal): Response {
  if (status === 204 || status === 205 || status === 304)
    return new Response(null, { status, headers });
  return new Response(slowBody ? trickle(body, slowBody, signal) : body, { status, headers });
}

function trickle(
  body: string,
  { chunkBytes, intervalMs }: NonNullable<Reply["slowBody"]>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(body);
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent > 0) await pause(intervalMs, signal);
      controller.enqueue(bytes.subarray(sent, sent + chunkBytes));
      sent += chunkBytes;
      if (sent >= bytes.length) controller.close();
    },
  });
}
