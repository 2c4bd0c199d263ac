import type { Simulator } from "./simulator.js";

/** How often something is sent where nothing happens: servers close what stays silent for some ten seconds. */
const SILENCE_MS = 5_000;

/** How many messages wait for a client that does not read, before its connection ends. It comes back and begins anew. */
const MAX_WAITING = 256;

/**
 * What changes, as server-sent events: each with the rows that have changed, as JSON. Ends with the signal.
 *
 * The first event says from when on nothing is missed: what is asked for after it (`GET /_sim/overview`) and the events
 * that follow are the whole.
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
            // The client was quicker.
          }
        };
        signal.addEventListener("abort", () => end(), { once: true });
        if (signal.aborted) return end();
        // And how soon a browser comes back, in milliseconds.
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
