import { SimulatorError, newRequestId } from "./error.js";
import { onlyKnown } from "./input.js";
import type { Simulator } from "./simulator.js";
import { ConnectionDropped } from "./transport.js";
import type { Fault, MintTokenOptions, PayOptions, SignPaymentOptions, SimulatorMerchant } from "./types.js";

type Body = Record<string, unknown>;
type Route = (sim: Simulator, body: Body, query: URLSearchParams) => unknown;

/** The control routes, by method and path. Bodies are those of the methods that they stand for. */
const ROUTES: Record<string, Route> = {
  "GET /_sim/state": (sim) => sim.state,
  "GET /_sim/requests": (sim) => sim.requests,
  "GET /_sim/deliveries": (sim) => sim.deliveries,
  "GET /_sim/clock": (sim) => clock(sim),
  "POST /_sim/clock": async (sim, body) => {
    await sim.clock.change(onlyKnown(body, ["frozen", "set", "advanceMs"]));
    return clock(sim);
  },
  "POST /_sim/pay": (sim, { target, ...options }) => sim.pay(target as string, options as PayOptions),
  "POST /_sim/sign-payment": (sim, { target, ...options }) => sim.signPayment(target as string, options as SignPaymentOptions),
  "POST /_sim/solana-rpc": (sim, request) => sim.solanaRpc(request as Parameters<Simulator["solanaRpc"]>[0]),
  "POST /_sim/settle": (sim, body) => sim.settle(onlyKnown(body, ["target"])["target"] as string),
  "POST /_sim/fail-payment": (sim, body) => sim.failPayment(onlyKnown(body, ["target"])["target"] as string),
  "POST /_sim/faults": (sim, fault) => ({ id: sim.misbehave(fault as unknown as Fault) }),
  "DELETE /_sim/faults": (sim, _, query) => {
    const id = query.get("id");
    // An empty one is no number either: it must not end all.
    sim.behave(id === null ? undefined : id === "" ? Number.NaN : Number(id));
    return {};
  },
  "POST /_sim/deliver": async (sim, body) => {
    const { eventId } = onlyKnown(body, ["eventId"]);
    if (eventId === undefined) await sim.settled();
    else await sim.redeliver(eventId as string);
    return sim.deliveries;
  },
  "POST /_sim/keys/rotate": (sim) => sim.rotateKeys(),
  "POST /_sim/keys/drop-old": (sim) => (sim.dropOldKeys(), {}),
  "POST /_sim/tokens": (sim, options) => sim.mintToken(options as MintTokenOptions),
  "POST /_sim/webhook-secret/rotate": (sim, options) => sim.rotateWebhookSecret(options),
  "POST /_sim/webhook-secret/drop-old": (sim, options) => (sim.dropOldWebhookSecrets(options), {}),
  "POST /_sim/webhook-url": (sim, { url, ...options }) => (sim.setWebhookUrl(url as string, options), {}),
  "POST /_sim/merchants": (sim, merchant) => (sim.addMerchant(merchant as unknown as SimulatorMerchant), {}),
};

/** What a proxy says of the client that it stands in for. A request with one of these comes from elsewhere, whatever its address is. */
const FORWARDED = ["x-forwarded-for", "forwarded", "cf-connecting-ip"];

const clock = (sim: Simulator) => ({ now: new Date(sim.clock.now()).toISOString(), frozen: sim.clock.frozen });

/**
 * Answers over HTTP: Gwop's operations of both hosts, `GET /` with an explanation, and the control routes under `/_sim/`,
 * for `gwop-simulator`, `Deno.serve` or `Bun.serve`. The control routes answer only to loopback host names, in the URL and in `Host`, and refuse
 * pages of other origins and what a proxy has passed on; whoever listens on more than loopback must also check the peer's address.
 *
 * Every answer carries `x-request-id`; a mistake is answered with Gwop's error body.
 *
 * @throws TypeError when the connection is to be dropped, as asked for with `misbehave`; the signal's reason when the
 *   client has left.
 */
export async function serve(sim: Simulator, request: Request): Promise<Response> {
  try {
    return await answer(sim, request);
  } catch (error) {
    if (error instanceof SimulatorError) return error.toResponse();
    if (error instanceof ConnectionDropped || request.signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return new SimulatorError("INTERNAL_ERROR", `the simulator failed: ${message}`).toResponse();
  }
}

async function answer(sim: Simulator, request: Request): Promise<Response> {
  const { pathname, hostname, searchParams } = new URL(request.url);
  const headers = { "x-request-id": newRequestId() };
  if (pathname === "/" && request.method === "GET") {
    return new Response(explanation(), { headers: { ...headers, "content-type": "text/plain; charset=utf-8" } });
  }
  if (pathname.startsWith("//")) throw new SimulatorError("VALIDATION_ERROR", "the path must not start with two slashes: it would name a host");
  if (!pathname.startsWith("/_sim/")) return sim.fetch(request);
  const origin = request.headers.get("origin");
  const host = request.headers.get("host");
  const hosts = [hostname, host === null ? hostname : hostOf(`http://${host}`), origin === null ? hostname : hostOf(origin)];
  if (!hosts.every(isLoopback) || FORWARDED.some((name) => request.headers.has(name))) {
    return new SimulatorError(
      "NOT_ALLOWED",
      "the control routes answer on loopback only, and not through a proxy: use http://127.0.0.1 or http://localhost",
    ).toResponse(403);
  }
  const route = ROUTES[`${request.method} ${pathname}`];
  if (!route) throw new SimulatorError("NOT_FOUND", "no such control route; GET / lists them");
  const text = await request.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new SimulatorError("INVALID_OPTION", "the body must be a JSON object");
  }
  return Response.json(await route(sim, body as Body, searchParams), { headers });
}

function hostOf(origin: string): string {
  try {
    return new URL(origin).hostname;
  } catch {
    return "";
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function explanation(): string {
  return `Gwop simulator: a local Gwop for tests and development. It moves no money.

Both of Gwop's hosts answer here: /v1/invoices, /v1/auth-intents, /v1/auth-sessions, /.well-known/jwks.json.
  new Gwop({ serverURL: "<this address>", identityURL: "<this address>", … })

An agent pays at an invoice's payment_url (x402, versions 1 and 2), or by POST /_sim/pay { "target": "inv_…" }. A payment
signed by a public test wallet: POST /_sim/sign-payment { "target": "inv_…" } gives its URL and headers.

Control routes (JSON in and out, loopback only):
${Object.keys(ROUTES)
  .map((route) => `  ${route}`)
  .join("\n")}
`;
}
