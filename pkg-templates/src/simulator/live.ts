import type { Simulator } from "./simulator.js";

/**
 * The interval of messages when nothing happens. Servers close a silent connection after about ten
 * seconds.
 */
const SILENCE_MS = 5_000;

/** The most messages that wait for a client. Then its connection ends, and it reconnects. */
const MAX_WAITING = 256;

/**
 * Streams changes as server-sent events, each with the changed rows as JSON. Ends with the signal.
 *
 * After the first event, no change is missed: the response to a later request for
 * `GET /_sim/overview`, together with the events that follow, is complete.
 */
export function live(sim: Simulator, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  let end = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string) => {
          if ((controller.desiredSize ?? 0) <= 0) return end();
          controller.enqueue(encoder.encode(text));
        };
        const unwatch = sim.watch((changes) => send(`data: ${changes}\n\n`));
        const timer = setInterval(() => send(": nothing new\n\n"), SILENCE_MS);
        end = () => {
          clearInterval(timer);
          unwatch();
          end = () => {};
          try {
            controller.close();
          } catch {
            // The client was faster.
          }
        };
        signal.addEventListener("abort", () => end(), { once: true });
        if (signal.aborted) return end();
        // Also sets how soon a browser reconnects, in milliseconds.
        send('retry: 1000\ndata: {"begin":true}\n\n');
      },
      cancel: () => end(),
    },
    { highWaterMark: MAX_WAITING },
  );
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
