import type { Auth } from "../auth/index.js";
import type { VerifiedToken } from "../auth/verify-token.js";
import { core } from "../core.js";
import { ON_WORKERS } from "../env.js";
import {
  ErrorCode,
  isGwopError,
  SDKValidationError,
  TokenVerificationError,
} from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type { Gwop } from "../gwop.js";
import { type Names, readOptions } from "../options.js";
import { shared } from "../shared.js";
import {
  type HandlerResponse,
  checkOptions,
  isFunction,
  refusal,
  RETRY_SECONDS,
  tell,
  toResponse,
  unavailable,
} from "./http.js";

/**
 * How fresh the knowledge about a session must be. `never` trusts the token until it expires.
 * `always` asks Gwop for each request. A number says for how many seconds a response from Gwop is
 * reused.
 */
export type SessionCheck = "never" | "always" | number;

/** The options of {@link createAuthMiddleware}. */
export interface AuthOptions {
  /**
   * The shared client. It needs your merchant id (`merchantId` or `GWOP_MERCHANT_ID`) and, unless
   * `sessionCheck` is `never`, the merchant key.
   */
  gwop: {
    readonly auth: Pick<Auth, "verifyToken" | "merchantId">;
    readonly authSessions: Pick<Gwop["authSessions"], "get">;
  };
  /**
   * The audience, or a list. A token must name at least one of them. Default: `aud` is not checked.
   */
  audience?: string | readonly string[] | undefined;
  /**
   * Default: 30 seconds. A session that the routes of `createAuthRoutes` revoke in this process is
   * refused at once, except with `never`.
   */
  sessionCheck?: SessionCheck | undefined;
  /**
   * Called for each response with a status of 500 or more. The response does not wait for it. Default:
   * `console.error`.
   */
  onError?: ((error: unknown) => unknown) | undefined;
}

/** The names of {@link AuthOptions}. */
export const AUTH_OPTIONS: Names<AuthOptions> = {
  gwop: undefined,
  audience: undefined,
  sessionCheck: undefined,
  onError: undefined,
};

/** The agent's identity, or the response to send. */
export type AuthResult =
  | { identity: VerifiedToken; response?: undefined }
  | { identity?: undefined; response: Response };

/** Identifies the sender of a request. Its promise never rejects. */
export type Authenticate = (request: Pick<Request, "headers">) => Promise<AuthResult>;

/**
 * The most sessions per client whose last status is remembered. The oldest is forgotten first, and
 * then Gwop is asked again.
 */
const MAX_LIVE_RESPONSES = 10_000;

/**
 * The most log-outs per client that Gwop has not confirmed. None of them is forgotten before its
 * token has expired.
 */
const MAX_UNTOLD = 20_000;

/**
 * How long after its `exp` a token can still verify, in milliseconds. It is more than the tolerance
 * of `verifyToken`.
 */
const EXPIRY_GRACE_MS = 60_000;

/** The codes that say nothing about the token. The status is 503, not 401. */
const SAYS_NOTHING: readonly string[] = ["JWKS_UNAVAILABLE", "TOKEN_KEY_UNSUPPORTED"];

/** What all middleware and routes over one client know about sessions. */
export class Sessions {
  /** By session id: the last known status, as `sessionSeen` of the wasm returns it. */
  readonly #responses = new Map<string, number>();
  /**
   * By session id: log-outs that Gwop has not confirmed, and the end of their validity in
   * milliseconds since 1970.
   */
  readonly #untold = new Map<string, number>();

  static of(client: object): Sessions {
    const all = shared("sessions", () => new WeakMap<object, Sessions>());
    let sessions = all.get(client);
    if (!sessions) all.set(client, (sessions = new Sessions()));
    return sessions;
  }

