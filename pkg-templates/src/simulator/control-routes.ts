import { onlyKnown } from "./input.js";
import { live } from "./live.js";
import type { Simulator } from "./simulator.js";
import type {
  Fault,
  MintTokenOptions,
  PayOptions,
  RedeliverOptions,
  SignPaymentOptions,
  SimulatorMerchant,
  SimulatorNewInvoice,
} from "./types.js";

type Body = Record<string, unknown>;

/** The request to a control route. */
interface Asked {
  body: Body;
  query: URLSearchParams;
  /** The last part of the path, if the route has a name for it. */
  id: string;
  signal: AbortSignal;
}

/** A control route. Returns a value that is sent as JSON, or a `Response`. */
export type ControlRoute = (sim: Simulator, asked: Asked) => unknown;

const clock = (sim: Simulator) => ({
  now: new Date(sim.clock.now()).toISOString(),
  frozen: sim.clock.frozen,
});

/** The control routes, by method and path. Their bodies are those of the methods they call. */
const ROUTES: Record<string, ControlRoute> = {
  "GET /_sim/state": (sim) => sim.state,
  "GET /_sim/overview": (sim) => sim.view("overview"),
  "GET /_sim/stream": (sim, { signal }) => live(sim, signal),
  "GET /_sim/requests": (sim) => sim.requests,
  "GET /_sim/requests/{requestId}": (sim, { id }) => sim.view("request", { requestId: id }),
  "GET /_sim/deliveries": (sim) => sim.deliveries,
  "GET /_sim/deliveries/{number}": (sim, { id }) =>
    sim.view("delivery", { delivery: /^\d{1,9}$/.test(id) ? Number(id) : 0 }),
  "GET /_sim/invoices/{target}": (sim, { id }) => sim.view("invoice", { target: id }),
  "POST /_sim/invoices": (sim, { body }) =>
    sim.createInvoice(body as unknown as SimulatorNewInvoice),
  "POST /_sim/auth-intents": (sim, { body }) => sim.createAuthIntent(body),
  "GET /_sim/clock": (sim) => clock(sim),
  "POST /_sim/clock": async (sim, { body }) => {
    await sim.clock.change(onlyKnown(body, ["frozen", "set", "advanceMs"]));
    return clock(sim);
  },
  "POST /_sim/pay": (sim, { body: { target, ...options } }) =>
    sim.pay(target as string, options as PayOptions),
  "POST /_sim/sign-payment": (sim, { body: { target, ...options } }) =>
    sim.signPayment(target as string, options as SignPaymentOptions),
  "POST /_sim/solana-rpc": (sim, { body }) =>
    sim.solanaRpc(body as Parameters<Simulator["solanaRpc"]>[0]),
  "POST /_sim/settle": (sim, { body }) =>
    sim.settle(onlyKnown(body, ["target"])["target"] as string),
  "POST /_sim/fail-payment": (sim, { body }) =>
    sim.failPayment(onlyKnown(body, ["target"])["target"] as string),
  "POST /_sim/cancel": (sim, { body }) =>
    sim.cancel(onlyKnown(body, ["target"])["target"] as string),
  "POST /_sim/faults": (sim, { body }) => ({ id: sim.misbehave(body as unknown as Fault) }),
  "DELETE /_sim/faults": (sim, { query }) => {
    const id = query.get("id");
    // An empty text is not a number either: it must not end all faults.
    sim.behave(id === null ? undefined : id === "" ? Number.NaN : Number(id));
    return {};
  },
  "POST /_sim/deliver": async (sim, { body }) => {
    const { eventId, ...options } = onlyKnown(body, ["eventId", "variant", "url"]);
    if (eventId === undefined) {
      onlyKnown(options, []);
      await sim.settled();
    } else await sim.redeliver(eventId as string, options as RedeliverOptions);
    return sim.deliveries;
  },
  "GET /_sim/secrets": (sim) => sim.view("secrets"),
  "POST /_sim/keys/rotate": (sim) => sim.rotateKeys(),
  "POST /_sim/keys/drop-old": (sim) => {
    sim.dropOldKeys();
    return {};
  },
  "POST /_sim/tokens": (sim, { body }) => sim.mintToken(body as MintTokenOptions),
  "POST /_sim/revoke-session": (sim, { body }) =>
    sim.revokeSession(onlyKnown(body, ["sessionId"])["sessionId"] as string),
  "POST /_sim/webhook-secret/rotate": (sim, { body }) => sim.rotateWebhookSecret(body),
  "POST /_sim/webhook-secret/drop-old": (sim, { body }) => {
    sim.dropOldWebhookSecrets(body);
    return {};
  },
  "POST /_sim/webhook-url": (sim, { body: { url, ...options } }) => {
    sim.setWebhookUrl(url as string, options);
    return {};
  },
  "POST /_sim/merchants": (sim, { body }) => {
    sim.addMerchant(body as unknown as SimulatorMerchant);
    return {};
  },
  "POST /_sim/reset": async (sim, { body }) => {
    onlyKnown(body, []);
    await sim.reset();
    return {};
  },
};

/** The names of all control routes. */
export const CONTROL_ROUTES: readonly string[] = Object.keys(ROUTES);

/** The routes that have a name for the last part of their path, by the path before it. */
const NAMED = new Map(
  Object.entries(ROUTES).flatMap(([name, route]) => {
    const [, start] = /^(.*\/)\{\w+\}$/.exec(name) ?? [];
    return start === undefined ? [] : [[start, route]];
  }),
);

/** Returns the route of a request, and the named part of its path. */
export function controlRoute(
  method: string,
  pathname: string,
): { route: ControlRoute; id: string } | undefined {
  const name = `${method} ${pathname}`;
  const exact = Object.hasOwn(ROUTES, name) && !name.endsWith("}") ? ROUTES[name] : undefined;
  if (exact) return { route: exact, id: "" };
  const cut = name.lastIndexOf("/") + 1;
  const route = NAMED.get(name.slice(0, cut));
  if (!route || cut === name.length) return undefined;
  try {
    return { route, id: decodeURIComponent(name.slice(cut)) };
  } catch {
    return undefined;
  }
}
