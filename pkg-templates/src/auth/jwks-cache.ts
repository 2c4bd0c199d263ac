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

/** What a {@link JwksStore} keeps: a JWK Set and its age, as plain JSON. */
export interface StoredJwks {
  /** The keys of the set that can verify RS256. */
  keys: StoredJwk[];
  /** When its fetch began, in milliseconds since 1970. */
  fetchedAt: number;
}

/**
 * A place outside the process, such as Workers KV or Redis, in which clients share Gwop's JWK Set.
 *
 * The client asks it before each fetch and tells it after each successful one. What it returns is
 * checked (shape, size, key strength, younger than 24 hours), but its origin cannot be checked:
 * **whoever can write to the store can forge tokens**. A store that fails or takes more than 2
 * seconds is ignored.
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
  /** Returns the value that was set last, or `null` or `undefined` if there is none. */
  get(): StoredJwks | null | undefined | Promise<StoredJwks | null | undefined>;
  /** Stores `value`. */
  set(value: StoredJwks): unknown;
}
