//! Gwop's operations as one table.

use crate::model::{
    AuthIntent, AuthIntentsCreateRequest, AuthIntentsExchangeRequest, AuthSession,
    AuthSessionsGetRequest, AuthSessionsRevokeRequest, AuthToken, Invoice, InvoiceCancel,
    InvoiceList, InvoicePublic, InvoicesCancelRequest, InvoicesCreateRequest, InvoicesGetRequest,
    InvoicesListRequest, Jwks, Model, Revoked,
};

/// Which of Gwop's hosts serves an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Invoices.
    Agents,
    /// Auth intents, auth sessions and the JWK Set.
    Identity,
}

impl Host {
    /// Returns the production URL.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Agents => "https://agents.gwop.io",
            Self::Identity => "https://identity.gwop.io",
        }
    }
}

/// The body that an operation sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// The argument's member `body`, or `{}` if it is absent.
    Member,
    /// The whole argument.
    Argument,
}

/// What makes it safe to repeat an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// The contract: the operation reads, or a second request changes nothing.
    Natural,
    /// An `Idempotency-Key` that stays the same for all attempts. Gwop returns the first success
    /// again.
    StoredKey,
    /// A new `Idempotency-Key` for each attempt. Gwop rejects a used one with 409.
    ///
    /// With the caller's own key, the operation is not repeated.
    FreshKey,
}

/// One of Gwop's operations.
#[derive(Debug)]
pub struct Operation {
    /// The name in the SDK.
    pub name: &'static str,
    /// The host.
    pub host: Host,
    /// The HTTP method.
    pub method: &'static str,
    /// The path and the query.
    ///
    /// `{name}` stands for the percent-encoded member of the argument with the wire name `name`. In
    /// the path it is an id. `{name=default}` has a default. `{&name}` is a whole parameter, which
    /// is left out if the member is absent.
    pub path: &'static str,
    /// The model of the argument. `None` if there is no argument.
    pub argument: Option<&'static Model>,
    /// The body.
    pub body: Body,
    /// The model of the response.
    pub response: &'static Model,
    /// Whether the merchant key is sent. It is never sent to a public operation.
    pub authorized: bool,
    /// What makes it safe to repeat the operation.
    pub idempotency: Idempotency,
}

/// All operations of the contract.
pub static OPERATIONS: [Operation; 9] = [
    Operation {
        name: "invoices.create",
        host: Host::Agents,
        method: "POST",
        path: "/v1/invoices",
        argument: Some(InvoicesCreateRequest::MODEL),
        body: Body::Member,
        response: Invoice::MODEL,
        authorized: true,
        idempotency: Idempotency::StoredKey,
    },
    Operation {
        name: "invoices.list",
        host: Host::Agents,
        method: "GET",
        path: "/v1/invoices?limit={limit=20}&offset={offset=0}{&status}",
        argument: Some(InvoicesListRequest::MODEL),
        body: Body::None,
        response: InvoiceList::MODEL,
        authorized: true,
        idempotency: Idempotency::Natural,
    },
    Operation {
        name: "invoices.get",
        host: Host::Agents,
        method: "GET",
        path: "/v1/invoices/{id}",
        argument: Some(InvoicesGetRequest::MODEL),
        body: Body::None,
        response: InvoicePublic::MODEL,
        authorized: false,
        idempotency: Idempotency::Natural,
    },
    Operation {
        name: "invoices.cancel",
        host: Host::Agents,
        method: "POST",
        path: "/v1/invoices/{id}/cancel",
        argument: Some(InvoicesCancelRequest::MODEL),
        body: Body::None,
        response: InvoiceCancel::MODEL,
        authorized: true,
        idempotency: Idempotency::Natural,
    },
    Operation {
        name: "authIntents.create",
        host: Host::Identity,
        method: "POST",
        path: "/v1/auth-intents",
        argument: Some(AuthIntentsCreateRequest::MODEL),
        body: Body::Member,
        response: AuthIntent::MODEL,
        authorized: true,
        idempotency: Idempotency::FreshKey,
    },
    Operation {
        name: "authIntents.exchange",
        host: Host::Identity,
        method: "POST",
        path: "/v1/auth-intents/{auth_intent_id}/exchange",
        argument: Some(AuthIntentsExchangeRequest::MODEL),
        body: Body::None,
        response: AuthToken::MODEL,
        authorized: true,
        idempotency: Idempotency::StoredKey,
    },
    Operation {
        name: "authSessions.get",
        host: Host::Identity,
        method: "GET",
        path: "/v1/auth-sessions/{session_id}",
        argument: Some(AuthSessionsGetRequest::MODEL),
        body: Body::None,
        response: AuthSession::MODEL,
        authorized: true,
        idempotency: Idempotency::Natural,
    },
    Operation {
        name: "authSessions.revoke",
        host: Host::Identity,
        method: "POST",
        path: "/v1/auth-sessions/revoke",
        argument: Some(AuthSessionsRevokeRequest::MODEL),
        body: Body::Argument,
        response: Revoked::MODEL,
        authorized: true,
        idempotency: Idempotency::Natural,
    },
    Operation {
        name: "auth.getJwks",
        host: Host::Identity,
        method: "GET",
        path: "/.well-known/jwks.json",
        argument: None,
        body: Body::None,
        response: Jwks::MODEL,
        authorized: false,
        idempotency: Idempotency::Natural,
    },
];

/// Returns the operation with this name.
///
/// # Examples
/// ```
/// use gwop::client::operation;
///
/// let create = operation("invoices.create").unwrap();
/// assert_eq!((create.method, create.path), ("POST", "/v1/invoices"));
/// assert!(operation("invoices.delete").is_none());
/// ```
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}
