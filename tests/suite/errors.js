// The error classes: how existing code creates, matches and prints them, also across copies of the
// package.
import * as errors from "@gwop/sdk/errors";
import * as models from "@gwop/sdk/models/errors";
// A minified bundle of `@gwop/sdk/errors`, made by the runner: a second copy of the classes.
import * as copies from "./copies/errors.js";
import { assert, assertEquals, assertNotEquals, test } from "./harness.js";

const {
  ConnectionError,
  ErrorCode,
  ErrorResponse,
  GwopDefaultError,
  GwopError,
  HTTPClientError,
  InvalidRequestError,
  isGwopError,
  isOutcomeUnknown,
  RateLimitError,
  RequestAbortedError,
  RequestTimeoutError,
  ResponseValidationError,
  SDKValidationError,
  UnexpectedClientError,
} = errors;

const CANARY = "sk_m_canary";
const error = {
  code: "INVOICE_NOT_FOUND",
  message: "Invoice not found",
  details: {},
  requestId: "req_abc123",
};

/** Details of an error. The request contains the key, the response a token and a cookie. */
function meta(body = JSON.stringify({ error, access_token: CANARY }), status = 404) {
  return {
    response: new Response(body, {
      status,
      headers: { "content-type": "application/json", "x-token": CANARY },
    }),
    request: new Request("https://agents.gwop.io/v1/invoices", {
      headers: { authorization: `Bearer ${CANARY}` },
    }),
    body,
  };
}

/** Returns one instance of each class of a copy of `@gwop/sdk/errors`, and its code. */
function one(of) {
  const cause = new TypeError("why");
  const token = { code: "TOKEN_EXPIRED", cause };
  return {
    GwopError: [new of.GwopError("m", meta()), "HTTP_ERROR"],
    ErrorResponse: [new of.ErrorResponse({ error }, meta()), "INVOICE_NOT_FOUND"],
    RateLimitError: [
      new of.RateLimitError({ error: { ...error, code: "RATE_LIMITED" } }, meta()),
      "RATE_LIMITED",
    ],
    GwopDefaultError: [new of.GwopDefaultError("m", meta()), "HTTP_ERROR"],
    ResponseValidationError: [
      new of.ResponseValidationError("m", {
        ...meta(),
        cause,
        rawValue: { a: CANARY },
        rawMessage: "m",
      }),
      "RESPONSE_VALIDATION",
    ],
    SDKValidationError: [new of.SDKValidationError("m", cause, CANARY), "SDK_VALIDATION"],
    HTTPClientError: [new of.HTTPClientError("m", { cause }), "HTTP_CLIENT_ERROR"],
    UnexpectedClientError: [
      new of.UnexpectedClientError("m", { cause }),
      "UNEXPECTED_CLIENT_ERROR",
    ],
    InvalidRequestError: [new of.InvalidRequestError("m"), "INVALID_REQUEST"],
    RequestAbortedError: [new of.RequestAbortedError("m", { cause }), "REQUEST_ABORTED"],
    RequestTimeoutError: [new of.RequestTimeoutError("m", { cause }), "REQUEST_TIMEOUT"],
    ConnectionError: [new of.ConnectionError("m", { cause }), "CONNECTION_ERROR"],
    WaitForStatusError: [
      new of.WaitForStatusError("m", { code: "WAIT_TIMEOUT", status: "OPEN", cause }),
      "WAIT_TIMEOUT",
    ],
    TokenVerificationError: [new of.TokenVerificationError("m", token), "TOKEN_EXPIRED"],
  };
}

/** The classes for which `instanceof` is true, by class, including the class itself. */
const FAMILY = {
  GwopError: ["GwopError"],
  ErrorResponse: ["GwopError", "ErrorResponse"],
  RateLimitError: ["GwopError", "RateLimitError"],
  GwopDefaultError: ["GwopError", "GwopDefaultError"],
  ResponseValidationError: ["GwopError", "SDKValidationError", "ResponseValidationError"],
  SDKValidationError: ["SDKValidationError"],
  HTTPClientError: ["HTTPClientError"],
  UnexpectedClientError: ["HTTPClientError", "UnexpectedClientError"],
  InvalidRequestError: ["HTTPClientError", "InvalidRequestError"],
  RequestAbortedError: ["HTTPClientError", "RequestAbortedError"],
  RequestTimeoutError: ["HTTPClientError", "RequestTimeoutError"],
  ConnectionError: ["HTTPClientError", "ConnectionError"],
  TokenVerificationError: ["TokenVerificationError"],
  WaitForStatusError: ["WaitForStatusError"],
};
const NAMES = Object.keys(FAMILY);

