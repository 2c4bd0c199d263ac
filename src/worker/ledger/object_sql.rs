//! The ledger's [`Sql`] on the SQLite database of a Durable Object.

use js_sys::Number;
use wasm_bindgen::prelude::*;
use worker::{SqlStorage, Storage};

use super::sql::{Binding, Column, Row, Sql, SqlError};

/// A method for which `worker` 0.8.7 has no binding. `worker`'s own `transaction` is asynchronous,
/// and a panic inside it leaves it pending.
#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod transaction_sync {
    use super::{JsValue, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        pub type TransactionalStorage;
        #[wasm_bindgen(method, catch, js_name = transactionSync)]
        pub fn transaction_sync(
            this: &TransactionalStorage,
            work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
        ) -> Result<JsValue, JsValue>;
    }
}
use transaction_sync::TransactionalStorage;

/// The database of one object.
#[derive(Debug)]
pub struct ObjectSql {
    sql: SqlStorage,
    storage: TransactionalStorage,
}

impl std::fmt::Debug for TransactionalStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TransactionalStorage")
    }
}

impl ObjectSql {
    /// Returns the database of the object with this storage.
    pub fn of(storage: &Storage) -> Self {
        let raw: &JsValue = storage.as_raw().as_ref();
        Self {
            sql: storage.sql(),
            storage: raw.clone().unchecked_into(),
        }
    }
}

impl Sql for ObjectSql {
    fn run(&self, statement: &str, bindings: &[Binding<'_>]) -> Result<Vec<Row>, SqlError> {
        let bindings: Vec<JsValue> = bindings.iter().map(|binding| value_of(*binding)).collect();
        let cursor = self.sql.exec_raw(statement, bindings).map_err(refused)?;
        // Reads all rows before anything else happens: an open cursor holds the statement.
        let rows = cursor
            .raw()
            .map(|row| row.map_err(refused).and_then(row_of))
            .collect();
        #[cfg(feature = "worker-test")]
        {
            let (read, written) = ROWS.get();
            ROWS.set((
                read.saturating_add(cursor.rows_read()),
                written.saturating_add(cursor.rows_written()),
            ));
        }
        rows
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
        let mut work = Some(work);
        let mut done = None;
        let committed = self.storage.transaction_sync(&mut || {
            let result = work.take().map(|work| work());
            let failed = matches!(result, Some(Err(_)));
            done = result;
            if failed {
                // An exception undoes the transaction.
                Err(js_sys::Error::new("the transaction is undone").into())
            } else {
                Ok(JsValue::UNDEFINED)
            }
        });
        match (done, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(thrown)) => Err(refused(worker::Error::from(thrown))),
            (Some(Ok(value)), Ok(_)) => Ok(value),
            (None, Ok(_)) => Err(SqlError("the transaction did not run".to_owned())),
        }
    }
}

#[cfg(feature = "worker-test")]
thread_local! {
    /// How many rows the objects of this isolate have read and written, as Cloudflare counts them.
    pub static ROWS: std::cell::Cell<(usize, usize)> = const { std::cell::Cell::new((0, 0)) };
}

fn refused(error: worker::Error) -> SqlError {
    SqlError(error.to_string())
}

fn value_of(binding: Binding<'_>) -> JsValue {
    match binding {
        Binding::Null => JsValue::NULL,
        Binding::Number(number) => JsValue::from_f64(number as f64),
        Binding::Text(text) => JsValue::from_str(text),
    }
}

fn row_of(values: Vec<worker::SqlStorageValue>) -> Result<Row, SqlError> {
    use worker::SqlStorageValue;
    let column = |value| match value {
        SqlStorageValue::Null => Ok(Column::Null),
        SqlStorageValue::Integer(integer) => Ok(Column::Integer(integer)),
        SqlStorageValue::String(text) => Ok(Column::Text(text)),
        // An integer above 2^53 arrives as a double. The ledger stores none, except
        // `event_version`, which an attacker cannot choose.
        SqlStorageValue::Float(number) if Number::is_integer(&number.into()) => {
            Ok(Column::Integer(number as i64))
        }
        _ => Err(SqlError(
            "a column of the ledger has an unknown type".to_owned(),
        )),
    };
    values
        .into_iter()
        .map(column)
        .collect::<Result<_, _>>()
        .map(Row)
}
