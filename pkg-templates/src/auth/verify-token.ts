import { core } from "../core.js";
import { ON_WORKERS, readEnv } from "../env.js";
import {
  type ErrorCode,
  isGwopError,
  type TokenErrorCode,
  TokenVerificationError,
} from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type {
  TokenExpectation,
  TokenRefusal,
  TokenVerifier,
  VerifiedClaims,
} from "../generated/gwop_bg.js";
import { bare, type Names, readAliased, readOptions } from "../options.js";
import { readRefusal } from "../refusal.js";
import { encode } from "../text.js";
import type { JwksStore } from "./jwks-cache.js";

/**
 * Pass this as `merchantId` to accept tokens for every merchant. All merchants share Gwop's keys,
 * so look at `merchantId` of the verified token before you let the agent do anything.
 */
export const ANY_MERCHANT: unique symbol = /* @__PURE__ */ Symbol.for(
  "@gwop/sdk:any-merchant",
) as never;

/** What you expect of an access token. */
export interface VerifyTokenOptions {
  /**
   * Your merchant id, which the token's `mid` must equal. Default: that of `new Gwop({ merchantId
   * })`, then `GWOP_MERCHANT_ID`. Without one no token verifies, unless you pass {@link
   * ANY_MERCHANT}.
   */
  merchantId?: string | typeof ANY_MERCHANT | undefined;
  /**
   * The audience, or a list. `aud` must contain at least one of them. Default: `aud` is not
   * checked.
   */
  audience?: string | readonly string[] | undefined;
  /** What `iss` must equal. Default `https://identity.gwop.io`. */
  issuer?: string | undefined;
  /** How far two clocks may differ for `exp` and `nbf`, in seconds. Default 5. */
  clockToleranceSeconds?: number | undefined;
  /**
   * `always` also asks Gwop whether the session is active, with one call per token. Only this sees
   * a revocation. `never` trusts the token until it expires. Default `never`.
   */
  sessionCheck?: "always" | "never" | undefined;
  /** Alias of `sessionCheck`, until 2.0.0: `true` is `always`, `false` is `never`. */
  checkSession?: boolean | undefined;
}

const OPTIONS: Names<VerifyTokenOptions> = {
  merchantId: undefined,
  audience: undefined,
  issuer: undefined,
  clockToleranceSeconds: undefined,
  sessionCheck: undefined,
  checkSession: undefined,
};

/** A verified access token. */
export interface VerifiedToken {
  /** `sub`: `{chain}:{address}`. */
  subject: string;
  /** The chain of `subject`, such as `base` or `solana`. */
  chain: string;
  /** The wallet address of `subject`. */
  walletAddress: string;
  /** `sid`: the session. Pass it to `authSessions.get`. */
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

/** The parts of the client that the verification uses. */
export interface TokenClient {
  /** The constructor's `merchantId`. */
  readonly merchantId: string | typeof ANY_MERCHANT | undefined;
  /** The constructor's `jwksStore`. */
  readonly jwksStore: JwksStore | undefined;
  /** The constructor's `jwksCooldownSeconds`. */
  readonly jwksCooldownSeconds: number | undefined;
  /** The constructor's `tokenCacheSize`. */
  readonly tokenCacheSize: number | undefined;
  /**
   * Fetches the JWK Set with one bounded GET that follows no redirect. Rejects unless the status is
   * 200.
   */
  fetchJwks(): Promise<string>;
  /** Looks up the current status of a session. */
  sessionStatus(sessionId: string): Promise<string>;
}

/**
 * Longer than any token that is accepted, so that the wasm can refuse a longer one by its start.
 */
const LONGEST_READ = 20_000;

/** Verifies the access tokens of one client. */
export class TokenVerification {
  readonly #client: TokenClient;
  /**
   * The default expectations, by merchant id. An entry never changes, so the wasm reads the same
   * object once.
   */
  #usual: TokenExpectation | undefined;
  /** Created on first use, when the wasm is loaded. */
  #verifier: TokenVerifier | undefined;

  constructor(client: TokenClient) {
    const { jwksCooldownSeconds, jwksStore, tokenCacheSize } = client;
    if (jwksCooldownSeconds !== undefined && !isDuration(jwksCooldownSeconds)) {
      throw refuse(
        "jwksCooldownSeconds must be a finite number of seconds, 0 or more",
        jwksCooldownSeconds,
      );
    }
    if (tokenCacheSize !== undefined && !isCount(tokenCacheSize)) {
      throw refuse(
        "tokenCacheSize must be a whole number of tokens, 0 to 1,000,000",
        tokenCacheSize,
      );
    }
    if (
      jwksStore !== undefined &&
      (typeof jwksStore?.get !== "function" || typeof jwksStore.set !== "function")
    ) {
      throw refuse(
        "jwksStore must be an object with the functions get() and set(value)",
        undefined,
      );
    }
    this.#client = client;
  }

  async verify(token: string, given: VerifyTokenOptions | undefined): Promise<VerifiedToken> {
    const options = readOptions(given, OPTIONS, refuse, "options");
    const isLive = readSessionCheck(options);
    let expected = this.#expected(options);
    if (given === undefined) {
      // All other expectations are defaults.
      if (this.#usual && this.#usual.merchantId === expected.merchantId) expected = this.#usual;
      else this.#usual = expected = bare(expected);
    } else {
      expected = bare(expected);
    }
    if (typeof token !== "string") {
      throw new TokenVerificationError(
        `The token is not a string but ${token === null ? "null" : typeof token}: pass what follows \`Bearer \` in the Authorization header.`,
        { code: "TOKEN_MALFORMED" },
      );
    }
    let verified: VerifiedToken;
    try {
      const bytes = encode(token.slice(0, LONGEST_READ));
      const tokens = this.#tokens();
      const known = tokens.verified(bytes, expected);
      verified = known
        ? readVerified(known)
        : ((await tokens.verify(bytes, expected)) as VerifiedToken);
    } catch (thrown) {
      throw tokenError(thrown);
    }
    if (isLive) await this.#checkSession(verified.sessionId);
    return verified;
  }

  #tokens(): TokenVerifier {
    const { jwksStore, jwksCooldownSeconds, tokenCacheSize } = this.#client;
    return (this.#verifier ??= new (core().TokenVerifier)(
      readVerified,
      () => this.#client.fetchJwks(),
      jwksStore,
      jwksCooldownSeconds,
      tokenCacheSize,
    ));
  }