test("error codes: exactly the contract's twelve", () => {
  assertEquals(
    { ...ErrorCode },
    {
      Unauthorized: "UNAUTHORIZED",
      Forbidden: "FORBIDDEN",
      ValidationError: "VALIDATION_ERROR",
      InvoiceNotFound: "INVOICE_NOT_FOUND",
      InvoiceCancelNotAllowed: "INVOICE_CANCEL_NOT_ALLOWED",
      AuthIntentNotSettled: "AUTH_INTENT_NOT_SETTLED",
      AuthIntentNotFound: "AUTH_INTENT_NOT_FOUND",
      AuthIntentExpired: "AUTH_INTENT_EXPIRED",
      AuthIntentUsed: "AUTH_INTENT_USED",
      SessionNotFound: "SESSION_NOT_FOUND",
      IdempotencyConflict: "IDEMPOTENCY_CONFLICT",
      RateLimited: "RATE_LIMITED",
    },
  );
});

test("errors: both subpaths give the very same classes", () => {
  const ofTheContract = NAMES.filter(
    (name) => !["TokenVerificationError", "WaitForStatusError"].includes(name),
  );
  for (const name of ofTheContract) assert(models[name] === errors[name], name);
});

test("errors: name, code and instanceof of every class", () => {
  for (const [name, [instance, code]] of Object.entries(one(errors))) {
    assertEquals([instance.name, instance.constructor.name, instance.code], [name, name, code]);
    assert(instance instanceof Error, name);
    assert(String(instance).startsWith(`${name}: `), String(instance));
    const answersTo = NAMES.filter((other) => instance instanceof errors[other]);
    assertEquals(
      new Set(answersTo),
      new Set(NAMES.filter((other) => FAMILY[name].includes(other))),
      name,
    );
  }
});

test("errors: instanceof holds over a copy of the package, minified, both ways", () => {
  for (const [mine, other] of [
    [errors, copies],
    [copies, errors],
  ]) {
    for (const [name, [instance]] of Object.entries(one(mine))) {
      assert(mine[name] !== other[name], `${name} is no copy`);
      assertEquals([instance.name, instance.constructor.name], [name, name]);
      const answersTo = NAMES.filter((candidate) => instance instanceof other[candidate]);
      assertEquals(answersTo.sort(), [...FAMILY[name]].sort(), name);
    }
  }
  assert(isGwopError(new copies.ErrorResponse({ error }, meta()), "INVOICE_NOT_FOUND"));
});

test("errors: subclasses that users make keep the default rule", () => {
  class OutOfStock extends ErrorResponse {}
  class OutOfStockCopy extends copies.ErrorResponse {}
  const own = new OutOfStock({ error }, meta());
  assert(own instanceof OutOfStock && own instanceof ErrorResponse && own instanceof GwopError);
  assert(own instanceof copies.ErrorResponse, "the base's brand is inherited");
  assert(
    !(new ErrorResponse({ error }, meta()) instanceof OutOfStock),
    "any ErrorResponse is an OutOfStock",
  );
  assert(!(own instanceof OutOfStockCopy), "the brand leaked to a user's class");
  class Named extends SDKValidationError {
    name = "Named";
  }
  assertEquals(new Named("m", undefined, undefined).name, "Named");
  assertEquals(new Named("m", undefined, undefined).toString(), "Named: m");
});

test("errors: instanceof of anything else is false and never throws", () => {
  const values = [
    undefined,
    null,
    0,
    "GwopError",
    Symbol("x"),
    {},
    [],
    () => {},
    new Error("x"),
    Object.create(null),
  ];
  for (const name of NAMES) {
    for (const value of values) assert(!(value instanceof errors[name]), name);
  }
});

test("GwopError: the fields of the contract", () => {
  const about = meta("gone", 502);
  const instance = new GwopError("m", about);
  assertEquals([instance.message, instance.statusCode, instance.body], ["m", 502, "gone"]);
  assertEquals(instance.contentType, "application/json");
  assert(instance.headers instanceof Headers && instance.headers.get("x-token") === CANARY);
  assert(instance.rawResponse === about.response);
});

