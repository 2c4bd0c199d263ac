// The handlers, stores and adapters as a merchant's TypeScript sees them. Only the compiler checks
// them.
import { formatUsdc, Gwop, parseSubject, usdc } from "@gwop/sdk";
import { gwopWebhook as forExpress } from "@gwop/sdk/express";
import {
  createAuthMiddleware,
  createAuthRoutes,
  createWebhookHandler,
  reconcile,
  type WebhookHandlerOptions,
} from "@gwop/sdk/handlers";
import { withGwopAuth } from "@gwop/sdk/next";
import {
  kvStore,
  memoryStore,
  postgresStore,
  recordStore,
  sqliteStore,
  type WebhookStore,
} from "@gwop/sdk/stores";

/** Fails to compile unless both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

const gwop = new Gwop();

/** The shapes of `pg` and `postgres`. */
declare const pool: {
  query(text: string, values: unknown[]): Promise<{ rows: object[]; rowCount: number | null }>;
};
declare const sql: {
  unsafe(text: string, values: unknown[]): PromiseLike<object[] & { count: number }>;
};
declare const database: {
  prepare(sql: string): { get(...values: unknown[]): unknown; run(...values: unknown[]): object };
};
declare const namespace: {
  get(key: string, type?: "text"): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
};

export const stores: WebhookStore[] = [
  memoryStore(),
  postgresStore((text, values) => pool.query(text, values)),
  postgresStore((text, values) => sql.unsafe(text, values)),
  sqliteStore(database),
  kvStore(namespace),
  recordStore<number>({ read: async () => undefined, write: async () => true }),
];

const options: WebhookHandlerOptions = {
  gwop,
  store: memoryStore(),
  onPaid: ({ data }) => {
    same<typeof data.paidAt, Date>(true);
    same<typeof data.status, "PAID">(true);
  },
  onExpired: async ({ eventType }) => same<typeof eventType, "invoice.expired">(true),
  onCanceled() {},
  onConflict: (event) => {
    if (event.eventType === "invoice.paid") same<typeof event.data.payerWallet, string>(true);
  },
};
export const handlers = [
  createWebhookHandler(options),
  createAuthRoutes({ gwop, authSecret: "…" }),
];
export const express = forExpress(options);
createWebhookHandler({
  gwop,
  store: memoryStore(),
  onPaid: ({ data }) => same<typeof data.payerWallet, string>(true),
  onExpired() {},
  onCanceled() {},
});
export const derived = createWebhookHandler({
  gwop,
  store: memoryStore(),
  reconciled: true,
  onPaid: ({ data }) => same<typeof data.payerWallet, string | undefined>(true),
  onExpired: ({ eventType }) => same<typeof eventType, "invoice.expired">(true),
  onCanceled() {},
});
export const derivedByType = createWebhookHandler({
  gwop,
  store: memoryStore(),
  reconciled: true,
  on: {
    "invoice.paid": ({ data }) => same<typeof data.payerWallet, string | undefined>(true),
    "invoice.expired": ({ eventType }) => same<typeof eventType, "invoice.expired">(true),
    "invoice.canceled"() {},
  },
});
export async function everyQuarterOfAnHour(after?: string): Promise<string> {
  const done = await reconcile({
    gwop,
    store: memoryStore(),
    since: new Date(),
    onPaid() {},
    onExpired() {},
    onCanceled() {},
    after,
  });
  same<typeof done.complete, boolean>(true);
  return done.cursor;
}
// @ts-expect-error From when on?
void reconcile({ gwop, store: memoryStore(), onPaid() {}, onExpired() {}, onCanceled() {} });
// @ts-expect-error Nobody hears of expiries.
createWebhookHandler({ gwop, store: memoryStore(), onPaid() {}, onCanceled() {} });

const authenticate = createAuthMiddleware({ gwop, audience: ["shop"], sessionCheck: "always" });
export async function me(request: Request): Promise<Response> {
  const { identity, response } = await authenticate(request);
  if (response) return response;
  return new Response(parseSubject(identity.subject).address);
}
export const GET = withGwopAuth(
  { gwop },
  (request: Request, identity, context: { params: Promise<{ id: string }> }) => {
    same<typeof identity.chain, string>(true);
    return Response.json({ url: request.url, context });
  },
);
// @ts-expect-error It is never or always, or seconds.
createAuthMiddleware({ gwop, sessionCheck: "sometimes" });

same<ReturnType<typeof usdc>, number>(true);
formatUsdc("1025000");
// @ts-expect-error A number has lost its exact value already.
usdc(5.0);
