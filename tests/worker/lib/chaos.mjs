// A TCP proxy that simulates network failures.
import { connect, createServer } from "node:net";

/**
 * Starts a proxy in front of `target` (`host:port` of a URL). `proxy.mode` is one of:
 * - `through`: passes everything on;
 * - `refused`: resets the connection before anything is read;
 * - `reset`: resets it in the middle of the response;
 * - `lost`: passes the request on, but never the response;
 * - `cut`: ends the response after half of its first chunk;
 * - `slow`: delays the response by `proxy.delay` milliseconds;
 * - `lossy`: one connection in five is `refused` or `lost`, in turn.
 */
export async function startProxy(target) {
  const { hostname, port } = new URL(target);
  const sockets = new Set();
  const proxy = { mode: "through", delay: 3_000, connections: 0 };
  const server = createServer((client) => {
    proxy.connections += 1;
    let { mode } = proxy;
    if (mode === "lossy")
      mode =
        proxy.connections % 5 === 0
          ? proxy.connections % 10 === 0
            ? "refused"
            : "lost"
          : "through";
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    client.on("error", () => {});
    if (mode === "refused") {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    sockets.add(upstream);
    upstream.on("close", () => sockets.delete(upstream));
    upstream.on("error", () => client.destroy());
    client.pipe(upstream);
    client.on("close", () => upstream.destroy());
    if (mode === "through") {
      upstream.pipe(client);
      return;
    }
    upstream.on("data", (chunk) => {
      if (mode === "lost") return;
      if (mode === "slow") {
        setTimeout(() => client.destroyed || client.write(chunk), proxy.delay);
        return;
      }
      client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () =>
        mode === "reset" ? client.resetAndDestroy() : client.end(),
      );
      upstream.destroy();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = Object.assign(new URL(target), { port: server.address().port }).href;
  /** Ends every connection, so that the next request opens a new one in the current mode. */
  proxy.cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  proxy.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      proxy.cut();
    });
  return proxy;
}
