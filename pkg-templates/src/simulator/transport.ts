import { sleep } from "../sleep.js";

/** An answer of the core, and how it travels. */
export interface Reply {
  /** HTTP status. */
  status: number;
  /** Lower-case names and their values. */
  headers: [string, string][];
  /** The body. */
  body: string;
  /** Real milliseconds to wait before answering. */
  delayMs: number;
  /** Fail the connection instead. */
  lost: boolean;
  /** What the person who runs this should know. */
  warnings?: string[];
  /** Send the body in pieces, with real milliseconds between them. */
  slowBody: { chunkBytes: number; intervalMs: number } | null;
}

/** What `fetch` throws when a connection fails; here because a fault asked for it. */
export class ConnectionDropped extends TypeError {
  constructor() {
    super("fetch failed: the simulator dropped the connection, as asked for");
  }
}

/** Waits so many real milliseconds, or rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal);
  signal.throwIfAborted();
}

/** The answer as a `Response`. */
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
