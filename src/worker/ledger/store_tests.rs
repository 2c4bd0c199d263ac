//! The store on `rusqlite`, with the limits of Durable Object SQL: numbers are doubles, there are
//! at most 100 parameters, no `BEGIN` and no pragma.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::cell::Cell;

use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::listing;
use super::messages::{Delivery, Envelope, Parcel, QueueMessage, Request, VERSION};
use super::operator_messages::{EventFilter, EventState, EventStep};
use super::shard::shard_of;
use super::sql::{Binding, Column, Row, Sql, SqlError};
use super::store::{MIGRATIONS, SCHEMA, Settings, Store};
use super::store_checks;
use crate::invoice::Status;
use crate::worker::schedule::Times;

struct Native {
    connection: Connection,
    depth: Cell<u32>,
}

impl Native {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
            (Limit::SQLITE_LIMIT_COLUMN, 100),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
        ] {
            connection.set_limit(limit, value).unwrap();
        }
        Self {
            connection,
            depth: Cell::new(0),
        }
    }
}

fn failed(error: rusqlite::Error) -> SqlError {
    SqlError(error.to_string())
}

impl Sql for Native {
    fn run(&self, statement: &str, bindings: &[Binding<'_>]) -> Result<Vec<Row>, SqlError> {
        let first = statement.split_whitespace().next().unwrap_or_default();
        assert!(
            [
                "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER"
            ]
            .contains(&first),
            "Durable Object SQL has no {first}"
        );
        let values = bindings.iter().map(|binding| match binding {
            Binding::Null => Value::Null,
            Binding::Number(number) => Value::Real(*number as f64),
            Binding::Text(text) => Value::Text((*text).to_owned()),
        });
        let mut statement = self.connection.prepare(statement).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        let mut found = vec![];
        while let Some(row) = rows.next().map_err(failed)? {
            let column = |at| match row.get_ref(at).map_err(failed)? {
                ValueRef::Null => Ok(Column::Null),
                ValueRef::Integer(integer) => Ok(Column::Integer(integer)),
                ValueRef::Text(text) => Ok(Column::Text(String::from_utf8(text.to_vec()).unwrap())),
                other => panic!("the ledger stores no {:?}", other.data_type()),
            };
            found.push(Row((0..columns)
                .map(column)
                .collect::<Result<_, SqlError>>()?));
        }
        Ok(found)
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
        let name = format!("depth{}", self.depth.get());
        self.depth.set(self.depth.get() + 1);
        let statement = |text: &str| self.connection.execute_batch(text).map_err(failed);
        statement(&format!("SAVEPOINT {name}"))?;
        let result = work();
        if result.is_err() {
            statement(&format!("ROLLBACK TO {name}"))?;
        }
        statement(&format!("RELEASE {name}"))?;
        self.depth.set(self.depth.get() - 1);
        result
    }
}

#[test]
fn every_check_holds_on_rusqlite() {
    assert_eq!(store_checks::failures(&Native::new()), Vec::<String>::new());
}

/// Returns the schema of a database, without superfluous white space.
fn schema_of(native: &Native) -> String {
    let rows = native
        .run(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name",
            &[],
        )
        .unwrap();
    let text: Vec<String> = rows
        .into_iter()
        .map(|mut row| row.required(0).unwrap())
        .collect();
    squeezed(&text.join("\n"))
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each released schema: its number and its statements. A migration leads from each to the newest,
/// and keeps what was stored.
const RELEASED: [(usize, &str); 1] = [(
    1,
    include_str!("../../../tests/worker/fixtures/ledger-schema-1.sql"),
)];

#[test]
fn every_released_schema_leads_to_the_newest_with_its_rows() {
    let settings = Settings {
        shard: 0,
        shards: 8,
    };
    let newest = Native::new();
    Store::new(&newest)
        .create(settings, 0, Times::default())
        .unwrap();
    assert_eq!(usize::try_from(SCHEMA).unwrap(), MIGRATIONS.len());
    for (schema, released) in RELEASED {
        let old = Native::new();
        for statement in MIGRATIONS.iter().take(schema).copied().flatten() {
            old.run(statement, &[]).unwrap();
        }
        assert_eq!(schema_of(&old), squeezed(released), "schema {schema}");
        old.connection
            .execute_batch(&format!(
                "INSERT INTO meta VALUES ('schema', {schema}), ('shard', 0), ('shards', 8), ('sweep_at', 5);
                 INSERT INTO invoice VALUES ('', 'a', 'inv_a', 'EXPIRED', 1, '0xa', 5);
                 INSERT INTO event VALUES (1, '', 'a', 'e', 'invoice.paid', 1, 'conflict', 7, NULL, NULL, '{{}}');
                 INSERT INTO event VALUES (2, '', 'a', 'f', 'invoice.paid', 1, 'conflict', 7, 8, 9, '{{}}');
                 INSERT INTO event VALUES (3, '', 'a', 'g', 'invoice.expired', 1, 'applied', 7, 8, 9, '{{}}');
                 INSERT INTO outbox VALUES (1, '', 'dead', 7, 1, 0, 11);"
            ))
            .unwrap();
        let store = Store::new(&old);
        assert_eq!(store.open().unwrap(), Some(settings));
        assert_eq!(schema_of(&old), schema_of(&newest), "schema {schema}");
        assert_eq!(store.open().unwrap(), Some(settings));
        store.keep_since("", 7).unwrap();
        assert_eq!(store.reconciliation("").unwrap().unwrap().since, 7);
        let view = store.read("", "a").unwrap().unwrap();
        assert_eq!((view.status, view.outbox.len()), (Status::Expired, 1));
        for (state, expected) in [
            (EventState::Dead, &["e"][..]),
            (EventState::Conflict, &["e", "f"]),
        ] {
            let step = EventStep {
                filter: EventFilter::all(state),
                after: 0,
                limit: 9,
            };
            let page = store.list_events("", &step).unwrap();
            let listed: Vec<_> = page.events.iter().map(|event| &event.event_id).collect();
            assert_eq!(listed, expected);
            assert!(
                page.events
                    .iter()
                    .all(|event| event.last_response.is_none())
            );
        }
        // Conflicts are kept as long as their invoice, including those of the older schema.
        store.compact(9, Times::default()).unwrap();
        let left = store.read("", "a").unwrap().unwrap().events;
        let left: Vec<_> = left.iter().map(|event| &event.event_id).collect();
        assert_eq!(left, ["e", "f"]);
    }
}

#[test]
fn an_older_schema_is_migrated_and_a_newer_one_is_left_alone() {
    let native = Native::new();
    let store = Store::new(&native);
    let settings = Settings {
        shard: 2,
        shards: 8,
    };
    store.create(settings, 0, Times::default()).unwrap();
    native
        .run(
            "UPDATE meta SET value = ?1 WHERE name = 'schema'",
            &[(SCHEMA + 1).into()],
        )
        .unwrap();
    assert_eq!(store.open().unwrap(), Some(settings));
    let schema = native
        .run("SELECT value FROM meta WHERE name = 'schema'", &[])
        .unwrap();
    assert_eq!(schema, [Row(vec![Column::Integer(SCHEMA + 1)])]);
}

#[test]
fn an_index_serves_what_the_alarm_and_the_retention_ask() {
    let native = Native::new();
    let store = Store::new(&native);
    store
        .create(
            Settings {
                shard: 0,
                shards: 8,
            },
            0,
            Times::default(),
        )
        .unwrap();
    for statement in [
        "SELECT due_at FROM outbox WHERE state <> 'dead' ORDER BY due_at LIMIT 1",
        "SELECT sequence FROM outbox WHERE state <> 'dead' AND due_at <= 5 ORDER BY due_at LIMIT 9",
        "SELECT expires_at FROM event WHERE expires_at IS NOT NULL ORDER BY expires_at LIMIT 1",
        "SELECT sequence FROM event WHERE expires_at IS NOT NULL AND expires_at <= 5 ORDER BY expires_at LIMIT 9",
        "SELECT invoice_id FROM invoice WHERE merchant = 'm' AND last_event_at <= 5 ORDER BY last_event_at LIMIT 9",
        "SELECT invoice_id FROM invoice WHERE merchant = 'm' AND public_invoice_id = 'p' ORDER BY last_event_at LIMIT 1",
        "SELECT MIN(merchant) FROM invoice WHERE merchant > 'm'",
        "SELECT sequence FROM outbox WHERE merchant = 'm' AND state = 'dead' ORDER BY sequence",
    ]
    .into_iter()
    .chain(listing::statements().iter().map(String::as_str))
    {
        let mut plan = native
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let anything = vec![Value::Integer(1); plan.parameter_count()];
        let steps: Vec<String> = plan
            .query_map(params_from_iter(anything), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let steps = steps.join("; ");
        assert!(
            steps.contains("INDEX") || steps.contains("PRIMARY KEY"),
            "{statement}: {steps}"
        );
        // The cost of a full scan grows with the table.
        let scans = steps.split("; ").filter(|step| step.starts_with("SCAN"));
        assert!(
            scans.clone().all(|step| step.contains("INDEX")),
            "{statement}: {steps}"
        );
        let sorts_few = statement.contains("public_invoice_id = ");
        assert!(
            sorts_few || !steps.contains("TEMP B-TREE"),
            "{statement}: {steps}"
        );
    }
}

/// The rule never changes: another rule would look for stored invoices in other shards. The digests
/// are those of `sha256sum`.
#[test]
fn the_shard_of_an_invoice_is_fixed() {
    let vectors: Vec<(&str, &str, u32, u32)> =
        include_str!("../../../tests/worker/fixtures/shards.tsv")
            .lines()
            .map(|line| {
                let [merchant, invoice_id, shards, shard] =
                    line.split('\t').collect::<Vec<_>>()[..]
                else {
                    panic!("{line}");
                };
                (
                    merchant,
                    invoice_id,
                    shards.parse().unwrap(),
                    shard.parse().unwrap(),
                )
            })
            .collect();
    assert!(vectors.len() >= 10);
    for (merchant, invoice_id, shards, shard) in vectors {
        assert_eq!(
            shard_of(merchant, invoice_id, shards),
            shard,
            "{merchant} {invoice_id} {shards}"
        );
    }
    // The distribution is even: each of 8 shards has about an eighth.
    let mut counts = [0; 8];
    for at in 0..8_000 {
        counts[shard_of("", &format!("invoice-{at}"), 8) as usize] += 1;
    }
    assert!(
        counts.iter().all(|count| (900..1_100).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn messages_ignore_what_a_newer_version_adds() {
    let delivery = Delivery {
        merchant: String::new(),
        invoice_id: "a".to_owned(),
        public_invoice_id: None,
        event_id: "e\n1".to_owned(),
        event_type: "invoice.paid".to_owned(),
        event_version: Some(1),
        status: Some(Status::Paid),
        transaction: None,
        traceparent: None,
        body: "{\n}\n".to_owned(),
    };
    let envelope = Envelope {
        v: VERSION,
        shard: 1,
        shards: 8,
        merchant: String::new(),
    };
    let text = Parcel {
        envelope: &envelope,
        delivery: &delivery,
    }
    .to_text()
    .unwrap();
    for text in [
        text.clone(),
        text.replace("\"v\":1", "\"v\":2,\"more\":[1]"),
    ] {
        assert_eq!(Parcel::of_text(&text).unwrap().delivery, delivery);
    }
    assert!(Parcel::of_text("{}").is_none());
    let request = r#"{"envelope":{"v":2,"shard":1,"shards":8,"x":1},"call":{"operation":"claim","invoice_id":"a","event_id":"e","x":1}}"#;
    assert!(serde_json::from_str::<Request>(request).is_ok());
    // A message of 1.0.0 has only ids.
    let old: QueueMessage = serde_json::from_str(r#"{"invoice_id":"a","event_id":"e"}"#).unwrap();
    assert_eq!((old.v, old.merchant.as_str(), old.shards), (0, "", None));
}

/// Functions that `bench/worker/targets.mjs` and `tests/worker/stress.mjs` run on the ledger's
/// files, which `GWOP_LEDGER_FILES` names.
mod tools {
    use super::*;

    fn files() -> Vec<Native> {
        let files = std::env::var("GWOP_LEDGER_FILES").unwrap();
        let open = |path: &str| Native {
            connection: Connection::open(path).unwrap(),
            depth: Cell::new(0),
        };
        files.split(':').map(open).collect()
    }

    /// Rows and alarm become durable together: after a kill at any moment, a shard with rows has an
    /// alarm. workerd stores the alarm in a table of its own.
    #[test]
    #[ignore = "a tool of the kill tests"]
    fn alarms_are_armed() {
        for native in files() {
            let count = |statement: &str| {
                native
                    .connection
                    .query_row(statement, [], |row| row.get::<_, i64>(0))
            };
            // The shard was killed before its first transaction.
            let Ok(rows) = count("SELECT count(*) FROM invoice") else {
                continue;
            };
            let alarms =
                count("SELECT count(*) FROM _cf_METADATA WHERE key = 1 AND value IS NOT NULL")
                    .unwrap_or_default();
            assert!(
                rows == 0 || alarms == 1,
                "a shard with {rows} invoices has no alarm"
            );
        }
    }

    #[test]
    #[ignore = "a tool of the benchmark"]
    fn checkpoint() {
        for native in files() {
            let pragma = native.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
            let busy: i64 = pragma.unwrap().query_row([], |row| row.get(0)).unwrap();
            assert_eq!(busy, 0);
        }
    }

    /// Writes `GWOP_LEDGER_ROWS` paid and confirmed invoices into each file.
    #[test]
    #[ignore = "a tool of the benchmark"]
    fn fill() {
        let rows: u64 = std::env::var("GWOP_LEDGER_ROWS").unwrap().parse().unwrap();
        for (file, native) in files().into_iter().enumerate() {
            let store = Store::new(&native);
            let sql = store.sql();
            sql.transaction(|| {
                for row in 0..rows {
                    // As random as Gwop's ids.
                    let digest = <sha2::Sha256 as sha2::Digest>::digest(format!("{file} {row}"));
                    let id: String = digest
                        .iter()
                        .take(16)
                        .map(|byte| format!("{byte:02x}"))
                        .collect();
                    let delivery = Delivery {
                        merchant: String::new(),
                        invoice_id: id.clone(),
                        public_invoice_id: Some(format!("inv_{id}")),
                        event_id: format!("evt_{id}"),
                        event_type: "invoice.paid".to_owned(),
                        event_version: Some(1),
                        status: Some(Status::Paid),
                        transaction: Some(format!("0x{id}{id}")),
                        traceparent: None,
                        body: "x".repeat(620),
                    };
                    let now = 1_790_000_000_000;
                    let times = crate::worker::schedule::Times {
                        // Not due during the measurement.
                        retention: 400 * 24 * 60 * 60 * 1_000,
                        ..Default::default()
                    };
                    store.record(&delivery, super::super::store::Known::Nothing, now, times)?;
                    let key = super::super::messages::EventKey {
                        invoice_id: delivery.invoice_id,
                        event_id: delivery.event_id,
                    };
                    store.confirm("", &key, now, times)?;
                }
                Ok(())
            })
            .unwrap();
        }
    }
}
