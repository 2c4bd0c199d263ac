import { SimulatorError } from "./error.js";
import { invalid } from "./input.js";

const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** The public half of a key, as in the JWK Set. */
export interface PublicKey {
  /** The modulus, base64url. */
  n: string;
  /** The exponent, base64url. */
  e: string;
}

/** The required members of a given key: the numbers of a private RSA key, base64url. */
const NUMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;

/** The number of base64url characters for 2,048 bits. */
const MODULUS_LENGTH = 342;

/** Checks a key as far as possible without importing it. */
export function checkSigningKey(jwk: unknown): void {
  const { kty = "RSA", ...rest } = (jwk ?? {}) as Record<string, unknown>;
  const numbers = NUMBERS.map((name) => rest[name]);
  const fits = numbers.every((number) => typeof number === "string" && /^[\w-]+$/.test(number));
  if (kty === "RSA" && fits && String(numbers[0]).length >= MODULUS_LENGTH) return;
  throw invalid(
    "signingKey",
    `a private RSA key of 2048 bits or more as JWK, with ${NUMBERS.join(", ")}`,
    jwk,
  );
}

/** The private RSA keys, by `kid`. Web Crypto creates and uses them. */
export class SigningKeys {
  readonly #keys = new Map<string, CryptoKey>();
  readonly #kept = new Map<string, JsonWebKey>();

  /** Adds a key that a journal has kept. */
  restore(kid: string, jwk: JsonWebKey): void {
    this.#kept.set(kid, jwk);
  }

  /**
   * Creates a key, or imports `jwk`. The public half is `undefined` if another call has created
   * this key in the meantime. Calls do not wait for each other, because workerd forbids that across
   * requests.
   */
  async make(
    kid: string,
    jwk?: JsonWebKey,
  ): Promise<(PublicKey & { private: JsonWebKey }) | undefined> {
    let privateKey: CryptoKey;
    let whole: JsonWebKey;
    if (jwk) {
      // Leave out the key's own operations and algorithm, which could make the import fail.
      const { kty = "RSA", n, e, d, p, q, dp, dq, qi } = jwk as Record<string, string>;
      const own = { kty, n, e, d, p, q, dp, dq, qi } as JsonWebKey;
      try {
        privateKey = await crypto.subtle.importKey("jwk", own, ALGORITHM, false, ["sign"]);
      } catch {
        throw new SimulatorError(
          "INVALID_OPTION",
          "Web Crypto does not take it for a private RSA key: its numbers do not belong together",
          "signingKey",
        );
      }
      whole = own;
    } else {
      const parameters = {
        ...ALGORITHM,
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      };
      const pair = (await crypto.subtle.generateKey(parameters, true, [
        "sign",
        "verify",
      ])) as CryptoKeyPair;
      privateKey = pair.privateKey;
      whole = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey;
    }
    if (this.#keys.has(kid)) return undefined;
    this.#keys.set(kid, privateKey);
    return { n: whole.n ?? "", e: whole.e ?? "", private: whole };
  }

  /** Signs with RS256. */
  async sign(kid: string, input: string): Promise<Uint8Array> {
    const kept = this.#kept.get(kid);
    if (kept && !this.#keys.has(kid))
      this.#keys.set(kid, await crypto.subtle.importKey("jwk", kept, ALGORITHM, false, ["sign"]));
    const key = this.#keys.get(kid);
    if (!key) throw new Error(`the simulator has no signing key ${kid}`);
    return new Uint8Array(
      await crypto.subtle.sign(ALGORITHM.name, key, new TextEncoder().encode(input)),
    );
  }
}
