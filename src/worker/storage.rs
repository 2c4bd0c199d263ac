//! What a Durable Object has stored: SQL, the alarm, transactions. `worker` has them too, but with four calls to the platform for a statement
//! and more for each of its bindings and columns, and with js-sys's executor.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use worker::{Error, Result, State};

use super::platform;
use super::promise::settled;

/// For a statement without bindings.
pub const NO_BINDINGS: [(); 0] = [];

/// The storage of one object.
#[derive(Clone)]
pub struct Storage {
    storage: JsValue,
    sql: JsValue,
}

impl Storage {
    /// That of the object with this state.
    pub fn of(state: &State) -> Self {
        let storage = state.storage();
        Self {
            sql: storage.sql().as_ref().clone(),
            storage: storage.as_raw().into(),
        }
    }

    /// Runs a statement, and reads all its rows by the names of their columns.
    ///
    /// # Errors
    /// Where storage fails, or a row is no `Row`.
    pub fn rows<Row: DeserializeOwned>(
        &self,
        statement: &'static str,
        bindings: &impl Serialize,
    ) -> Result<Vec<Row>> {
        let bindings = json_of(bindings)?;
        let statement = platform::constant(statement);
        match platform::rows(&self.sql, statement, bindings.as_deref())? {
            Some(rows) => Ok(serde_json::from_str(&rows)?),
            None => Ok(vec![]),
        }
    }

    /// As [`Storage::rows`], of a statement that has one row or none.
    ///
    /// # Errors
    /// As [`Storage::rows`].
    pub fn row<Row: DeserializeOwned>(
        &self,
        statement: &'static str,
        bindings: &impl Serialize,
    ) -> Result<Option<Row>> {
        Ok(self.rows(statement, bindings)?.pop())
    }

    /// Runs a statement that has no rows.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn run(&self, statement: &'static str, bindings: &impl Serialize) -> Result<()> {
        self.run_with_text(statement, bindings, None)
    }

    /// As [`Storage::run`], with a text that may be long as the last binding.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn run_with_text(
        &self,
        statement: &'static str,
        bindings: &impl Serialize,
        text: Option<&str>,
    ) -> Result<()> {
        let bindings = json_of(bindings)?;
        let statement = platform::constant(statement);
        Ok(platform::run(
            &self.sql,
            statement,
            bindings.as_deref(),
            text,
        )?)
    }

    /// Whether a statement with one binding has rows.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn exists(&self, statement: &'static str, binding: &str) -> Result<bool> {
        self.exists_with(statement, &JsValue::from_str(binding))
    }

    fn exists_with(&self, statement: &'static str, binding: &JsValue) -> Result<bool> {
        let statement = platform::constant(statement);
        Ok(platform::exists(&self.sql, statement, binding)?)
    }

    /// Whether this object has stored anything: asked before reading, so that reading writes nothing.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn has_table(&self, name: &'static str) -> Result<bool> {
        self.exists_with(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
            platform::constant(name),
        )
    }

    /// Runs `work` in one transaction, and arms the alarm for when `work` says, in milliseconds since the epoch: whatever fails undoes all of it.
    ///
    /// # Errors
    /// Where `work` or storage fails: then nothing of it is stored.
    pub async fn transact<T: 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<(T, Option<i64>)> + 'static,
    ) -> Result<T> {
        let found = Rc::new(RefCell::new(None));
        let result = Rc::clone(&found);
        let inside = self.clone();
        let arm = move || {
            let (value, due) = work(&inside)?;
            result.replace(Some(value));
            match due {
                Some(due) => inside.alarm_set(due),
                None => Ok(Promise::resolve(&JsValue::UNDEFINED)),
            }
        };
        let work = Closure::once(move || {
            arm().unwrap_or_else(|error| Promise::reject(&JsValue::from(error)))
        });
        settled(platform::transaction(&self.storage, &work)?).await?;
        let found = found.borrow_mut().take();
        found.ok_or_else(|| Error::RustError("the transaction did not run".to_owned()))
    }

    fn alarm_set(&self, due: i64) -> Result<Promise> {
        // Exact: a date.
        Ok(platform::set_alarm(&self.storage, due as f64)?)
    }

    /// Arms the alarm, in milliseconds since the epoch.
    ///
    /// # Errors
    /// Where storage fails.
    pub async fn set_alarm(&self, due: i64) -> Result<()> {
        settled(self.alarm_set(due)?).await?;
        Ok(())
    }

    /// Whether the alarm is armed.
    ///
    /// # Errors
    /// Where storage fails.
    pub async fn has_alarm(&self) -> Result<bool> {
        let due = settled(platform::get_alarm(&self.storage)?).await?;
        Ok(due.as_f64().is_some())
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// Where storage fails.
    pub async fn delete_all(&self) -> Result<()> {
        settled(platform::delete_all(&self.storage)?).await?;
        Ok(())
    }
}

/// Bindings as a JSON array, `None` for [`NO_BINDINGS`].
fn json_of(bindings: &impl Serialize) -> Result<Option<String>> {
    let bindings = serde_json::to_string(bindings)?;
    Ok((bindings != "[]").then_some(bindings))
}
