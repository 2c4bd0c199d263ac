//! Finds the operation of a request by host, path and method.

use crate::error::{ApiError, ErrorCode};
use crate::http::Request;

/// The operation that a path and method ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateInvoice,
    ListInvoices,
    GetInvoice(String),
    CancelInvoice(String),
    /// The `inv_*`, and the chain if the path names one.
    Pay(String, Option<String>),
    /// The preflight request that a browser sends before it pays from a page.
    Preflight,
    Recover(String),
    CreateIntent,
    Exchange(String),
    GetSession(String),
    RevokeSession,
    Jwks,
}

impl Operation {
    /// Returns its name in the request log and in faults.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::CreateInvoice => "invoices.create",
            Self::ListInvoices => "invoices.list",
            Self::GetInvoice(_) => "invoices.get",
            Self::CancelInvoice(_) => "invoices.cancel",
            Self::Pay(..) => "x402.pay",
            Self::Preflight => "x402.preflight",
            Self::Recover(_) => "x402.recover",
            Self::CreateIntent => "authIntents.create",
            Self::Exchange(_) => "authIntents.exchange",
            Self::GetSession(_) => "authSessions.get",
            Self::RevokeSession => "authSessions.revoke",
            Self::Jwks => "auth.getJwks",
        }
    }

    /// Returns the operation of a request.
    pub(crate) fn find(request: &Request) -> Result<Self, ApiError> {
        let target = request.target();
        let segments = target
            .segments()
            .ok_or_else(|| ApiError::invalid("path", "percent-encoded UTF-8"))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let no_such_path = || {
            ApiError::new(
                ErrorCode::NotFound,
                "no operation of this host has this path; the simulator speaks the paths of Gwop's documentation",
            )
        };
        let (found, identity) = match segments.as_slice() {
            ["v1", "invoices"] => (
                match method {
                    "GET" => Ok(Self::ListInvoices),
                    "POST" => Ok(Self::CreateInvoice),
                    _ => Err("GET, POST"),
                },
                false,
            ),
            ["v1", "invoices", id] if !id.is_empty() => {
                (only(method, "GET", Self::GetInvoice((*id).into())), false)
            }
            ["v1", "invoices", id, "cancel"] => (
                only(method, "POST", Self::CancelInvoice((*id).into())),
                false,
            ),
            ["v1", "invoices", _, "x402"] | ["v1", "invoices", _, "x402", _]
                if method == "OPTIONS" =>
            {
                (Ok(Self::Preflight), false)
            }
            ["v1", "invoices", id, "x402", chain @ ..] if chain.len() <= 1 => (
                match method {
                    "GET" | "POST" => {
                        let chain = chain.first().map(|chain| (*chain).into());
                        Ok(Self::Pay((*id).into(), chain))
                    }
                    _ => Err("GET, POST, OPTIONS"),
                },
                false,
            ),
            ["v1", "invoices", id, "recover"] => (
                match method {
                    "GET" | "POST" => Ok(Self::Recover((*id).into())),
                    _ => Err("GET, POST"),
                },
                false,
            ),
            ["v1", "auth-intents"] => (only(method, "POST", Self::CreateIntent), true),
            ["v1", "auth-intents", id, "exchange"] => {
                (only(method, "POST", Self::Exchange((*id).into())), true)
            }
            ["v1", "auth-sessions", "revoke"] if method == "POST" => {
                (Ok(Self::RevokeSession), true)
            }
            ["v1", "auth-sessions", id] if !id.is_empty() => {
                (only(method, "GET", Self::GetSession((*id).into())), true)
            }
            [".well-known", "jwks.json"] => (only(method, "GET", Self::Jwks), true),
            _ => return Err(no_such_path()),
        };
        let serves = if identity {
            target.serves_identity()
        } else {
            target.serves_invoices()
        };
        if !serves {
            return Err(no_such_path());
        }
        found.map_err(|allowed| {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                format!("this path knows only {allowed}"),
            )
        })
    }
}

fn only(
    method: &str,
    allowed: &'static str,
    operation: Operation,
) -> Result<Operation, &'static str> {
    if method == allowed {
        Ok(operation)
    } else {
        Err(allowed)
    }
}
