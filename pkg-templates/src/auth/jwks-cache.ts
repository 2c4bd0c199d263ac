import { type Core, encoder, run, Task } from "../core.js";
import { unless } from "../race.js";

/** A public key of Gwop's JWK Set (RFC 7517, RFC 7518 section 6.3.1). */
export interface StoredJwk {
  /** The key type. */
  kty: "RSA";
  /** The algorithm that the key is for. */
  alg: "RS256";
  /** The key verifies signatures. */
  use: "sig";
  /** The key's id, which a token's header names. */
  kid: string;
  /** The modulus, base64url. */
  n: string;
  /** The exponent, base64url. */
  e: string;
}

/** What a {@link JwksStore} keeps: a JWK Set and its age. Plain JSON. */
export interface StoredJwks {
  /** The keys of the set that can verify RS256. */
  keys: StoredJwk[];
  /** When its fetch began, in milliseconds since 1970. */
  fetchedAt: number;
}

/**
 * A place that outlives the process, such as Workers KV or Redis, in which clients share Gwop's JWK Set.
 *
 * It is asked before each fetch and told after each successful one. What it returns is validated (shape, size, key strength; younger than 24 hours), but
 * not authenticated: **whoever can write to the store can forge tokens**. A store that fails or takes over 2 seconds is passed over.
 *
 * @example
 * ```ts
 * const kept = new Map(); // With Workers KV: kept.get(key, "json") and kept.put(key, JSON.stringify(value)).
 * const client = new Gwop({
 *   jwksStore: { get: () => kept.get("gwop-jwks"), set: (value) => kept.set("gwop-jwks", value) },
 * });
 * console.log(client.auth.merchantId);
 * ```
 */
export interface JwksStore {
  /** The value last set, or `null` or `undefined` where there is none. */
  get(): StoredJwks | null | undefined | Promise<StoredJwks | null | undefined>;
  /** Keeps `value`. */
  set(value: StoredJwks): unknown;
}

/** Permission for one fetch, from the wasm. */
export interface Ticket {
  /** Counts up with each fetch. */
  ordinal: number;
  /** When the fetch began, in milliseconds since 1970. */
  begunAt: number;
}

/** How long a store may take, in milliseconds. */
const STORE_TIMEOUT_MS = 2_000;

/** Offers the store's value to the cache. It never fails: a store is a convenience. */
export async function askStore(store: JwksStore, tokens: Core): Promise<void> {
  try {
    const value = await inTime(store.get());
    if (value) run(tokens, Task.TokenAdopt, "", encoder.encode(JSON.stringify(value)), Date.now());
  } catch {
    // As if it had been empty.
  }
}

/**
 * Fetches the JWK Set and reports the outcome to the cache.
 *
 * @returns The reason of a failed fetch, else `undefined`.
 */
export async function refresh(
  fetchJwks: () => Promise<Uint8Array>,
  store: JwksStore | undefined,
  tokens: Core,
  { ordinal, begunAt }: Ticket,
): Promise<unknown> {
  let body: Uint8Array;
  try {
    body = await fetchJwks();
  } catch (reason) {
    run(tokens, Task.TokenFailed, "", undefined, Date.now(), 0, ordinal, begunAt);
    return reason;
  }
  const stored = run(tokens, Task.TokenAnswered, "", body, Date.now(), 0, ordinal, begunAt);
  if (stored && store) {
    try {
      await inTime(store.set(JSON.parse(stored) as StoredJwks));
    } catch {
      // The set is held here all the same.
    }
  }
  return undefined;
}

/** `work`, but no longer than a store may take. */
function inTime<T>(work: T | PromiseLike<T>): Promise<T> {
  return unless(work, (giveUp) => {
    const timer = setTimeout(() => giveUp(new Error("the jwksStore took too long")), STORE_TIMEOUT_MS);
    return () => clearTimeout(timer);
  });
}
