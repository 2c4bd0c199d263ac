// The loopback server that suites call. It listens on a free port of 127.0.0.1, and any page may
// read its responses.
//
//   /echo                       200, JSON { method, url, headers, body } of the request
//   /status/CODE                that status; ?body=TEXT&type=MEDIA-TYPE&header.NAME=VALUE set the
//                               response
//   /delay/MS                   200 after MS milliseconds, options as above
//   /flaky/CODE/N/KEY           CODE for the first N requests with this KEY, then as /echo
//   /count/KEY                  JSON { count } of the requests that /flaky saw for KEY
//   /redirect?to=URL&status=302 a redirect
//   /slow-body/MS               200 at once, the body's second half after MS milliseconds
//   /huge/BYTES                 200 with BYTES bytes
//   /close                      closes the connection without a response
//   /script/KEY                 POST a JSON list of responses for /scripted/KEY: { status = 200,
//                               headers, body (JSON) or text, delayMs, bodyDelayMs (after the
//                               head), close }; the last one repeats
//   /scripted/KEY/…             the next of these responses
//   /seen/KEY                   JSON list of the requests to /scripted/KEY: { method, url,
//                               headers, body }
import { createServer } from "node:http";

/** The most bytes of one request body or response. */
const LIMIT = 64 * 1024 * 1024;

/** Starts the server. Resolves to its URL and a function that closes it. */
export async function startServer() {
  const counts = new Map();
  const scripts = new Map();
  const server = createServer((request, response) => {
    handle(request, response, counts, scripts).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function handle(request, response, counts, scripts) {
  const url = new URL(request.url, "http://localhost");
  const [, route, first, second, key] = url.pathname.split("/");
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-expose-headers", "*");
  if (request.method === "OPTIONS") {
    response.setHeader("access-control-allow-methods", "*");
    response.setHeader(
      "access-control-allow-headers",
      request.headers["access-control-request-headers"] ?? "*",
    );
    response.setHeader("access-control-max-age", "600");
    response.writeHead(204).end();
    return;
  }
  const body = await read(request);
  const echo = (status) =>
    json(response, status, {
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: body.toString(),
    });
  const answer = (status) => {
    for (const [name, value] of url.searchParams) {
      if (name.startsWith("header.")) response.setHeader(name.slice("header.".length), value);
    }
    response.setHeader("content-type", url.searchParams.get("type") ?? "application/json");
    response.writeHead(status).end(url.searchParams.get("body") ?? "");
  };
  switch (route) {
    case "echo":
      return echo(200);
    case "status":
      return answer(Number(first));
    case "delay":
      await sleep(Number(first));
      return answer(200);
    case "flaky": {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count <= Number(second) ? answer(Number(first)) : echo(200);
    }
    case "count":
      return json(response, 200, { count: counts.get(first) ?? 0 });
    case "redirect":
      response.setHeader("location", url.searchParams.get("to") ?? "/echo");
      response.writeHead(Number(url.searchParams.get("status") ?? 302)).end();
      return;
    case "slow-body":
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"half":');
      await sleep(Number(first));
      response.end("true}");
      return;
    case "huge": {
      const chunk = Buffer.alloc(64 * 1024, " ");
      response.setMaxListeners(0);
      response.writeHead(200, { "content-type": "application/json" });
      for (
        let left = Math.min(Number(first), LIMIT);
        left > 0 && !response.destroyed;
        left -= chunk.length
      ) {
        const room = response.write(left < chunk.length ? chunk.subarray(0, left) : chunk);
        if (!room) await new Promise((done) => response.once("drain", done).once("close", done));
      }
      response.end();
      return;
    }
    case "script":
      scripts.set(first, { answers: JSON.parse(body), seen: [] });
      return json(response, 200, {});
    case "seen":
      return json(response, 200, scripts.get(first)?.seen ?? []);
    case "scripted": {
      const { answers, seen } = scripts.get(first);
      const next = answers[Math.min(seen.length, answers.length - 1)];
      const path = `/${url.pathname.split("/").slice(3).join("/")}${url.search}`;
      seen.push({
        method: request.method,
        url: path,
        headers: request.headers,
        body: body.toString(),
      });
      const { status = 200, headers = {}, delayMs = 0, bodyDelayMs = 0, close = false } = next;
      await sleep(delayMs);
      if (close) return void request.socket.destroy();
      response.writeHead(status, { "content-type": "application/json", ...headers });
      if (bodyDelayMs > 0) response.write(" ");
      await sleep(bodyDelayMs);
      response.end(next.text ?? JSON.stringify(next.body ?? {}));
      return;
    }
    case "close":
      request.socket.destroy();
      return;
    default:
      response.writeHead(404).end();
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LIMIT) throw new Error("request body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
