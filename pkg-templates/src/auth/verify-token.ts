import { Core, encoder, fieldsOf, join, readRefusal, refusalOf, run, subtle, Task } from "../core.js";
import { readEnv } from "../env.js";
import { type ErrorCode, isGwopError, type TokenErrorCode, TokenVerificationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import { COOLDOWN_SECONDS } from "../generated/core.js";
import { rs256Key, rs256Verify } from "../generated/gwop_bg.js";
import { readOptions } from "../options.js";
import { sleep } from "../sleep.js";
import { askStore, refresh, type JwksStore } from "./jwks-cache.js";

/** What is expected of an access token. */
export interface VerifyTokenOptions {
  /**
   * Your merchant id, which the token's `mid` must equal. Default: `new Gwop({ merchantId })`, then `GWOP_MERCHANT_ID`.
   * With none of them **tokens that were issued for other merchants verify**.
   */
  merchantId?: string | undefined;
  /** The audience, or several, of which `aud` must name at least one. Default: `aud` is not looked at. */
  audience?: string | readonly string[] | undefined;
  /** The issuer that `iss` must equal. Default `https://identity.gwop.io`. */
  issuer?: string | undefined;
  /** How far the clocks may be apart for `exp` and `nbf`, in seconds. Default 5. */
  clockToleranceSeconds?: number | undefined;
  /** Whether to look the session up live as well (one call to Gwop), which alone sees a revocation. Default false. */
  checkSession?: boolean | undefined;
}

/** A verified access token. */
export interface VerifiedToken {
  /** `sub`: `{chain}:{address}`. */
  subject: string;
  /** The chain of `subject`, such as `base` or `solana`. */
  chain: string;
  /** The wallet address of `subject`. */
  walletAddress: string;
  /** `sid`: the session, for `authSessions.get`. */
  sessionId?: string;
  /** `mid`: the merchant that the token was issued for. */
  merchantId?: string;
  /** `iat`. */
  issuedAt?: Date;
  /** `exp`. */
  expiresAt: Date;
  /** All claims as they were signed. */
  claims: Record<string, unknown>;
}

/** What the verification needs of the client. */
export interface TokenClient {
  /** The constructor's `merchantId`. */
  readonly merchantId: string | undefined;
  /** The constructor's `jwksStore`. */
  readonly jwksStore: JwksStore | undefined;
  /** The constructor's `jwksCooldownSeconds`. */
  readonly jwksCooldownSeconds: number | undefined;
  /** One bounded GET of the JWK Set, never redirected; rejects unless it is answered with status 200. */
  fetchJwks(): Promise<Uint8Array>;
  /** The live status of a session. */
  sessionStatus(sessionId: string): Promise<string>;
}

/** More than any token that is read, so that the wasm refuses what is longer without having seen it all. */
const LONGEST_READ = 20_000;

/** The most imported keys that are kept. Gwop publishes one or two at a time. */
const MAX_KEYS = 16;

/** What a token has to be, as the wasm reads it. */
interface Expected {
  /** Merchant id, issuer and audiences. */
  text: string;
  /** Milliseconds. */
  clockToleranceMs: number;
}

/** Verifies the access tokens of one client. */
export class TokenVerification {
  readonly #client: TokenClient;
  readonly #cooldownSeconds: number;
  /** The JWK Set cache. */
  #tokens: Core | undefined;
  /** Imported keys by JWK Thumbprint (RFC 7638), never promises: on workerd no request may wait for another's. */
  readonly #keys = new Map<string, CryptoKey>();
  /** The header of the last token that verified, and its key: that of most tokens. */
  #latest: { header: string; key: CryptoKey } | undefined;
  /** How many verifications are under way. */
  #running = 0;

  constructor(client: TokenClient) {
    const { jwksCooldownSeconds = COOLDOWN_SECONDS, jwksStore } = client;
    if (!isDuration(jwksCooldownSeconds)) {
      throw refuse("jwksCooldownSeconds must be a finite number of seconds, 0 or more", jwksCooldownSeconds);
    }
    if (jwksStore !== undefined && (typeof jwksStore?.get !== "function" || typeof jwksStore.set !== "function")) {
      throw refuse("jwksStore must be an object with the functions get() and set(value)", undefined);
    }
    this.#client = client;
    this.#cooldownSeconds = jwksCooldownSeconds;
  }

  async verify(token: string, given: VerifyTokenOptions | null | undefined): Promise<VerifiedToken> {
    // Passed over, a merchant id that stands here alone would let every merchant's tokens through.
    const options = readOptions(given ?? undefined, refuse, "verifyToken's second argument");
    const expected = this.#expected(options);
    if (typeof token !== "string") {
      throw new TokenVerificationError(
        `The token is not a string but ${token === null ? "null" : typeof token}: pass what follows \`Bearer \` in the Authorization header.`,
        { code: "TOKEN_MALFORMED" },
      );
    }
    let verified: VerifiedToken;
    this.#running++;
    try {
      verified = await this.#verify(token.slice(0, LONGEST_READ), expected);
    } finally {
      this.#running--;
    }
    if (options.checkSession) await this.#checkSession(verified.sessionId);
    return verified;
  }

  /**
   * What is expected, as the wasm reads it. An empty or `null` expectation is a mistake in the configuration, never
   * the wish to expect nothing.
   */
  #expected({ merchantId, audience, issuer, clockToleranceSeconds = 5, checkSession = false }: VerifyTokenOptions): Expected {
    if (merchantId === undefined) merchantId = this.#client.merchantId;
    if (merchantId === undefined) merchantId = readEnv("GWOP_MERCHANT_ID");
    const audiences = audience === undefined ? [] : Array.isArray(audience) ? audience : [audience];
    if (merchantId !== undefined && !isText(merchantId)) {
      throw refuse("merchantId must be a non-empty string", merchantId);
    }
    if (!audiences.every(isText) || (audience !== undefined && audiences.length === 0)) {
      throw refuse("audience must be a non-empty string, or an array of at least one", audience);
    }
    if (issuer !== undefined && !isText(issuer)) throw refuse("issuer must be a non-empty string", issuer);
    if (!isDuration(clockToleranceSeconds)) {
      throw refuse("clockToleranceSeconds must be a finite number of seconds, 0 or more", clockToleranceSeconds);
    }
    if (typeof checkSession !== "boolean") throw refuse("checkSession must be a boolean", checkSession);
    const clockToleranceMs = Math.min(Math.round(clockToleranceSeconds * 1000), Number.MAX_SAFE_INTEGER);
    return { text: join(merchantId ?? "", issuer ?? "", ...audiences), clockToleranceMs };
  }

  /** Drives the wasm from step to step. Everything awaited here was begun by this call. */
  async #verify(jws: string, { text, clockToleranceMs }: Expected): Promise<VerifiedToken> {
    const token = encoder.encode(jws);
    const header = jws.slice(0, jws.indexOf("."));
    // Web Crypto works while the wasm reads the token, where nothing else keeps it busy. Its answer counts only if that names the same key.
    const latest = this.#running === 1 && this.#latest?.header === header ? this.#latest : undefined;
    const early = latest && rs256Verify(subtle(), latest.key, token);
    early?.catch(() => {});
    if (!this.#tokens) run((this.#tokens = new Core()), Task.JwksCache, "", undefined, this.#cooldownSeconds);
    const tokens = this.#tokens;
    const { jwksStore } = this.#client;
    let ordinal = 0;
    let begunAt = 0;
    let cause: unknown;
    for (;;) {
      let step: string;
      try {
        step = run(tokens, Task.TokenStep, text, token, Date.now(), clockToleranceMs, ordinal, begunAt);
      } catch (refusal) {
        throw tokenError(refusal, cause);
      }
      const [first = "", second = "", ...rest] = fieldsOf(step);
      if (step[0] === "v") {
        // Awaiting what is there already costs as much as a part of the work.
        const known = this.#keys.get(first);
        const keys = known ? [known] : await this.#imported(first.split(","));
        if (!keys) continue;
        const verified = readVerified(second, rest);
        // Of many at once all are read first, and then begun together: threads that run out of work between two cost more than this turn.
        if (!early) await undefined;
        for (const key of keys) {
          const answer = key === latest?.key ? early : rs256Verify(subtle(), key, token);
          let holds = false;
          try {
            holds = (await answer) === true;
          } catch {
            // A key that cannot even be tried does not verify; the next one may.
          }
          if (holds) {
            if (key !== latest?.key) this.#latest = { header, key };
            // A refusal of the claims stands alone, in the place of `iat`.
            if (!verified) throw tokenError(second);
            return verified;
          }
        }
        throw tokenError(refusalOf(Task.TokenSignatureInvalid));
      } else if (step[0] === "f") {
        const asked = ordinal !== 0;
        ordinal = Number(first);
        begunAt = Number(second);
        if (!asked && jwksStore) {
          await askStore(jwksStore, tokens);
        } else {
          cause = await refresh(() => this.#client.fetchJwks(), jwksStore, tokens, { ordinal, begunAt });
          ordinal = -1;
        }
      } else {
        await sleep(Number(first));
      }
    }
  }

  /** The keys of these thumbprints; undefined where one could not be imported, and the wasm is to be asked again. */
  async #imported(thumbprints: readonly string[]): Promise<CryptoKey[] | undefined> {
    const tokens = this.#tokens!;
    const keys: CryptoKey[] = [];
    for (const thumbprint of thumbprints) {
      let key = this.#keys.get(thumbprint);
      if (!key) {
        const jwk = run(tokens, Task.TokenKey, thumbprint);
        // Another request has brought a new set meanwhile.
        if (!jwk) return undefined;
        const imported = rs256Key(subtle(), jwk);
        try {
          key = (await imported) as CryptoKey;
        } catch {
          run(tokens, Task.TokenDiscard, thumbprint);
          return undefined;
        }
        if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
        this.#keys.set(thumbprint, key);
      }
      keys.push(key);
    }
    return keys;
  }

  async #checkSession(sessionId: string | undefined): Promise<void> {
    if (!sessionId) {
      throw new TokenVerificationError("The token has no `sid`, which checkSession needs to look its session up.", {
        code: "TOKEN_MALFORMED",
      });
    }
    let status;
    try {
      status = await this.#client.sessionStatus(sessionId);
    } catch (error) {
      if (isGwopError(error, "SESSION_NOT_FOUND" satisfies ErrorCode)) throw tokenError(refusalOf(Task.TokenSessionRevoked), error);
      throw error;
    }
    if (status !== "active") throw tokenError(refusalOf(Task.TokenSessionRevoked));
  }
}

