// A gateway in front of functions, which reads a whole request.
import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Starts a server that reads a whole request and passes it to a function, as the gateways of
 * function platforms do.
 */
export async function served(call, has, port = 0) {
  const server = createServer(async (incoming, outgoing) => {
    const chunks = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
      const { method, url, rawHeaders } = incoming;
      const pairs = rawHeaders.flatMap((name, at) =>
        at % 2 === 0 ? [[name, rawHeaders[at + 1]]] : [],
      );
      const { status, headers, body } = await call({
        method,
        url,
        pairs,
        headers: Object.fromEntries(new Headers(pairs)),
        body: Buffer.concat(chunks),
      });
      outgoing.writeHead(status, headers).end(body);
    } catch (error) {
      outgoing.writeHead(599).end(String(error.stack));
    }
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => (server.closeAllConnections(), server.close()),
    has,
  };
}
