//! The SQL interface of the ledger. It is so small that native tests run the same statements on
//! `rusqlite`.

use std::fmt;

/// A value bound to a parameter. There is no boolean, because Durable Object SQL stores one as
/// text: bind 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Binding<'v> {
    /// SQL's NULL.
    Null,
    /// A number. Durable Object SQL binds it as a double, which holds integers up to 2⁵³.
    Number(i64),
    /// A text.
    Text(&'v str),
}

impl From<i64> for Binding<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'v> From<&'v str> for Binding<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v String> for Binding<'v> {
    fn from(text: &'v String) -> Self {
        Self::Text(text)
    }
}

impl<'v, T: Into<Self>> From<Option<T>> for Binding<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// SQL's NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
}

/// A row. Its values have the order of the statement's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(pub Vec<Column>);

impl Row {
    fn take(&mut self, at: usize) -> Column {
        self.0.get_mut(at).map_or(Column::Null, |column| {
            std::mem::replace(column, Column::Null)
        })
    }

    /// Returns the text of a column, or `None` if it is NULL.
    ///
    /// # Errors
    /// Returns an error if the column has a number.
    pub fn text(&mut self, at: usize) -> Result<Option<String>, SqlError> {
        match self.take(at) {
            Column::Text(text) => Ok(Some(text)),
            Column::Null => Ok(None),
            Column::Integer(_) => Err(SqlError::shape("a text", at)),
        }
    }

    /// Returns the text of a column that is never NULL.
    ///
    /// # Errors
    /// Returns an error if the column has no text.
    pub fn required(&mut self, at: usize) -> Result<String, SqlError> {
        self.text(at)?.ok_or_else(|| SqlError::shape("a text", at))
    }

    /// Returns the integer of a column, or `None` if it is NULL.
    ///
    /// # Errors
    /// Returns an error if the column has a text.
    pub fn integer(&mut self, at: usize) -> Result<Option<i64>, SqlError> {
        match self.take(at) {
            Column::Integer(integer) => Ok(Some(integer)),
            Column::Null => Ok(None),
            Column::Text(_) => Err(SqlError::shape("an integer", at)),
        }
    }

    /// Returns the integer of a column that is never NULL.
    ///
    /// # Errors
    /// Returns an error if the column has no integer.
    pub fn number(&mut self, at: usize) -> Result<i64, SqlError> {
        self.integer(at)?
            .ok_or_else(|| SqlError::shape("an integer", at))
    }
}

/// Why a statement or a transaction failed. Code inside a transaction must return this error: only
/// that undoes the statements before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError(pub String);

impl SqlError {
    fn shape(expected: &str, at: usize) -> Self {
        Self(format!(
            "column {at} of the ledger does not hold {expected}"
        ))
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for SqlError {}

/// A SQLite database.
pub trait Sql {
    /// Runs one statement and reads all its rows. Parameters are `?1`, `?2` and so on, at most 100.
    ///
    /// # Errors
    /// Returns an error if SQLite refuses the statement.
    fn run(&self, statement: &str, bindings: &[Binding<'_>]) -> Result<Vec<Row>, SqlError>;

    /// Runs `work` in one transaction. If `work` returns an error, the transaction is undone.
    ///
    /// # Errors
    /// Returns the error of `work`, or SQLite's own.
    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError>;
}