test("ErrorResponse and RateLimitError: the server's message as it stands, error and data$", () => {
  for (const Class of [ErrorResponse, RateLimitError]) {
    const instance = new Class({ error }, meta());
    assertEquals(instance.message, "Invoice not found");
    assertEquals(instance.error, error);
    assertEquals(instance.data$, { error });
    assertEquals(instance.statusCode, 404);
  }
});

test("GwopDefaultError has no error field", () => {
  assert(!("error" in new GwopDefaultError("m", meta())));
});

test("SDKValidationError: rawValue, rawMessage, pretty", () => {
  const instance = new SDKValidationError("amountUsdc must be an integer", new RangeError("1.5"), {
    amountUsdc: 1.5,
  });
  assertEquals(instance.rawValue, { amountUsdc: 1.5 });
  assertEquals(instance.rawMessage, "amountUsdc must be an integer");
  assert(instance.message.startsWith("amountUsdc must be an integer"), instance.message);
  assert(instance.cause instanceof RangeError);
  for (const part of ["amountUsdc must be an integer", "RangeError: 1.5"]) {
    assert(instance.pretty().includes(part), instance.pretty());
  }
  const plain = new SDKValidationError("m", undefined, undefined);
  assertEquals(
    [plain.message, plain.pretty(), "cause" in plain],
    ["m", "SDKValidationError: m", false],
  );
  assertEquals([plain.httpStatus, Object.keys(plain).includes("httpStatus")], [500, false]);
});

test("ResponseValidationError: a GwopError and a SDKValidationError at once", () => {
  const cause = new Error("why");
  const instance = new ResponseValidationError("m", {
    ...meta("{}", 200),
    cause,
    rawValue: {},
    rawMessage: "raw",
  });
  assertEquals([instance.statusCode, instance.body, instance.rawMessage], [200, "{}", "raw"]);
  assertEquals(instance.rawValue, {});
  assert(instance.cause === cause);
  assert(instance.pretty().includes("raw") && instance.pretty().includes("why"), instance.pretty());
});

test("HTTPClientError and its five: message and cause", () => {
  const classes = [
    HTTPClientError,
    UnexpectedClientError,
    InvalidRequestError,
    RequestAbortedError,
    RequestTimeoutError,
    ConnectionError,
  ];
  for (const Class of classes) {
    const cause = new TypeError("refused");
    const instance = new Class("no connection", { cause });
    assert(instance.cause === cause);
    assertEquals(instance.message, "no connection: TypeError: refused");
    assertEquals(new Class("m").message, "m");
    assert(!("cause" in new Class("m")), "a cause that is none");
  }
});

test("isGwopError: any error of Gwop's answers, and no other", () => {
  const instances = one(errors);
  for (const [name, [instance]] of Object.entries(instances)) {
    assertEquals(isGwopError(instance), FAMILY[name].includes("GwopError"), name);
  }
  for (const value of [
    undefined,
    null,
    {},
    "GwopError",
    new Error("x"),
    { code: "UNAUTHORIZED" },
  ]) {
    assertEquals(isGwopError(value), false);
    assertEquals(isGwopError(value, ErrorCode.Unauthorized), false);
  }
});

test("isGwopError: with a code, structured or from the raw body", () => {
  const structured = new ErrorResponse({ error }, meta('{"error":{"code":"OTHER"}}'));
  assert(isGwopError(structured, ErrorCode.InvoiceNotFound));
  assert(!isGwopError(structured, ErrorCode.Unauthorized));
  assert(!isGwopError(structured, "OTHER"), "a structured error is judged by its body");
  for (const Class of [GwopError, GwopDefaultError]) {
    const raw = (body) => new Class("m", meta(body));
    assert(isGwopError(raw('{"error":{"code":"FORBIDDEN"}}'), ErrorCode.Forbidden), "the raw body");
    assert(!isGwopError(raw('{"error":{"code":"FORBIDDEN"}}'), ErrorCode.Unauthorized));
    for (const body of [
      "",
      "<html>",
      "null",
      "[]",
      "1",
      '"FORBIDDEN"',
      '{"error":null}',
      '{"error":"FORBIDDEN"}',
      "{",
    ]) {
      assert(!isGwopError(raw(body), ErrorCode.Forbidden), body);
    }
  }
});

/** The classes of errors after which the call may have succeeded. */
const UNKNOWN = [
  "HTTPClientError",
  "UnexpectedClientError",
  "RequestAbortedError",
  "RequestTimeoutError",
  "ConnectionError",
  "ResponseValidationError",
];

