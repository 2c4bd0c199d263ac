//! Tests that another process can continue from a journal without losing anything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

mod common;

use common::{KEY, START};
use gwop_simulator::http::HandleResult;
use gwop_simulator::{Config, Kept, Now, Request, Simulator};
use serde_json::{Value, json};

/// A simulator with a journal, and the text of its file.
struct Disk {
    kept: Kept,
    file: String,
    now: Now,
}

impl Disk {
    fn new() -> Self {
        let config: Config = serde_json::from_value(json!({
            "merchants": [{
                "id": "9e9c9ba5-3bab-4172-8a79-336f9ca0f163", "apiKey": KEY, "webhookSecret": "whsec_kept",
                "webhookUrl": "http://127.0.0.1:3000/",
            }],
        }))
        .unwrap();
        let mut kept = Kept::new(Simulator::new(config).unwrap());
        kept.begin();
        let file = kept.snapshot();
        let now = Now::at(START);
        Self { kept, file, now }
    }

    fn command(&mut self, command: Value) -> Value {
        let result = self.kept.command(&command.to_string(), self.now);
        self.file += &self.kept.take_lines();
        result.unwrap_or_else(|error| json!({ "refused": error.message }))
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> HandleResult {
        let mut all = vec![("Authorization".to_owned(), format!("Bearer {KEY}"))];
        all.extend(headers.iter().map(|(a, b)| ((*a).into(), (*b).into())));
        let request = Request {
            method: method.into(),
            url: format!("http://127.0.0.1:4010{path}"),
            headers: all,
            body: body.into(),
        };
        let result = self.kept.handle(request, self.now);
        self.file += &self.kept.take_lines();
        result
    }

    fn invoice(&mut self) -> String {
        let body = r#"{"amount_usdc":1000000,"metadata":{"a":0.1,"b":[1e300,null]}}"#;
        let json = [("Content-Type", "application/json")];
        let HandleResult::Respond(reply) = self.send("POST", "/v1/invoices", &json, body) else {
            unreachable!("an invoice needs no signature")
        };
        assert_eq!(reply.status, 201, "{}", reply.body);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        body["public_invoice_id"].as_str().unwrap().into()
    }

    /// Returns everything that is visible of the state.
    fn seen(&mut self) -> [Value; 6] {
        [
            "overview",
            "state",
            "deliveries",
            "requests",
            "clock",
            "secrets",
        ]
        .map(|command| self.command(json!({ "command": command })))
    }

    /// Opens these bytes of the file, as another process would.
    fn open(file: &[u8]) -> Result<Kept, String> {
        Kept::open(file, &json!({}), START).map_err(|error| error.message)
    }

    fn reopen(&mut self) {
        self.kept = Self::open(self.file.as_bytes()).unwrap();
    }
}

/// Runs a typical sequence of commands and requests.
fn story(disk: &mut Disk) {
    let paid = disk.invoice();
    disk.command(json!({ "command": "pay", "target": paid, "chain": "solana" }));
    let attempts = disk.command(json!({ "command": "takeDue" }));
    let delivery = attempts[0]["delivery"].clone();
    disk.command(json!({
        "command": "report", "delivery": delivery, "statusCode": 500, "headers": [["a", "b"]], "body": "no",
    }));
    let held = disk.invoice();
    disk.command(json!({ "command": "pay", "target": held, "outcome": "hold" }));
    let late = disk.invoice();
    disk.command(json!({ "command": "pay", "target": late, "outcome": "late", "delayMs": 60_000 }));
    disk.command(json!({ "command": "misbehave", "fault": { "fault": "webhook-reorder", "events": 3 }, "times": 2 }));
    disk.command(json!({ "command": "misbehave", "fault": { "fault": "error", "status": 503 }, "times": "always" }));
    disk.command(json!({ "command": "behave", "id": 2 }));
    disk.command(json!({ "command": "createAuthIntent", "paid": true }));
    disk.command(json!({ "command": "rotateWebhookSecret" }));
    disk.command(json!({ "command": "signPayment", "target": late }));
    disk.now.clock += 900_000;
    disk.command(
        json!({ "command": "setClock", "offsetMs": 900_000, "frozenAt": START + 900_000 }),
    );
    // A read of the state also runs what is due. After that the clock is set back.
    disk.command(json!({ "command": "state" }));
    disk.now.clock -= 800_000;
    disk.command(json!({ "command": "setClock", "offsetMs": 100_000, "frozenAt": null }));
    disk.invoice();
}

#[test]
fn a_journal_brings_back_everything_from_any_snapshot() {
    for snapshot_at_end in [false, true] {
        let mut disk = Disk::new();
        story(&mut disk);
        if snapshot_at_end {
            disk.file = disk.kept.snapshot();
            assert_eq!(disk.file.lines().count(), 2);
        }
        let before = disk.seen();
        disk.reopen();
        assert_eq!(disk.seen(), before);
        // Both continue in the same way: waiting payments, retries and identifiers.
        let mut other = Disk::new();
        story(&mut other);
        for each in [&mut disk, &mut other] {
            each.now.clock += 2_000_000;
            each.invoice();
            each.command(json!({ "command": "takeDue" }));
        }
        assert_eq!(disk.seen(), other.seen());
    }
}

#[test]
fn a_cut_last_line_is_left_out_and_any_other_damage_is_refused() {
    let mut disk = Disk::new();
    let first = disk.invoice();
    let whole = disk.file.clone();
    disk.invoice();
    for cut in whole.len()..disk.file.len() {
        let mut kept = Disk::open(&disk.file.as_bytes()[..cut]).unwrap();
        let state = kept.command(r#"{"command":"state"}"#, disk.now).unwrap();
        let invoices = state["invoices"].as_array().unwrap();
        assert_eq!(invoices.len(), 1, "cut at {cut}");
        assert_eq!(invoices[0]["public_invoice_id"], first.as_str());
    }
    let damaged = disk.file.replacen("\"request\"", "\"re", 1);
    assert!(
        Disk::open(damaged.as_bytes())
            .unwrap_err()
            .contains("line 3")
    );
    let other = disk.file.replacen("\"format\":1", "\"format\":2", 1);
    let refused = Disk::open(other.as_bytes()).unwrap_err();
    assert!(refused.contains("its format is 2"), "{refused}");
    assert!(Disk::open(b"{}\n").unwrap_err().contains("no journal"));
    assert!(Disk::open(b"hello").unwrap_err().contains("no journal"));
    // A version with other rules would give other identifiers.
    let ids = disk
        .file
        .lines()
        .nth(2)
        .unwrap()
        .rsplit_once("\"ids\":")
        .unwrap()
        .1;
    let changed = disk.file.replacen(ids, "1}", 1);
    assert!(
        Disk::open(changed.as_bytes())
            .unwrap_err()
            .contains("other rules")
    );
}

#[test]
fn attempts_under_way_come_again_and_options_of_a_new_start_count() {
    let mut disk = Disk::new();
    let id = disk.invoice();
    disk.command(json!({ "command": "pay", "target": id }));
    let attempts = disk.command(json!({ "command": "takeDue" }));
    assert_eq!(attempts.as_array().unwrap().len(), 1);
    let given = json!({
        "settlementDelayMs": 7, "merchants": [{ "webhookUrl": "http://127.0.0.1:9/new" }],
    });
    disk.kept = Kept::open(disk.file.as_bytes(), &given, START).unwrap();
    let deliveries = disk.command(json!({ "command": "deliveries" }));
    assert_eq!(deliveries[0]["status"], "pending");
    assert_eq!(deliveries[0]["nextAttemptAt"], START + 1_000);
    disk.now.clock += 1_000;
    let again = disk.command(json!({ "command": "takeDue" }));
    assert_eq!(again[0]["url"], "http://127.0.0.1:9/new");
    let secrets = disk.command(json!({ "command": "secrets" }));
    assert_eq!(secrets["merchants"][0]["webhookSecrets"][0], "whsec_kept");
    let refused = Kept::open(
        disk.file.as_bytes(),
        &json!({ "settlementDelayMs": "x" }),
        START,
    );
    assert_eq!(
        refused.unwrap_err().field.as_deref(),
        Some("settlementDelayMs")
    );
}

#[test]
fn a_seed_comes_again_after_a_reset_and_has_no_place_for_secrets() {
    let mut disk = Disk::new();
    let seed = json!({
        "command": "load",
        "invoices": [
            { "amountUsdc": 5, "description": "open" }, { "amountUsdc": 6, "status": "PAID", "chain": "solana" },
            { "amountUsdc": 7, "status": "EXPIRED" }, { "amountUsdc": 8, "status": "PAYING" },
            { "amountUsdc": 9, "status": "CANCELED" },
        ],
        "authIntents": [{ "paid": true }],
        "faults": [{ "fault": "error", "times": "always" }],
    });
    disk.command(seed);
    let list = |disk: &mut Disk| {
        let state = disk.command(json!({ "command": "overview" }));
        let rows = state["invoices"].as_array().unwrap().clone();
        let texts = rows
            .iter()
            .map(|row| row["status"].as_str().unwrap().to_owned());
        (
            texts.collect::<Vec<_>>(),
            rows[0]["publicInvoiceId"].clone(),
            state,
        )
    };
    let (statuses, first, _) = list(&mut disk);
    assert_eq!(statuses, ["OPEN", "PAID", "EXPIRED", "PAYING", "CANCELED"]);
    disk.command(json!({ "command": "createInvoice", "amountUsdc": 1 }));
    disk.command(json!({ "command": "reset" }));
    disk.reopen();
    let (again, other, state) = list(&mut disk);
    assert_eq!(again, statuses);
    assert_ne!(first, other, "no identifier comes twice");
    assert_eq!(state["faults"][0]["fault"], "error");
    assert_eq!(state["requests"], json!([]));
    for (seed, field) in [
        (json!({ "webhookSecret": "whsec_x" }), "webhookSecret"),
        (
            json!({ "invoices": [{ "amountUsdc": 1 }, { "amountUsdc": 0 }] }),
            "invoices[1].amountUsdc",
        ),
        (
            json!({ "faults": [{ "fault": "error", "status": 7 }] }),
            "faults[0].status",
        ),
        (
            json!({ "faults": [{ "fault": "error", "times": 0 }] }),
            "faults[0].times",
        ),
    ] {
        let mut command = json!({ "command": "load" });
        command
            .as_object_mut()
            .unwrap()
            .extend(seed.as_object().unwrap().clone());
        let refused = disk
            .kept
            .command(&command.to_string(), disk.now)
            .unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field), "{refused:?}");
    }
}

