use super::{CreateAuthIntentRequest, CreateInvoiceRequest, InvoiceStatus, model};

model! {
    /// The argument of `invoices.create`.
    pub struct InvoicesCreateRequest {
        /// The idempotency key. If you pass none, the SDK makes one.
        idempotency_key: Option<String>,
        /// What you sell.
        body: CreateInvoiceRequest,
    }

    /// The argument of `invoices.list`.
    pub struct InvoicesListRequest {
        /// The largest number of invoices on a page: 1 to 100, default 20.
        limit: Option<i64>,
        /// How many invoices to skip, default 0.
        offset: Option<i64>,
        /// Return only invoices with this status.
        status: Option<InvoiceStatus>,
    }

    /// The argument of `invoices.get`.
    pub struct InvoicesGetRequest {
        /// The public id (`inv_*`).
        id: String,
    }

    /// The argument of `invoices.cancel`.
    pub struct InvoicesCancelRequest {
        /// The merchant-side id (a UUID).
        id: String,
    }

    /// The argument of `authIntents.create`.
    pub struct AuthIntentsCreateRequest {
        /// The idempotency key. It must be new: Gwop refuses a used one. If you pass none, the SDK
        /// makes one.
        idempotency_key: Option<String>,
        /// Hints for the challenge.
        body: Option<CreateAuthIntentRequest>,
    }

    /// The argument of `authIntents.exchange`.
    pub struct AuthIntentsExchangeRequest {
        /// The intent's id (`ai_*`).
        auth_intent_id: String,
        /// The idempotency key. If you pass none, the SDK makes one.
        idempotency_key: Option<String>,
    }

    /// The argument of `authSessions.get`.
    pub struct AuthSessionsGetRequest {
        /// The session's id (`sess_*`).
        session_id: String,
    }

    /// The argument of `authSessions.revoke`.
    pub struct AuthSessionsRevokeRequest {
        /// The session's id (`sess_*`).
        session_id: String,
    }
}