test("isOutcomeUnknown: of every class, also of a copy of the package", () => {
  for (const of of [errors, copies]) {
    for (const [name, [instance]] of Object.entries(one(of))) {
      assertEquals(isOutcomeUnknown(instance), UNKNOWN.includes(name), name);
    }
  }
});

test("isOutcomeUnknown: an answer of 500 or more leaves it open, any other does not", () => {
  for (const [status, unknown] of [
    [302, false],
    [400, false],
    [409, false],
    [429, false],
    [499, false],
    [500, true],
    [502, true],
    [504, true],
    [599, true],
  ]) {
    for (const Class of [GwopError, GwopDefaultError]) {
      assertEquals(
        isOutcomeUnknown(
          new Class("m", { ...meta(), response: { status, headers: new Headers() } }),
        ),
        unknown,
      );
    }
  }
});

test("isOutcomeUnknown: of agents and of the checkout surface, and of nothing else", async () => {
  const checkout = await import("@gwop/sdk/checkout");
  for (const [code, statusCode, unknown] of [
    ["CONNECTION_ERROR", undefined, true],
    ["REQUEST_TIMEOUT", undefined, true],
    ["REQUEST_ABORTED", undefined, true],
    ["UNEXPECTED_CLIENT_ERROR", undefined, true],
    ["MAX_RETRIES_EXCEEDED", undefined, true],
    ["MAX_RETRIES_EXCEEDED", 503, true],
    ["MAX_RETRIES_EXCEEDED", 429, false],
    ["RESPONSE_VALIDATION", 200, true],
    ["HTTP_ERROR", 502, true],
    ["VALIDATION_ERROR", 400, false],
    ["INVALID_REQUEST", 400, false],
    ["WAIT_TIMEOUT", undefined, false],
    ["WEBHOOK_SIGNATURE_ERROR", 400, false],
  ]) {
    const error = new checkout.GwopCheckoutError("m", { code, statusCode });
    assertEquals(isOutcomeUnknown(error), unknown, `${code} ${statusCode}`);
  }
  for (const mayHaveSettled of [true, false]) {
    const agents = Object.assign(new Error("m"), { name: "AgentError", mayHaveSettled });
    assertEquals(isOutcomeUnknown(agents), mayHaveSettled);
  }
  const others = [
    undefined,
    null,
    0,
    "REQUEST_TIMEOUT",
    {},
    new Error("x"),
    { mayHaveSettled: true },
  ];
  const foreign = Object.assign(new Error("x"), { code: "REQUEST_TIMEOUT", statusCode: 503 });
  for (const other of [...others, foreign]) assertEquals(isOutcomeUnknown(other), false);
});

/** Returns the output of `console.log`, if the runtime offers it. */
const inspect = globalThis.process?.getBuiltinModule?.("util")?.inspect ?? String;

test("errors: printing, spreading and serializing tell no key, token or header", () => {
  for (const [name, [instance]] of Object.entries(one(errors))) {
    const enumerable = [];
    for (const key in instance) enumerable.push(key);
    for (const told of [
      JSON.stringify(instance),
      JSON.stringify({ ...instance }),
      JSON.stringify(enumerable.map((key) => instance[key])),
      String(instance.stack),
      inspect(instance),
    ]) {
      assert(!told.includes(CANARY), `${name} tells a secret: ${told}`);
    }
    for (const value of Object.values(instance)) {
      assert(
        !(value instanceof Headers || value instanceof Response || value instanceof Request),
        name,
      );
    }
  }
});

test("errors survive structuredClone", () => {
  for (const [name, [instance]] of Object.entries(one(errors))) {
    const clone = structuredClone(instance);
    assertEquals(clone.message, instance.message, name);
  }
});

test("the checkout surface's classes are others than the SDK's", async () => {
  const checkout = await import("@gwop/sdk/checkout");
  const options = { code: "RATE_LIMITED", statusCode: 429 };
  for (const name of ["RateLimitError", "InvalidRequestError"]) {
    const theirs = new checkout[name]("m", options);
    assertNotEquals(checkout[name], errors[name]);
    assert(!(theirs instanceof errors[name]), `${name} of the checkout surface is the SDK's`);
    assert(
      !(one(errors)[name][0] instanceof checkout[name]),
      `${name} of the SDK is the checkout surface's`,
    );
    assert(!isGwopError(theirs));
  }
});
