use super::{AtomicAmount, Id, PaymentChain, Timestamp, Usually, literal, model, open_enum};

literal! {
    /// The type of an [`InvoicePaidEvent`].
    pub struct InvoicePaidType = "invoice.paid";
    /// The type of an [`InvoiceExpiredEvent`].
    pub struct InvoiceExpiredType = "invoice.expired";
    /// The type of an [`InvoiceCanceledEvent`].
    pub struct InvoiceCanceledType = "invoice.canceled";
    /// The status in an [`InvoicePaidEvent`].
    pub struct PaidStatus = "PAID";
    /// The status in an [`InvoiceExpiredEvent`].
    pub struct ExpiredStatus = "EXPIRED";
    /// The status in an [`InvoiceCanceledEvent`].
    pub struct CanceledStatus = "CANCELED";
}

open_enum! {
    /// What an event did, as Gwop's Worker reports it to fulfillment.
    pub enum GwopOutcome { Applied = "applied", Conflict = "conflict" }
    /// The source of an event that Gwop did not send.
    pub enum GwopSource { Reconciliation = "reconciliation" }
}

model! {
    /// `invoice.paid`: the payment has settled. Fulfill the order now.
    pub struct InvoicePaidEvent {
        /// The event's id: a UUID or `evt_*`. Recognize copies by it.
        event_id: Id,
        /// `invoice.paid`.
        event_type: InvoicePaidType,
        /// A version that increases per invoice. Undefined if Gwop sends none.
        event_version: Option<i64>,
        /// When the event was created. Undefined if Gwop sends none.
        created_at: Option<Timestamp>,
        /// What happened.
        data: InvoicePaidData,
        /// Only in deliveries from Gwop's Worker to your fulfillment.
        gwop_outcome: Option<GwopOutcome>,
        /// Only in events that reconciliation derived from an invoice, with `{ reconciled: true }`.
        gwop_source: Option<GwopSource>,
    }

    /// `invoice.expired`: nobody paid in time.
    pub struct InvoiceExpiredEvent {
        /// The event's id: a UUID or `evt_*`. Recognize copies by it.
        event_id: Id,
        /// `invoice.expired`.
        event_type: InvoiceExpiredType,
        /// A version that increases per invoice. Undefined if Gwop sends none.
        event_version: Option<i64>,
        /// When the event was created. Undefined if Gwop sends none.
        created_at: Option<Timestamp>,
        /// What happened.
        data: InvoiceExpiredData,
        /// Only in deliveries from Gwop's Worker to your fulfillment.
        gwop_outcome: Option<GwopOutcome>,
        /// Only in events that reconciliation derived from an invoice, with `{ reconciled: true }`.
        gwop_source: Option<GwopSource>,
    }

    /// `invoice.canceled`: the merchant canceled before payment arrived.
    pub struct InvoiceCanceledEvent {
        /// The event's id: a UUID or `evt_*`. Recognize copies by it.
        event_id: Id,
        /// `invoice.canceled`.
        event_type: InvoiceCanceledType,
        /// A version that increases per invoice. Undefined if Gwop sends none.
        event_version: Option<i64>,
        /// When the event was created. Undefined if Gwop sends none.
        created_at: Option<Timestamp>,
        /// What happened.
        data: InvoiceCanceledData,
        /// Only in deliveries from Gwop's Worker to your fulfillment.
        gwop_outcome: Option<GwopOutcome>,
        /// Only in events that reconciliation derived from an invoice, with `{ reconciled: true }`.
        gwop_source: Option<GwopSource>,
    }

    /// The invoice that expired.
    pub struct InvoiceExpiredData {
        /// The merchant-side id (a UUID). Never empty.
        invoice_id: Id,
        /// The public id (`inv_*`). Never empty.
        public_invoice_id: Id,
        /// The merchant's id (a UUID). Never empty.
        merchant_id: Id,
        /// `EXPIRED`.
        status: ExpiredStatus,
        /// What the agent had to pay, in atomic units of USDC, as decimal text.
        amount_usdc: AtomicAmount,
        /// `USDC`.
        currency: String,
        /// The merchant's own reference.
        merchant_reference: Option<String>,
    }

    /// The invoice that was canceled.
    pub struct InvoiceCanceledData {
        /// The merchant-side id (a UUID). Never empty.
        invoice_id: Id,
        /// The public id (`inv_*`). Never empty.
        public_invoice_id: Id,
        /// The merchant's id (a UUID). Never empty.
        merchant_id: Id,
        /// `CANCELED`.
        status: CanceledStatus,
        /// What the agent had to pay, in atomic units of USDC, as decimal text.
        amount_usdc: AtomicAmount,
        /// `USDC`.
        currency: String,
        /// The merchant's own reference.
        merchant_reference: Option<String>,
    }

    /// The invoice that was paid, and how.
    pub struct InvoicePaidData {
        /// The merchant-side id (a UUID). Never empty.
        invoice_id: Id,
        /// The public id (`inv_*`). Never empty.
        public_invoice_id: Id,
        /// The merchant's id (a UUID). Never empty.
        merchant_id: Id,
        /// `PAID`.
        status: PaidStatus,
        /// What the agent had to pay, in atomic units of USDC, as decimal text.
        amount_usdc: AtomicAmount,
        /// `USDC`.
        currency: String,
        /// The merchant's own reference.
        merchant_reference: Option<String>,
        /// The transaction on Base.
        tx_hash: Option<String>,
        /// The transaction on Solana.
        tx_signature: Option<String>,
        /// The chain of the payment.
        payment_chain: Usually<PaymentChain>,
        /// The chain of the payment as CAIP-2, such as `eip155:8453`.
        payment_chain_caip2: Option<String>,
        /// When it was paid.
        paid_at: Timestamp,
        /// Who paid.
        payer_wallet: Usually<String>,
    }
}
