// Shared by the checks of the local Gwop: the installed command, a merchant's endpoint, raw
// requests.
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

/**
 * Starts `gwop-simulator` on a free port. `post` and `get` call control routes and throw refusals.
 */
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

/** Starts an endpoint that responds with `status`, and records what it received. */
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

/** Returns the status of a request with exactly these headers, including `Host`. */
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

/** Calls `ready` until it returns something truthy. The limit is generous for busy machines. */
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
