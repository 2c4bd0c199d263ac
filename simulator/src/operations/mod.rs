//! Gwop's operations, and the payment and recovery URLs that an agent uses.

mod auth;
pub(crate) mod invoices;
pub(crate) mod payments;

use crate::error::{ApiError, ErrorCode};
use crate::http::Request;
use crate::routing::Operation;
use crate::simulator::{Simulator, Success};
use crate::time::Now;
use crate::validation::no_body;
use serde_json::Value;

impl Simulator {
    pub(crate) fn process(
        &mut self,
        request: &Request,
        operation: Operation,
        now: Now,
    ) -> Result<Success, ApiError> {
        let target = request.target();
        match operation {
            Operation::GetInvoice(id) => {
                target.query(&[])?;
                Ok(ok(200, self.public_invoice(&id)?))
            }
            Operation::Pay(id, chain) => self.pay_by_x402(request, &id, chain.as_deref(), now),
            Operation::Preflight => Ok(Success::Preflight),
            Operation::Recover(id) => {
                target.query(&[])?;
                self.recover(&id)
            }
            Operation::Jwks => {
                target.query(&[])?;
                let caching = ("cache-control".into(), "public, max-age=3600".into());
                Ok(Success::Json(200, self.keys.json(), vec![caching]))
            }
            Operation::ListInvoices => {
                let merchant = self.authorize(request)?;
                self.list_invoices(&merchant, &target)
            }
            operation => {
                let merchant = self.authorize(request)?;
                target.query(&[])?;
                match operation {
                    Operation::CreateInvoice => self.create_invoice(request, merchant, now),
                    Operation::CancelInvoice(id) => {
                        no_body(request)?;
                        self.cancel_invoice(&id, &merchant, now)
                    }
                    Operation::CreateIntent => self.create_intent(request, merchant, now),
                    Operation::Exchange(id) => {
                        no_body(request)?;
                        self.exchange(request, &id, merchant, now)
                    }
                    Operation::GetSession(id) => {
                        let session = self.session(&id, &merchant)?;
                        Ok(ok(200, session.json(now)))
                    }
                    _ => self.revoke_session(request, &merchant, now),
                }
            }
        }
    }

    /// Returns the id of the merchant whose key the request carries.
    pub(crate) fn authorize(&self, request: &Request) -> Result<String, ApiError> {
        let unauthorized = |message: &str| Err(ApiError::new(ErrorCode::Unauthorized, message));
        let Some(header) = request.header("authorization") else {
            return unauthorized(
                "no Authorization header: expected `Authorization: Bearer sk_m_…` with a merchant key",
            );
        };
        let Some((scheme, key)) = header.split_once(' ') else {
            return unauthorized("the Authorization header is not `Bearer sk_m_…`");
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return unauthorized("the Authorization header's scheme is not `Bearer`");
        }
        self.merchants
            .iter()
            .find(|state| state.merchant.api_key == key.trim())
            .map(|state| state.merchant.id.clone())
            .map_or_else(
                || unauthorized("the merchant key is unknown: use the one that this simulator was started with"),
                Ok,
            )
    }
}

pub(crate) fn ok(status: u16, body: Value) -> Success {
    Success::Json(status, body, Vec::new())
}
