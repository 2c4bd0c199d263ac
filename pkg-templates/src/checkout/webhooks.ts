import { core } from "../core.js";
import { ON_WORKERS } from "../env.js";
import { hide } from "../errors/brand.js";
import { SDKValidationError } from "../errors/index.js";
import type {
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoicePaidEvent,
} from "../generated/wire.js";
import { type Names, readOptions } from "../options.js";
import { readBody, readSecrets, WebhookVerifier } from "../webhooks.js";
import { InvalidRequestError } from "./errors.js";

/** The event of a webhook, as it is on the wire. Narrow it by `event_type`. */
export type WebhookEvent = InvoicePaidEvent | InvoiceExpiredEvent | InvoiceCanceledEvent;

/** A raw body, before anything parsed it. */
export type WebhookPayload = string | Uint8Array | ArrayBuffer;

/** The secret of the webhook endpoint (`whsec_…`), or several during a rotation. */
export type WebhookSecret = string | readonly string[];

/** How a delivery is verified. */
export interface ConstructEventOptions {
  /** How far the time stamp may be from `receivedAt`, in seconds, before or after. Default 300. */
  tolerance?: number | undefined;
  /** When the delivery was received, if you verify it later. Default: now. */
  receivedAt?: Date | undefined;
  /**
   * The largest payload that is accepted, in bytes, at most 8,388,608 (8 MiB). Default 1,048,576 (1
   * MiB).
   */
  maxBodyBytes?: number | undefined;
}

const OPTIONS: Names<ConstructEventOptions> = {
  tolerance: undefined,
  receivedAt: undefined,
  maxBodyBytes: undefined,
};

/** The handlers of {@link Webhooks.dispatch}. Events without a handler are ignored. */
export interface WebhookHandlers {
  /** The payment has settled: fulfill now. */
  invoicePaid?(event: InvoicePaidEvent): unknown;
  /** The invoice expired. Nobody paid in time. */
  invoiceExpired?(event: InvoiceExpiredEvent): unknown;
  /** The merchant canceled the invoice. */
  invoiceCanceled?(event: InvoiceCanceledEvent): unknown;
}

/** Verifies webhooks, synchronously on every runtime, and passes them to handlers. */
export class Webhooks {
  static {
    hide(this, { name: "Webhooks" });
  }

  /**
   * Verifies a webhook over its raw bytes and returns the event as it is on the wire: snake_case,
   * time stamps as strings. Verify before you change anything, and recognize copies by `event_id`.
   *
   * ```ts
   * const event = gwop.webhooks.constructEvent(rawBody, request.headers["x-gwop-signature"], secret);
   * ```
   *
   * @param payload The raw body, before any parser.
   * @param signatureHeader The `X-Gwop-Signature` header.
   * @param secret The endpoint's secret, or a list during a rotation. The webhook has to match one
   * of them. Default: `GWOP_WEBHOOK_SECRET`, in which a comma separates several secrets.
   * @throws InvalidRequestError with the code `WEBHOOK_SIGNATURE_ERROR`. `details.reason` is the
   * SDK's own code: `WEBHOOK_SIGNATURE_MISSING`, `WEBHOOK_SIGNATURE_MALFORMED`,
   * `WEBHOOK_TIMESTAMP_INVALID`, `WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE`,
   * `WEBHOOK_SIGNATURE_MISMATCH`, `WEBHOOK_BODY_NOT_RAW`, `WEBHOOK_PAYLOAD_INVALID`,
   * `WEBHOOK_EVENT_UNKNOWN` or `WEBHOOK_BODY_TOO_LARGE`; `WEBHOOK_SECRET_MISSING` if no secret is
   * configured, `SIMULATOR_CREDENTIALS` for `whsec_simulator`, which everybody knows (give the
   * simulator another one), and `SDK_VALIDATION` for a wrong option.
   */
  constructEvent(
    payload: WebhookPayload,
    signatureHeader: string | readonly string[] | null | undefined,
    secret?: WebhookSecret,
    options?: ConstructEventOptions,
  ): WebhookEvent {
    return refusing(() => {
      const { tolerance, receivedAt, maxBodyBytes } = readOptions(options, OPTIONS, (message) =>
        refusal(message, "SDK_VALIDATION"),
      );
      return new WebhookVerifier(secret, true).verifyWire<WebhookEvent>({
        request: { body: payload, headers: { "x-gwop-signature": signatureHeader ?? undefined } },
        toleranceSeconds: tolerance,
        receivedAt,
        maxBodyBytes,
      });
    });
  }

  /**
   * Creates a signature header for `payload`, as Gwop would send it, for your own tests.
   *
   * @param payload The raw body.
   * @param secret The endpoint's secret. Of several, the first signs. Default:
   * `GWOP_WEBHOOK_SECRET`.
   * @param timestamp Unix seconds. Default: now.
   * @throws InvalidRequestError if the time stamp is not whole seconds, or there is no secret.
   */
  generateTestSignature(
    payload: WebhookPayload,
    secret?: WebhookSecret,
    timestamp: number = Math.floor(Date.now() / 1000),
  ): string {
    return refusing(() => {
      if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
        throw new InvalidRequestError("timestamp must be whole unix seconds, 0 or more", {
          code: "VALIDATION_ERROR",
          statusCode: 400,
        });
      }
      const [first = ""] = readSecrets(secret);
      return `t=${timestamp},v1=${core().signWebhook(first, String(timestamp), readBody(payload))}`;
    });
  }

  /**
   * Passes a verified event to its handler and waits for it. It throws what the handler throws. In
   * that case, respond to Gwop with a status other than 2xx, and Gwop sends the event again. Events
   * without a handler, and events of unknown types, are ignored.
   */
  async dispatch(event: WebhookEvent, handlers: WebhookHandlers): Promise<void> {
    switch (event.event_type) {
      case "invoice.paid":
        await handlers.invoicePaid?.(event);
        break;
      case "invoice.expired":
        await handlers.invoiceExpired?.(event);
        break;
      case "invoice.canceled":
        await handlers.invoiceCanceled?.(event);
        break;
    }
  }
}

/** Runs `check` and converts its refusals to this surface's error. */
function refusing<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof SDKValidationError)) throw error;
    // Uses this surface's option names.
    const message =
      error.code === "WEBHOOK_SECRET_MISSING"
        ? `A webhook secret is required: pass it as an argument or set GWOP_WEBHOOK_SECRET ${ON_WORKERS}`
        : error.message.replace("toleranceSeconds", "tolerance").replace("webhookSecret", "secret");
    throw refusal(message, error.code);
  }
}

function refusal(message: string, reason: string): InvalidRequestError {
  return new InvalidRequestError(message, {
    code: "WEBHOOK_SIGNATURE_ERROR",
    statusCode: 400,
    details: { reason },
  });
}