  /**
   * Reads the expectations of a call. An empty or `null` expectation is a configuration mistake. It
   * never means that nothing is expected.
   */
  #expected({
    merchantId,
    audience,
    issuer,
    clockToleranceSeconds = 5,
  }: VerifyTokenOptions): TokenExpectation {
    if (merchantId === undefined) merchantId = this.#client.merchantId;
    if (merchantId === undefined) merchantId = readEnv("GWOP_MERCHANT_ID");
    if (merchantId === undefined) throw merchantIdMissing();
    const anyMerchant = merchantId === ANY_MERCHANT;
    const audiences = audience === undefined ? [] : Array.isArray(audience) ? audience : [audience];
    if (!anyMerchant && !isText(merchantId)) {
      throw refuse("merchantId must be a non-empty string, or ANY_MERCHANT", merchantId);
    }
    if (!audiences.every(isText) || (audience !== undefined && audiences.length === 0)) {
      throw refuse("audience must be a non-empty string, or an array of at least one", audience);
    }
    if (issuer !== undefined && !isText(issuer))
      throw refuse("issuer must be a non-empty string", issuer);
    if (!isDuration(clockToleranceSeconds)) {
      throw refuse(
        "clockToleranceSeconds must be a finite number of seconds, 0 or more",
        clockToleranceSeconds,
      );
    }
    const clockToleranceMs = Math.min(
      Math.round(clockToleranceSeconds * 1000),
      Number.MAX_SAFE_INTEGER,
    );
    return {
      merchantId: anyMerchant ? undefined : (merchantId as string),
      issuer,
      audience: audiences,
      clockToleranceMs,
    };
  }

  async #checkSession(sessionId: string | undefined): Promise<void> {
    if (!sessionId) {
      throw new TokenVerificationError(
        "The token has no `sid`, which sessionCheck needs to look its session up.",
        {
          code: "TOKEN_MALFORMED",
        },
      );
    }
    let status;
    try {
      status = await this.#client.sessionStatus(sessionId);
    } catch (error) {
      if (isGwopError(error, "SESSION_NOT_FOUND" satisfies ErrorCode))
        throw tokenError(core().sessionRevoked(), error);
      throw error;
    }
    if (status !== "active") throw tokenError(core().sessionRevoked());
  }
}

/** Returns whether the session must be looked up. */
function readSessionCheck({ sessionCheck, checkSession }: VerifyTokenOptions): boolean {
  if (checkSession !== undefined && typeof checkSession !== "boolean") {
    throw refuse("checkSession must be a boolean", checkSession);
  }
  if (sessionCheck !== undefined && sessionCheck !== "always" && sessionCheck !== "never") {
    throw refuse(
      'sessionCheck must be "always" or "never": a number of seconds is for createAuthMiddleware, which remembers answers',
      sessionCheck,
    );
  }
  const older = checkSession === undefined ? undefined : checkSession ? "always" : "never";
  return readAliased("sessionCheck", sessionCheck, "checkSession", older) === "always";
}

/** Creates the error for a missing merchant id. */
export function merchantIdMissing(): Error {
  return refuse(
    `merchantId is required to verify tokens, since those of all merchants carry Gwop's issuer and keys: pass it to new Gwop({ merchantId }) or set GWOP_MERCHANT_ID ${ON_WORKERS}. Where any merchant's tokens are meant, merchantId: ANY_MERCHANT says so`,
    undefined,
    "MERCHANT_ID_MISSING",
  );
}

/** Creates the result for a token that was verified. */
function readVerified({
  subject,
  chain,
  walletAddress,
  sessionId,
  merchantId,
  issuedAt,
  expiresAt,
  claims,
}: VerifiedClaims): VerifiedToken {
  // Assignments, because spreading an absent value takes Bun a tenth of a verification's own time.
  const token = { subject, chain, walletAddress } as VerifiedToken;
  if (sessionId !== undefined) token.sessionId = sessionId;
  if (merchantId !== undefined) token.merchantId = merchantId;
  if (issuedAt !== undefined) token.issuedAt = new Date(issuedAt);
  token.expiresAt = new Date(expiresAt);
  token.claims = JSON.parse(claims);
  return token;
}

/** Creates the error for a refusal of the wasm. Returns anything else as it is. */
function tokenError(thrown: unknown, cause?: unknown): unknown {
  const refusal = readRefusal<TokenRefusal>(thrown);
  if (!refusal) return thrown;
  const code = refusal.code as TokenErrorCode;
  const reason = cause ?? refusal.cause;
  return new TokenVerificationError(
    refusal.message,
    reason === undefined ? { code } : { code, cause: reason },
  );
}

function isText(value: unknown): value is string {
  // Ids contain no NUL. A text that contains one is not an id.
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

function isDuration(seconds: unknown): seconds is number {
  return typeof seconds === "number" && seconds >= 0 && seconds < Infinity;
}

/** Returns whether `size` is a valid cache size. More would exceed the byte limit of the cache. */
function isCount(size: unknown): size is number {
  return Number.isInteger(size) && (size as number) >= 0 && (size as number) <= 1_000_000;
}
