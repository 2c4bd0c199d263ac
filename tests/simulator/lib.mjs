// What the checks of the local Gwop share: the command as it is installed, a merchant's endpoint, requests as they are.
import { createServer, request } from "node:http";
import { join } from "node:path";
import { started, startProgram } from "../runners/programs.mjs";

export function expect(holds, message) {
  if (!holds) throw new Error(message);
}

export function expectEqual(actual, expected, what) {
  const [a, e] = [actual, expected].map((value) => JSON.stringify(value));
  expect(a === e, `${what}: expected ${e}, got ${a}`);
}

/** Starts `gwop-simulator` on a free port. `post` and `get` ask its control routes, and throw what it refuses. */
export async function startGwop(args = []) {
  const program = startProgram(join(process.cwd(), "node_modules/.bin/gwop-simulator"), [
    "--port",
    "0",
    ...args,
  ]);
  let url;
  await started(
    () => {
      url = /listens on (\S+)[^]*Ctrl-C/.exec(program.output())?.[1];
      return url;
    },
    program,
    "gwop-simulator",
  );
  const ask = async (method, path, body) => {
    const response = await fetch(`${url}/_sim/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${answer.error.message}`);
    return answer;
  };
  return {
    program,
    url,
    get: (path) => ask("GET", path),
    post: (path, body = {}) => ask("POST", path, body),
    remove: (path) => ask("DELETE", path),
  };
}

/** An endpoint that answers with `status`, and keeps what it got. */
export async function startMerchant() {
  const own = {
    status: 200,
    seen: [],
    close: () => (server.closeAllConnections(), server.close()),
  };
  const server = createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    own.seen.push({ headers: incoming.headers, body: Buffer.concat(chunks).toString() });
    outgoing.writeHead(own.status, { "x-merchant": "yes" }).end(`{"answered":${own.status}}`);
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  own.url = `http://127.0.0.1:${server.address().port}/hook`;
  return own;
}

/** The status of a request with exactly these headers, `Host` among them. */
export function statusOf(url, method, headers, body) {
  return new Promise((done, failed) => {
    const asked = request(url, { method, headers, agent: false }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.once("error", failed);
    asked.end(body);
  });
}

/** Asks until `ready` gives something truthy. The limit is for what never comes: a busy machine may take its time. */
export async function until(ready, what, limitMs = 60_000) {
  const end = Date.now() + limitMs;
  let last;
  while (Date.now() < end) {
    last = await ready();
    if (last) return last;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${what}: not within ${limitMs} ms`);
}