  /**
   * Returns whether the session is active, from a response of the last `seconds`. Returns
   * `undefined` if there is none.
   */
  recall(sessionId: string, seconds: number): boolean | undefined {
    // When the entry's time is over, its token no longer verifies.
    if (this.#untold.has(sessionId)) return false;
    return core().isSessionActive(this.#responses.get(sessionId), seconds * 1000, Date.now());
  }

  /** Records that the session was active at `askedAt`, or that Gwop says that it has ended. */
  note(sessionId: string, askedAt: number | "ended"): void {
    if (askedAt === "ended") this.#untold.delete(sessionId);
    const active = askedAt !== "ended";
    const known = core().sessionSeen(this.#responses.get(sessionId), active, active ? askedAt : 0);
    this.#responses.delete(sessionId);
    this.#responses.set(sessionId, known);
    const [oldest] = this.#responses.keys();
    if (this.#responses.size > MAX_LIVE_RESPONSES && oldest !== undefined)
      this.#responses.delete(oldest);
  }

  /**
   * Refuses the session from now on, until its token has expired or Gwop says that it has ended.
   *
   * @returns Whether there was room to remember it.
   */
  logOut(sessionId: string, expiresAt: Date): boolean {
    const until = Math.max(this.#untold.get(sessionId) ?? 0, expiresAt.getTime() + EXPIRY_GRACE_MS);
    if (this.#untold.size >= MAX_UNTOLD) {
      const now = Date.now();
      for (const [id, end] of this.#untold) if (end < now) this.#untold.delete(id);
    }
    if (this.#untold.size >= MAX_UNTOLD && !this.#untold.has(sessionId)) return false;
    this.#untold.set(sessionId, until);
    return true;
  }
}

/**
 * Creates a function that reads the bearer token of a request (RFC 6750). It returns the verified
 * identity, or the response to send:
 *
 * | request | response |
 * |---|---|
 * | no bearer token | 401 with `WWW-Authenticate: Bearer` |
 * | a token that does not verify, or whose session was revoked | 401 with `error="invalid_token"` and the code |
 * | a subject or session that is not printable ASCII, so that no header can carry it | 401 `TOKEN_MALFORMED` |
 * | Gwop cannot be asked, or its response is not understood | 503 with `Retry-After` |
 * | no merchant id is configured | 503 `AUTH_NOT_CONFIGURED` |
 *
 * It never looks at headers that claim an identity.
 *
 * @throws SDKValidationError if an option is missing, unknown or wrong.
 * @example
 * ```ts
 * const authenticate = createAuthMiddleware({ gwop });
 * const { identity, response } = await authenticate(request);
 * if (response) return response;
 * console.log(identity.subject);
 * ```
 */
export function createAuthMiddleware(options: AuthOptions): Authenticate {
  const authenticate = authenticator(options);
  return async ({ headers }) => {
    const { identity, refused } = await authenticate(headers.get("authorization"));
    return refused ? { response: toResponse(refused) } : { identity };
  };
}

/** Either the agent's identity, or the response to send. */
export type Authenticated =
  | { identity: VerifiedToken; refused?: undefined }
  | { identity?: undefined; refused: HandlerResponse };

/** Checks the `Authorization` header for {@link createAuthMiddleware} and every adapter. */
export function authenticator(
  options: AuthOptions,
): (authorization: string | null | undefined) => Promise<Authenticated> {
  const named = (message: string) => refuse(`createAuthMiddleware: ${message}`);
  const { gwop, audience, sessionCheck = 30, onError } = readOptions(options, AUTH_OPTIONS, named);
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  const isNamed = (value: unknown) => typeof value === "string" && value !== "";
  checkOptions("createAuthMiddleware", [
    [
      "gwop must be a Gwop client",
      isFunction(gwop?.auth?.verifyToken) && isFunction(gwop?.authSessions?.get),
    ],
    [
      "audience must be a string, or a list of one or more",
      audience === undefined || (audiences.length > 0 && audiences.every(isNamed)),
    ],
    [
      'sessionCheck must be "never", "always" or a number of seconds, 0 or more',
      sessionCheck === "never" ||
        sessionCheck === "always" ||
        (Number.isFinite(sessionCheck) && sessionCheck >= 0),
    ],
    ["onError must be a function", onError === undefined || isFunction(onError)],
  ]);
  const sessions = Sessions.of(gwop);

  /** Returns whether Gwop says that the session is active. */
  async function isActive(sessionId: string): Promise<boolean> {
    const seconds = sessionCheck === "always" ? 0 : Number(sessionCheck);
    const recalled = sessions.recall(sessionId, seconds);
    if (recalled !== undefined) return recalled;
    const askedAt = Date.now();
    let active;
    try {
      active = (await gwop.authSessions.get({ sessionId })).result.status === "active";
    } catch (error) {
      // Not remembered, because Gwop may not know a new session yet.
      if (isGwopError(error, ErrorCode.SessionNotFound)) return false;
      throw error;
    }
    sessions.note(sessionId, active ? askedAt : "ended");
    // The session may have been revoked during the lookup.
    return active && sessions.recall(sessionId, Infinity) !== false;
  }

  return async (authorization) => {
    const token = core().bearerToken(authorization ?? "");
    if (token === undefined) return { refused: unauthorized() };
    try {
      const merchantId = merchantOf(gwop);
      const identity = await gwop.auth.verifyToken(token, { merchantId, audience });
      const { sessionId } = identity;
      // The identity is passed on in headers, and every wallet and session of Gwop's fits into one.
      if (!core().isHeaderValue(identity.subject + (sessionId ?? ""))) {
        return {
          refused: unauthorized(
            "TOKEN_MALFORMED",
            "The token's subject or session is not printable ASCII",
          ),
        };
      }
      if (sessionCheck !== "never" && !(sessionId && (await isActive(sessionId)))) {
        return { refused: sessionEnded() };
      }
      return { identity };
    } catch (error) {
      if (error instanceof TokenVerificationError && !SAYS_NOTHING.includes(error.code)) {
        return { refused: unauthorized(error.code, error.message) };
      }
      report(onError, error);
      return { refused: isMisconfigured(error) ? notConfigured() : unavailable(RETRY_SECONDS) };
    }
  };
}

/** Returns the merchant id. Without it, tokens of other merchants would verify. */
export function merchantOf({ auth }: AuthOptions["gwop"]): string {
  const { merchantId } = auth;
  if (merchantId) return merchantId;
  throw refuse(
    `The merchant id is not known, and tokens of all merchants carry the same issuer and keys: pass it to new Gwop({ merchantId }) or set GWOP_MERCHANT_ID ${ON_WORKERS}`,
    undefined,
    "MERCHANT_ID_MISSING",
  );
}

/** Reports an error without waiting. */
export function report(onError: AuthOptions["onError"], error: unknown): void {
  void tell(() => (onError ? onError(error) : console.error("Gwop auth:", error)));
}

/**
 * Returns whether an option or a variable is missing or wrong. A response of Gwop's that the SDK
 * does not understand is an `SDKValidationError` too, but not such a mistake.
 */
export function isMisconfigured(error: unknown): boolean {
  return error instanceof SDKValidationError && !isGwopError(error);
}

/** Responds with 401 to a token without an active session. */
export const sessionEnded = () =>
  unauthorized("SESSION_REVOKED", "The token's session is not active: log in again");

/** The log names what is missing. The response does not. */
export const notConfigured = () =>
  refusal(503, "AUTH_NOT_CONFIGURED", "Auth is not configured here");

/**
 * Responds with 401 and its challenge. Without a token, it has no error (RFC 6750, section 3.1).
 */
function unauthorized(
  code?: string,
  message = "Send an access token as Authorization: Bearer …",
): HandlerResponse {
  const error = code ? `, error="invalid_token", error_description="${code}"` : "";
  return refusal(401, code ?? "TOKEN_REQUIRED", message, {
    "www-authenticate": `Bearer realm="gwop"${error}`,
  });
}
