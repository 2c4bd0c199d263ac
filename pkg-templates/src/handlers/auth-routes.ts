import { core } from "../core.js";
import { readEnvList } from "../env.js";
import { ErrorCode, GwopError, isGwopError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type { Gwop } from "../gwop.js";
import { type Names, readOptions } from "../options.js";
import {
  AUTH_OPTIONS,
  type AuthOptions,
  authenticator,
  isMisconfigured,
  merchantOf,
  notConfigured,
  report,
  sessionEnded,
  Sessions,
} from "./auth.js";
import { incomingRequest } from "./request.js";
import {
  type HandlerResponse,
  jsonResponse,
  bodyWasRead,
  checkOptions,
  isFunction,
  methodNotAllowed,
  refusal,
  RETRY_SECONDS,
} from "./http.js";
import {
  BODY_TIMEOUT_SECONDS,
  type BodyBounds,
  bodyTimeoutRule,
  type Incoming,
  toResponse,
  unavailable,
  unsupported,
} from "./http.js";

/** The options of {@link createAuthRoutes}. */
export interface AuthRoutesOptions extends AuthOptions {
  /** The shared client, with the merchant key and the merchant id. */
  gwop: Pick<Gwop, "auth" | "authIntents" | "authSessions">;
  /**
   * The secret from which exchange secrets are computed: at least 32 random bytes as text, or a
   * list of the current and the previous secret during a rotation. Default: `AUTH_SECRET`, in which
   * a comma separates values. Each value has at least 16 characters. A shorter one turns log-in
   * off.
   */
  authSecret?: string | readonly string[] | undefined;
  /** The path that the routes start with. Default `/auth`. */
  basePath?: string | undefined;
  /** How long a request's body may take to arrive, in seconds. Default 30. */
  bodyTimeoutSeconds?: number | undefined;
}

const OPTIONS: Names<AuthRoutesOptions> = {
  ...AUTH_OPTIONS,
  authSecret: undefined,
  basePath: undefined,
  bodyTimeoutSeconds: undefined,
};

/** Responds to requests for the routes. Returns `undefined` for all other requests. */
export type AuthRoutes = (request: Request) => Promise<Response | undefined>;

/** The largest body that the routes read, in bytes. */
const MAX_BODY_BYTES = 4_096;

/**
 * The largest metadata that an agent may send, in bytes of its JSON: Gwop's limit for an invoice.
 */
const MAX_METADATA_BYTES = 1_024;

/** The deepest nesting of objects and lists in an agent's metadata. */
const MAX_METADATA_DEPTH = 16;

/**
 * The statuses on which a call for an agent is retried. 429 is not among them, because strangers
 * could then multiply their requests with the merchant key.
 */
const AGENT_CALL = { retryCodes: ["500", "502", "503", "504"] };

/** The longest `Retry-After` of Gwop's that is passed on, in seconds. */
const MAX_RETRY_SECONDS = 60;

/** The wait before an agent that is paying should ask again, in seconds. */
const SETTLING_SECONDS = 2;

const encode = (text: string) => new TextEncoder().encode(text);

/**
 * Creates the routes by which agents log in with their wallet. The Worker has the same routes. The
 * merchant key never leaves the server. The JSON has Gwop's names in snake_case.
 *
 * | request | response |
 * |---|---|
 * | `POST /auth/intents`, body optional: `{ "known_wallet_hint"?, "metadata"? }` | 201: the challenge, and an `exchange_secret` |
 * | `POST /auth/intents/{id}/exchange`, `{ "exchange_secret" }` | 200: the token; 402 with `Retry-After` until it is paid |
 * | `GET /auth/session`, with the token | 200: `subject`, `chain`, `walletAddress`, `sessionId`, `merchantId`, `expiresAt` |
 * | `DELETE /auth/session`, with the token | 200: `{ "revoked": true }`; 401 for a token without a session |
 *
 * A body has at most 4,096 bytes and 30 seconds. `metadata` has at most 1,024 bytes as JSON, nested
 * at most 16 levels deep. If a body parser has read the body before, the response is 500
 * `MISCONFIGURED`, and `onError` is called.
 *
 * If Gwop responds with 429, the call is not retried. The route responds with 503 with Gwop's
 * `Retry-After` (at most 60 seconds).
 *
 * A session that was logged out is refused from then on in this process, until its token has
 * expired, even if Gwop could not be told (the response is then 502 or 503). The process remembers
 * up to 20,000 such log-outs, and refuses the next one with 503 before it does anything.
 *
 * The Worker computes secrets and keys in the same way, so either can finish what the other began.
 * Only the caller who created an intent can exchange it: the `exchange_secret` is an HMAC of the
 * intent's id, so nothing is stored. An exchange whose response was lost can be repeated. Put a rate
 * limit in front of `POST /auth/intents`.
 *
 * @throws SDKValidationError if an option is missing, unknown or wrong.
 */
export function createAuthRoutes(options: AuthRoutesOptions): AuthRoutes {
  const routes = authRoutes(options);
  return async (request) => {
    const found = await routes(incomingRequest(request));
    return found && toResponse(found);
  };
}

/** Creates the routes for {@link createAuthRoutes} and every adapter. */
export function authRoutes(
  options: AuthRoutesOptions,
): (incoming: Incoming) => Promise<HandlerResponse | undefined> {
  const named = (message: string) => refuse(`createAuthRoutes: ${message}`);
  const {
    authSecret,
    basePath = "/auth",
    bodyTimeoutSeconds = BODY_TIMEOUT_SECONDS,
    ...auth
  } = readOptions(options, OPTIONS, named);
  const { gwop, onError } = auth;
  const authenticate = authenticator(auth);
  const given = (Array.isArray(authSecret) ? authSecret : [authSecret ?? ""]).filter(
    (secret: unknown) => secret !== "",
  );
  checkOptions("createAuthRoutes", [
    [
      "gwop must be a Gwop client",
      [gwop.authIntents?.create, gwop.authIntents?.exchange, gwop.authSessions.revoke].every(
        isFunction,
      ),
    ],
    [
      "authSecret must be a string of at least 16 characters, or a list of such strings",
      given.every((secret: unknown) => typeof secret === "string" && core().isAuthSecret(secret)),
    ],
    [
      "basePath must be a path that starts with /",
      typeof basePath === "string" && basePath.startsWith("/"),
    ],
    bodyTimeoutRule(bodyTimeoutSeconds),
  ]);
  const bounds = { maxBodyBytes: MAX_BODY_BYTES, bodyTimeoutSeconds };
  // Logging out works for active and revoked sessions.
  const authenticateLocally = authenticator({ ...auth, sessionCheck: "never" });
  const base = basePath.replace(/\/+$/, "");

  function secrets(): readonly string[] {
    const found: readonly string[] = given.length > 0 ? given : readEnvList("AUTH_SECRET");
    if (found.length === 0 || !found.every((secret) => core().isAuthSecret(secret))) {
      throw refuse(
        "authSecret is required for wallet log-in, with at least 16 characters: pass it to createAuthRoutes({ authSecret }) or set AUTH_SECRET",
      );
    }
    return found;
  }

  /** Responds to a request whose body a body parser has already read. */
  function wasRead(): HandlerResponse {
    report(onError, bodyWasRead("auth routes", "they read it themselves"));
    // The reason goes to the log, not into the response.
    return refusal(500, "MISCONFIGURED", "The server is not set up for auth");
  }

  async function createIntent(request: Incoming): Promise<HandlerResponse> {
    const [secret = ""] = secrets();
    // Fail early: nobody should pay for a token that this server refuses.
    merchantOf(gwop);
    const body = await readJson(request, bounds, wasRead);
    if (isRefusal(body)) return body;
    const { known_wallet_hint: knownWalletHint, metadata } = body.value;
    if (knownWalletHint !== undefined && typeof knownWalletHint !== "string") {
      return refusal(
        400,
        "VALIDATION_ERROR",
        "known_wallet_hint must be a string such as base:0x742d…",
      );
    }
    if (metadata !== undefined) {
      if (!isObject(metadata))
        return refusal(400, "VALIDATION_ERROR", "metadata must be an object");
      if (!isWithinDepth(metadata, MAX_METADATA_DEPTH)) {
        return refusal(
          400,
          "VALIDATION_ERROR",
          `metadata must not be nested more than ${MAX_METADATA_DEPTH} levels deep`,
        );
      }
      if (encode(JSON.stringify(metadata)).length > MAX_METADATA_BYTES) {
        return refusal(
          400,
          "VALIDATION_ERROR",
          `metadata must have at most ${MAX_METADATA_BYTES} bytes as JSON`,
        );
      }
    }
    const { result } = await gwop.authIntents.create(
      { body: { knownWalletHint, metadata } },
      AGENT_CALL,
    );
    return jsonResponse(201, {
      ...(toWire(result) as object),
      exchange_secret: core().exchangeSecret(secret, result.authIntentId),
    });
  }

  async function exchange(request: Incoming, authIntentId: string): Promise<HandlerResponse> {
    const known = secrets();
    merchantOf(gwop);
    const body = await readJson(request, bounds, wasRead);
    if (isRefusal(body)) return body;
    const given = body.value["exchange_secret"];
    if (typeof given !== "string") {
      return refusal(
        400,
        "VALIDATION_ERROR",
        'Send { "exchange_secret": "…" } of the answer that created the intent',
      );
    }
    if (!core().isExchangeSecret([...known], authIntentId, given)) {
      return refusal(
        403,
        "EXCHANGE_SECRET_INVALID",
        "The exchange_secret does not belong to this intent",
      );
    }
    const idempotencyKey = core().exchangeIdempotencyKey(authIntentId);
    const { result } = await gwop.authIntents.exchange(
      { authIntentId, idempotencyKey },
      AGENT_CALL,
    );
    return jsonResponse(200, toWire(result) as object);
  }

  async function session(request: Incoming): Promise<HandlerResponse> {
    const authenticated = await (request.method === "GET" ? authenticate : authenticateLocally)(
      request.header("authorization"),
    );
    if (authenticated.refused) return authenticated.refused;
    const { identity } = authenticated;
    const { subject, chain, walletAddress, sessionId, merchantId, expiresAt } = identity;
    if (request.method === "GET")
      return jsonResponse(200, { subject, chain, walletAddress, sessionId, merchantId, expiresAt });
    if (!sessionId) return sessionEnded();
    const sessions = Sessions.of(gwop);
    // Refuse the session from now on, whatever the result of the call.
    if (!sessions.logOut(sessionId, expiresAt)) {
      report(
        onError,
        new Error(
          "Too many sessions were logged out of which Gwop could not be told: none more can be until it can be reached",
        ),
      );
      return unavailable(RETRY_SECONDS);
    }
    try {
      await gwop.authSessions.revoke({ sessionId });
    } catch (error) {
      if (!isGwopError(error, ErrorCode.SessionNotFound)) throw error;
    }
    sessions.note(sessionId, "ended");
    return jsonResponse(200, { revoked: true });
  }

  /** Converts Gwop's refusal to a response for the agent. */
  function failed(error: unknown): HandlerResponse {
    if (isGwopError(error, ErrorCode.AuthIntentNotSettled)) {
      return refusal(
        402,
        ErrorCode.AuthIntentNotSettled,
        "The challenge is not paid yet: pay, then exchange again",
        {
          "retry-after": String(SETTLING_SECONDS),
        },
      );
    }
    for (const [code, status, message] of AGENT_ERRORS) {
      if (isGwopError(error, code)) return refusal(status, code, message);
    }
    report(onError, error);
    if (isMisconfigured(error)) return notConfigured();
    const failure = error instanceof GwopError ? error : undefined;
    const status = failure?.statusCode === 429 ? 503 : 502;
    return refusal(status, "GWOP_UNAVAILABLE", "Gwop cannot be reached now: try again", {
      "retry-after": String(retrySeconds(failure?.headers.get("retry-after"))),
    });
  }

  return async (request) => {
    const pathname = request.path();
    if (!pathname.startsWith(`${base}/`)) return undefined;
    const [route, id, action, ...rest] = pathname.slice(base.length + 1).split("/");
    const { method } = request;
    const isIntent =
      route === "intents" &&
      (id === undefined || (id !== "" && action === "exchange" && rest.length === 0));
    if (!isIntent && !(route === "session" && id === undefined)) return undefined;
    try {
      if (!isIntent)
        return method === "GET" || method === "DELETE"
          ? await session(request)
          : methodNotAllowed("GET, DELETE");
      if (method !== "POST") return methodNotAllowed("POST");
      return id === undefined
        ? await createIntent(request)
        : await exchange(request, decodeURIComponent(id));
    } catch (error) {
      return error instanceof URIError ? undefined : failed(error);
    }
  };
}

/** The refusals by Gwop that are passed on to the agent. */
const AGENT_ERRORS = [
  [ErrorCode.ValidationError, 400, "Gwop does not accept these values"],
  [ErrorCode.AuthIntentNotFound, 404, "There is no such intent"],
  [ErrorCode.AuthIntentExpired, 409, "The intent has expired: create a new one"],
  [ErrorCode.AuthIntentUsed, 409, "The intent was exchanged before: create a new one"],
] as const;

/**
 * Returns the seconds of a `Retry-After` (RFC 9110, section 10.2.3), from 1 to 60. If it names
 * none, returns the default.
 */
function retrySeconds(retryAfter: string | null | undefined): number {
  const wait = core().parseRetryAfter(retryAfter ?? "", Date.now());
  if (wait === undefined) return RETRY_SECONDS;
  return Math.min(Math.max(Math.ceil(wait / 1000), 1), MAX_RETRY_SECONDS);
}

/**
 * Returns whether `value` has at most `depth` nested levels of objects and lists, itself included.
 */
function isWithinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isWithinDepth(inner, depth - 1));
}

/** The JSON body of a request. */
type JSONBody = { value: Record<string, unknown>; status?: undefined };

const isRefusal = (body: JSONBody | HandlerResponse): body is HandlerResponse =>
  body.status !== undefined;

/** Reads a JSON object, empty if there is no body. Returns the response for any other body. */
async function readJson(
  request: Incoming,
  bounds: BodyBounds,
  wasRead: () => HandlerResponse,
): Promise<JSONBody | HandlerResponse> {
  const refused = unsupported(request);
  if (refused) return refused;
  const bytes = await request.read(bounds, wasRead);
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (bytes.length === 0) return { value: {} };
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isObject(value)) return { value };
  } catch {
    // Refused below.
  }
  return refusal(400, "VALIDATION_ERROR", "The body must be a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Converts a result of the client to the names on the wire. These models have no free-form fields.
 */
function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const renamed = Object.entries(value).map(([key, inner]) => [
    key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    toWire(inner),
  ]);
  return Object.fromEntries(renamed);
}
