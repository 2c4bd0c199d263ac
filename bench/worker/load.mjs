// A load generator on bare sockets: kept-alive connections, each with one request at a time.
import { connect } from "node:net";

/**
 * Sends `requests` (whole HTTP/1.1 requests as buffers) in turn over `connections` sockets for
 * `milliseconds`.
 *
 * @returns {Promise<{ perSecond: number, latencies: number[], statuses: Record<string, number> }>}
 * Latencies in milliseconds.
 */
export async function load({ port, requests, connections, milliseconds }) {
  const latencies = [];
  const statuses = {};
  let next = 0;
  const from = performance.now();
  const end = from + milliseconds;
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise((done, fail) => {
          const socket = connect({ port, host: "127.0.0.1", noDelay: true });
          let sent = 0;
          let head = "";
          let missing = -1;
          const send = () => {
            sent = performance.now();
            const request = sent < end ? requests(next++) : undefined;
            if (request) socket.write(request);
            else socket.end();
          };
          socket.on("connect", send);
          socket.on("close", done);
          // After the last response, a server may reset or close the connection.
          socket.on("error", (error) => (socket.writableEnded ? done() : fail(error)));
          socket.on("data", (chunk) => {
            if (missing < 0) {
              head += chunk.toString("latin1");
              const split = head.indexOf("\r\n\r\n");
              if (split < 0) return;
              const status = head.slice(9, 12);
              statuses[status] = (statuses[status] ?? 0) + 1;
              const length = /\r\ncontent-length: *(\d+)/i.exec(head.slice(0, split + 2));
              if (!length && status !== "204")
                return void fail(new Error(`no Content-Length in: ${head.slice(0, split)}`));
              missing = Number(length?.[1] ?? 0) - (head.length - split - 4);
            } else {
              missing -= chunk.length;
            }
            if (missing > 0) return;
            latencies.push(performance.now() - sent);
            head = "";
            missing = -1;
            send();
          });
        }),
    ),
  );
  return { perSecond: (latencies.length / (performance.now() - from)) * 1000, latencies, statuses };
}
