//! Creates invoices and auth intents for a page or a seed file, without a client. Also resets the
//! simulator.

use crate::command_error::CommandError;
use crate::control::PaymentOutcome;
use crate::error::ApiError;
use crate::fault::{Fault, Times};
use crate::http::Request;
use crate::input::read_value;
use crate::invoice::{Status, put};
use crate::simulator::{Payable, Simulator, Success};
use crate::time::Now;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::seeded::{NewIntent, NewInvoice, Seed};

impl Simulator {
    /// Creates an invoice, as the merchant's request would, and moves it to its status.
    pub(super) fn new_invoice(&mut self, new: NewInvoice, now: Now) -> Result<Value, CommandError> {
        let merchant_id = self.merchant_id_or_first(new.merchant_id.as_deref())?;
        let mut body = json!({ "amount_usdc": new.amount_usdc });
        put(&mut body, "description", new.description);
        put(&mut body, "metadata", new.metadata);
        put(&mut body, "metadata_public", new.metadata_public);
        put(&mut body, "expires_in_seconds", new.expires_in_seconds);
        let made = self.create_invoice(&request(&body), merchant_id, now);
        let id = id_of(made.map_err(refused)?, "public_invoice_id");
        let payable = self.find(&id)?;
        let outcome = match new.status {
            Some(Status::Paid) => Some(PaymentOutcome::Settle),
            Some(Status::Paying) => Some(PaymentOutcome::Hold),
            _ => None,
        };
        if let Some(outcome) = outcome {
            self.pay(&id, new.chain, None, outcome, None, now)?;
        }
        if let (Payable::Invoice(index), Some(status @ (Status::Expired | Status::Canceled))) =
            (payable, new.status)
        {
            self.end_invoice(index, status, now);
        }
        Ok(self.payable_json(payable))
    }

    /// Creates an auth intent, as the merchant's request would.
    pub(super) fn new_intent(&mut self, new: NewIntent, now: Now) -> Result<Value, CommandError> {
        let merchant_id = self.merchant_id_or_first(new.merchant_id.as_deref())?;
        let mut body = json!({});
        put(&mut body, "known_wallet_hint", new.known_wallet_hint);
        let made = self.create_intent(&request(&body), merchant_id, now);
        let id = id_of(made.map_err(refused)?, "auth_intent_id");
        if new.paid {
            self.pay(&id, new.chain, None, PaymentOutcome::Settle, None, now)?;
        }
        let payable = self.find(&id)?;
        Ok(self.payable_json(payable))
    }

    /// Cancels an OPEN invoice.
    pub(super) fn cancel(&mut self, target: &str, now: Now) -> Result<Value, CommandError> {
        let payable = self.find(target)?;
        let Payable::Invoice(index) = payable else {
            let expected = "an invoice: an auth intent cannot be canceled";
            return Err(CommandError::invalid("target", expected));
        };
        match self.invoices.get(index).map(|invoice| invoice.status) {
            Some(Status::Open) => self.end_invoice(index, Status::Canceled, now),
            status => {
                let status = status.map_or("", Status::as_str);
                let message = format!("the invoice is {status}: only an OPEN one can be canceled");
                return Err(CommandError::new("NOT_ALLOWED", message));
            }
        }
        Ok(self.payable_json(payable))
    }

    fn end_invoice(&mut self, index: usize, status: Status, now: Now) {
        if status == Status::Canceled {
            self.invoices
                .change(index, |invoice| invoice.canceled_at = Some(now.clock));
        }
        self.finish_invoice(index, status, now.clock);
    }

    /// Sets and creates the initial contents.
    pub(super) fn load(&mut self, seed: Seed, now: Now) -> Result<(), CommandError> {
        let mut faults = Vec::new();
        for (index, fields) in seed.faults.iter().enumerate() {
            let (fault, times) =
                read_fault(fields.clone()).map_err(|error| within("faults", index, error))?;
            faults.push((fault, times));
        }
        for (index, new) in seed.invoices.iter().enumerate() {
            self.new_invoice(new.clone(), now)
                .map_err(|error| within("invoices", index, error))?;
        }
        for (index, new) in seed.auth_intents.iter().enumerate() {
            self.new_intent(new.clone(), now)
                .map_err(|error| within("authIntents", index, error))?;
        }
        for (fault, times) in faults {
            self.misbehave(fault, times);
        }
        self.seed = seed;
        Ok(())
    }

    /// Starts again. Merchants, secrets and keys stay, and the initial contents are created again.
    pub(super) fn reset(&mut self, now: Now) -> Result<(), CommandError> {
        self.empty();
        self.load(self.seed.clone(), now)
    }

    fn merchant_id_or_first(&mut self, id: Option<&str>) -> Result<String, CommandError> {
        Ok(self.merchant_or_first(id)?.merchant.id.clone())
    }
}

/// Reads a fault, and how often it takes effect, from one object.
fn read_fault(mut fields: Map<String, Value>) -> Result<(Fault, Times), CommandError> {
    let times = match fields.shift_remove("times") {
        None => Times::default(),
        Some(times) => Times::deserialize(&times)
            .map_err(|error| CommandError::about("times", error.to_string()))?,
    };
    let fault: Fault = read_value(&Value::Object(fields))?;
    fault.check()?;
    Ok((fault, times))
}

fn within(list: &str, index: usize, error: CommandError) -> CommandError {
    let field = error.field.map(|field| format!(".{field}"));
    CommandError {
        field: Some(format!("{list}[{index}]{}", field.unwrap_or_default())),
        ..error
    }
}

fn request(body: &Value) -> Request {
    Request {
        method: "POST".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
        ..Request::default()
    }
}

/// Converts an error of the operation to an error of the command, with JavaScript's field names.
fn refused(error: ApiError) -> CommandError {
    let details = error.details.unwrap_or_default();
    let part = |name: &str| details.get(name).and_then(Value::as_str);
    match (part("field"), part("expected")) {
        (Some(field), Some(expected)) => CommandError::invalid(&camel(field), expected),
        _ => CommandError::new("INVALID_OPTION", error.message),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut whole, word| {
        let mut letters = word.chars();
        whole.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        whole.push_str(letters.as_str());
        whole
    })
}

fn id_of(made: Success, name: &str) -> String {
    match &made {
        Success::Json(_, body, _) => body.get(name).and_then(Value::as_str).map(String::from),
        _ => None,
    }
    .unwrap_or_default()
}
