/**
 * `@gwop/sdk/models/operations`: what each call takes and resolves to. Types only.
 */
import type { ApiResponse } from "../client.js";
import type {
  AuthIntent,
  AuthSession,
  AuthToken,
  Invoice,
  InvoiceCancel,
  InvoiceList,
  InvoicePublic,
  InvoicesListRequest as OpenInvoicesListRequest,
  InvoiceStatus,
  Jwks,
  Revoked,
} from "../generated/models.js";
import type { Known } from "./known.js";

export type {
  AuthIntentsCreateRequest,
  AuthIntentsExchangeRequest,
  AuthSessionsGetRequest,
  AuthSessionsRevokeRequest,
  InvoicesCancelRequest,
  InvoicesCreateRequest,
  InvoicesGetRequest,
} from "../generated/models.js";
export type { ApiResponse };

/** The argument of `invoices.list`. */
export interface InvoicesListRequest extends Omit<OpenInvoicesListRequest, "status"> {
  /** Only invoices of this status. */
  status?: Known<InvoiceStatus> | undefined;
}

/** What `invoices.create` resolves to. */
export type InvoicesCreateResponse = ApiResponse<Invoice>;
/** What `invoices.list` resolves to. */
export type InvoicesListResponse = ApiResponse<InvoiceList>;
/** What `invoices.get` resolves to. */
export type InvoicesGetResponse = ApiResponse<InvoicePublic>;
/** What `invoices.cancel` resolves to. */
export type InvoicesCancelResponse = ApiResponse<InvoiceCancel>;
/** What `authIntents.create` resolves to. */
export type AuthIntentsCreateResponse = ApiResponse<AuthIntent>;
/** What `authIntents.exchange` resolves to. */
export type AuthIntentsExchangeResponse = ApiResponse<AuthToken>;
/** What `authSessions.get` resolves to. */
export type AuthSessionsGetResponse = ApiResponse<AuthSession>;
/** What `authSessions.revoke` resolves to. */
export type AuthSessionsRevokeResponse = ApiResponse<Revoked>;
/** What `auth.getJwks` resolves to. */
export type AuthGetJwksResponse = ApiResponse<Jwks>;