/** What is returned once the signature is known to hold; undefined where the claims are refused. */
function readVerified(issuedAt: string, [expiresAt, text]: readonly string[]): VerifiedToken | undefined {
  if (!text) return undefined;
  const claims = JSON.parse(text);
  const { sub: subject, sid: sessionId, mid: merchantId } = claims;
  const colon = subject.indexOf(":");
  // By assignments: spreading what may be absent takes Bun a tenth of a verification's own time.
  const token = { subject, chain: subject.slice(0, colon), walletAddress: subject.slice(colon + 1) } as VerifiedToken;
  if (sessionId !== undefined) token.sessionId = sessionId;
  if (merchantId !== undefined) token.merchantId = merchantId;
  if (issuedAt) token.issuedAt = new Date(Number(issuedAt));
  token.expiresAt = new Date(Number(expiresAt));
  token.claims = claims;
  return token;
}

/** The error for a refusal of the wasm; anything else is handed on as it is. */
function tokenError(thrown: unknown, cause?: unknown): unknown {
  const refusal = readRefusal(thrown);
  if (!refusal) return thrown;
  const code = refusal.code as TokenErrorCode;
  return new TokenVerificationError(refusal.message, cause === undefined ? { code } : { code, cause });
}

function isText(value: unknown): value is string {
  // NUL separates texts on their way to the wasm.
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

function isDuration(seconds: unknown): seconds is number {
  return typeof seconds === "number" && seconds >= 0 && seconds < Infinity;
}
