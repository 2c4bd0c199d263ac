import { ControlRefused, checkControl } from "./control-guard.js";
import { CONTROL_ROUTES, controlRoute } from "./control-routes.js";
import { SimulatorError, newRequestId } from "./error.js";
import page from "./page.js";
import type { Simulator } from "./simulator.js";
import { ConnectionDropped } from "./transport.js";

/** Options of {@link serve}. */
export interface ServeOptions {
  /** Host names that the control routes accept, besides `localhost` and literal addresses. */
  allowedHosts?: readonly string[] | undefined;
}

/**
 * Serves the simulator over HTTP: Gwop's operations of both hosts, `GET /` with a page for browsers
 * and an explanation for other clients, and the control routes below `/_sim/`. Use it with
 * `Deno.serve`, `Bun.serve` and the like.
 *
 * The control routes respond if the URL and `Host` name `localhost`, a literal address or an
 * allowed host. They refuse pages of other origins, requests that a page of another site caused,
 * and requests that came through a proxy. If you listen on more than loopback, you must check the
 * peer's address too.
 *
 * Every response has `x-request-id`. An error has Gwop's error body.
 *
 * @throws TypeError if the connection is to be dropped, as `misbehave` can ask for; the signal's
 * reason if the client has left.
 */
export async function serve(
  sim: Simulator,
  request: Request,
  options: ServeOptions = {},
): Promise<Response> {
  try {
    return await respond(sim, request, options.allowedHosts ?? []);
  } catch (error) {
    if (error instanceof ControlRefused) return error.toResponse(error.status);
    if (error instanceof SimulatorError) return error.toResponse();
    if (error instanceof ConnectionDropped || request.signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return new SimulatorError("INTERNAL_ERROR", `the simulator failed: ${message}`).toResponse();
  }
}

async function respond(
  sim: Simulator,
  request: Request,
  allowedHosts: readonly string[],
): Promise<Response> {
  const url = new URL(request.url);
  const { pathname, searchParams } = url;
  const headers = { "x-request-id": newRequestId() };
  if (pathname === "/" && request.method === "GET")
    return explain(request.headers.get("accept") ?? "", headers);
  if (pathname.startsWith("//"))
    throw new SimulatorError(
      "VALIDATION_ERROR",
      "the path must not start with two slashes: it would name a host",
    );
  if (!pathname.startsWith("/_sim/")) return sim.fetch(request);
  checkControl(request, url, allowedHosts);
  const found = controlRoute(request.method, pathname);
  if (!found) throw new SimulatorError("NOT_FOUND", "no such control route; GET / lists them");
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
  const asked = {
    body: body as Record<string, unknown>,
    query: searchParams,
    id: found.id,
    signal: request.signal,
  };
  const result: unknown = await found.route(sim, asked);
  await sim.saved();
  if (!(result instanceof Response))
    return Response.json(result, { headers: { ...headers, "cache-control": "no-store" } });
  for (const [name, value] of Object.entries(headers)) result.headers.set(name, value);
  return result;
}

/** Creates the response to `GET /`, in the form that the client accepts. */
function explain(accept: string, headers: Record<string, string>): Response {
  const vary = { ...headers, vary: "accept", "cache-control": "no-store" };
  if (accept.includes("text/html")) {
    return new Response(page.html, {
      headers: {
        ...vary,
        "content-type": "text/html; charset=utf-8",
        // The page connects only to this server, and no other page can embed it.
        "content-security-policy": `default-src 'none'; connect-src 'self'; script-src '${page.script}'; style-src '${page.style}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      },
    });
  }
  if (accept.includes("application/json")) {
    return Response.json(
      { name: "gwop-simulator", movesMoney: false, controlRoutes: CONTROL_ROUTES },
      { headers: vary },
    );
  }
  return new Response(explanation(), {
    headers: { ...vary, "content-type": "text/plain; charset=utf-8" },
  });
}

function explanation(): string {
  return `Gwop simulator: a local Gwop for tests and development. It moves no money.

Both of Gwop's hosts answer here: /v1/invoices, /v1/auth-intents, /v1/auth-sessions, /.well-known/jwks.json.
  new Gwop({ serverURL: "<this address>", identityURL: "<this address>", … })

An agent pays at an invoice's payment_url (x402, versions 1 and 2), or by POST /_sim/pay { "target": "inv_…" }. A payment
signed by a public test wallet: POST /_sim/sign-payment { "target": "inv_…" } gives its URL and headers.

A browser sees a page here.

Control routes (JSON in and out, for this machine only):
${CONTROL_ROUTES.map((route) => `  ${route}`).join("\n")}
`;
}
