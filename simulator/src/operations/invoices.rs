//! Gwop's operations on invoices.

use crate::error::{ApiError, ErrorCode};
use crate::http::{Request, Target};
use crate::invoice::{Invoice, MAX_AMOUNT, Status};
use crate::operations::ok;
use crate::simulator::{Simulator, Success};
use crate::time::Now;
use crate::validation::{integer, json_body, known_fields, metadata, string};
use serde_json::{Value, json};

impl Simulator {
    pub(crate) fn create_invoice(
        &mut self,
        request: &Request,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = self.idempotency_key(request)?;
        let body = json_body(request, true)?;
        known_fields(
            &body,
            &[
                "amount_usdc",
                "description",
                "metadata",
                "metadata_public",
                "expires_in_seconds",
            ],
        )?;
        let amount = body
            .get("amount_usdc")
            .and_then(Value::as_u64)
            .filter(|amount| (1..=MAX_AMOUNT).contains(amount))
            .ok_or_else(|| {
                ApiError::invalid(
                    "amount_usdc",
                    "an integer from 1 to 10,000,000,000 atomic units",
                )
            })?;
        let description = string(&body, "description", 500)?;
        let metadata = metadata(&body)?;
        let metadata_public = match body.get("metadata_public") {
            None => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| ApiError::invalid("metadata_public", "a boolean"))?,
        };
        let seconds = match body.get("expires_in_seconds") {
            None => 900,
            Some(value) => value
                .as_u64()
                .filter(|seconds| (60..=86_400).contains(seconds))
                .ok_or_else(|| {
                    ApiError::invalid("expires_in_seconds", "an integer from 60 to 86,400")
                })?,
        };
        // The same key returns the first invoice again, whatever the new body contains.
        let asked = Value::Null;
        if let Some(stored) =
            self.stored(&merchant_id, "invoices.create", key.as_deref(), &asked)?
        {
            return Ok(stored);
        }
        let invoice = Invoice {
            id: self.ids.uuid(),
            public_id: self.ids.public_invoice(),
            merchant_id: merchant_id.clone(),
            base_amount: amount,
            description,
            metadata,
            metadata_public,
            created_at: now.clock,
            expires_at: now.clock.saturating_add(seconds.saturating_mul(1_000)),
            status: Status::Open,
            version: 1,
            canceled_at: None,
            payment: None,
            timeline: Vec::new(),
        };
        let response = ok(201, invoice.created_json());
        self.invoices.push(invoice);
        self.store(merchant_id, "invoices.create", key, asked, &response);
        Ok(response)
    }

    pub(crate) fn list_invoices(
        &self,
        merchant_id: &str,
        target: &Target<'_>,
    ) -> Result<Success, ApiError> {
        let (mut limit, mut offset, mut status) = (20_usize, 0_usize, None);
        for (name, value) in target.query(&["limit", "offset", "status"])? {
            match name.as_str() {
                "limit" => {
                    limit = integer(&value)
                        .filter(|limit| (1..=100).contains(limit))
                        .ok_or_else(|| ApiError::invalid("limit", "an integer from 1 to 100"))?;
                }
                "offset" => {
                    offset = integer(&value)
                        .ok_or_else(|| ApiError::invalid("offset", "an integer from 0"))?;
                }
                _ => {
                    let expected = "OPEN, PAYING, PAID, EXPIRED or CANCELED";
                    let read = Status::parse(&value);
                    status = Some(read.ok_or_else(|| ApiError::invalid("status", expected))?);
                }
            }
        }
        let order = self.config.list_order;
        let (invoices, total) = self
            .invoices
            .page(merchant_id, status, offset, limit, order);
        let mut page: Vec<Value> = invoices.into_iter().map(Invoice::list_json).collect();
        if !self.config.list_payments {
            for item in page.iter_mut().filter_map(Value::as_object_mut) {
                item.retain(|name, _| {
                    !["paid_at", "paid_tx_hash", "payment_chain"].contains(&name.as_str())
                });
            }
        }
        let has_more = offset.saturating_add(page.len()) < total;
        Ok(ok(
            200,
            json!({
                "invoices": page,
                "pagination": {
                    "total": total, "limit": limit, "offset": offset, "has_more": has_more,
                },
            }),
        ))
    }

    /// Returns `InvoicePublic` for the invoice with this `inv_*`.
    pub(crate) fn public_invoice(&self, public_id: &str) -> Result<Value, ApiError> {
        let index = self.invoices.find_public(public_id);
        let invoice = index
            .and_then(|index| self.invoices.get(index))
            .ok_or_else(|| invoice_not_found("this path takes the public id, `inv_*`"))?;
        let merchant = self.merchant(&invoice.merchant_id);
        let (name, verified) = merchant.map_or(("", false), |state| {
            (state.merchant.name.as_str(), state.merchant.verified)
        });
        Ok(invoice.public_json(&self.config.agents_url, name, verified))
    }

    pub(crate) fn cancel_invoice(
        &mut self,
        id: &str,
        merchant_id: &str,
        now: Now,
    ) -> Result<Success, ApiError> {
        let index = self.invoices.find(id);
        let (index, status) = index
            .and_then(|index| {
                let invoice = self.invoices.get(index)?;
                (invoice.merchant_id == merchant_id).then_some((index, invoice.status))
            })
            .ok_or_else(|| invoice_not_found("this path takes the merchant-side id, a UUID"))?;
        if status == Status::Open {
            self.invoices
                .change(index, |invoice| invoice.canceled_at = Some(now.clock));
            self.finish_invoice(index, Status::Canceled, now.clock);
        }
        match self.invoices.get(index) {
            Some(invoice) if invoice.status == Status::Canceled => {
                Ok(ok(200, invoice.canceled_json()))
            }
            _ => {
                let status = status.as_str();
                let mut error = ApiError::new(
                    ErrorCode::InvoiceCancelNotAllowed,
                    format!("the invoice is {status}: only an OPEN one can be canceled"),
                );
                error.status = Some(self.config.cancel_not_allowed_status);
                error.details = Some(json!({ "status": status }));
                Err(error)
            }
        }
    }
}

pub(crate) fn invoice_not_found(hint: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvoiceNotFound,
        format!("Invoice not found: {hint}"),
    )
}
