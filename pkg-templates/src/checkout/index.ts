export type {
  AgentFlow,
  AgentProtocol,
  AgentState,
  CreateInvoiceRequest,
  Invoice as CreateInvoiceResponse,
  InvoiceCancel as CancelInvoiceResponse,
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoiceList as ListInvoicesResponse,
  InvoicePaidEvent,
  InvoicePublic,
  InvoicesListRequest as ListInvoicesParams,
  InvoiceStatus,
  PaymentChain,
  PaymentMethod,
} from "../generated/wire.js";
export { GwopCheckout, type GwopCheckoutOptions } from "./client.js";
export * from "./errors.js";
export type { CreateInvoiceOptions, Invoices, WaitForStatusOptions } from "./invoices.js";
export * from "./webhooks.js";