#[test]
fn whoever_watches_is_told_the_rows_that_changed() {
    let mut disk = Disk::new();
    disk.invoice();
    disk.command(json!({ "command": "watch", "on": true }));
    let id = disk.invoice();
    let changes = disk.command(json!({ "command": "changes" }));
    assert_eq!(changes["invoices"].as_array().unwrap().len(), 1);
    assert_eq!(changes["requests"].as_array().unwrap().len(), 1);
    assert!(changes["deliveries"].is_null());
    disk.command(json!({ "command": "pay", "target": id }));
    let changes = disk.command(json!({ "command": "changes" }));
    assert_eq!(changes["invoices"][0]["status"], "PAID");
    assert_eq!(changes["deliveries"][0]["publicInvoiceId"], id.as_str());
    let changes = disk.command(json!({ "command": "changes" }));
    assert!(changes["invoices"].is_null());
    // What is shown contains neither keys nor tokens.
    disk.command(json!({ "command": "watch", "on": false }));
    let requests = disk.command(json!({ "command": "requests" }));
    let asked = json!({ "command": "request", "requestId": requests[0]["requestId"] });
    let text = disk.command(asked).to_string();
    assert!(text.contains("(hidden)") && !text.contains(KEY), "{text}");
}

#[test]
fn variants_and_other_urls_are_sent_once() {
    let mut disk = Disk::new();
    let id = disk.invoice();
    disk.command(json!({ "command": "pay", "target": id }));
    let first = disk.command(json!({ "command": "takeDue" }))[0].clone();
    disk.command(json!({ "command": "report", "delivery": 1, "statusCode": 200, "eventId": first["eventId"] }));
    for (number, (options, fault)) in (2..).zip([
        (json!({ "variant": "tampered" }), "webhook-tamper"),
        (json!({ "variant": "stale" }), "webhook-stale"),
        (json!({ "variant": "wrong-secret" }), "webhook-wrong-secret"),
        (
            json!({ "variant": "header-mismatch" }),
            "webhook-header-mismatch",
        ),
        (
            json!({ "variant": "malformed-json" }),
            "webhook-malformed-json",
        ),
        (json!({ "url": "http://127.0.0.1:5/elsewhere" }), ""),
    ]) {
        let mut command = json!({ "command": "redeliver", "eventId": first["eventId"] });
        command
            .as_object_mut()
            .unwrap()
            .extend(options.as_object().unwrap().clone());
        disk.command(command);
        let attempt = disk.command(json!({ "command": "takeDue" }))[0].clone();
        assert_eq!(attempt["delivery"], number);
        disk.command(json!({ "command": "report", "delivery": number, "statusCode": 400 }));
        let delivery = disk.command(json!({ "command": "delivery", "delivery": number }));
        assert_eq!(delivery["status"], "failed", "sent once");
        assert_eq!(
            delivery["attempts"][0]["faults"].as_array().unwrap().len(),
            usize::from(!fault.is_empty())
        );
        if fault.is_empty() {
            assert_eq!(attempt["url"], "http://127.0.0.1:5/elsewhere");
            assert_eq!(attempt["body"], first["body"]);
        } else {
            assert_eq!(delivery["attempts"][0]["faults"][0], fault);
            let same = |name: &str| attempt[name] == first[name];
            assert!(!same("body") || !same("headers"));
        }
    }
    let refused = disk
        .command(json!({ "command": "redeliver", "eventId": first["eventId"], "url": "ftp://x" }));
    assert!(refused["refused"].as_str().unwrap().contains("http://"));
}
