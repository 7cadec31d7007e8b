//! Queries of a file of SQLite's.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, params_from_iter};
use serde_json::{Map, Value};

use super::{Query, Trouble};

/// The rows of each query. The file is not written to.
pub(super) async fn ask(path: &Path, queries: &[Query], within: Duration) -> Result<Vec<Vec<Value>>, Trouble> {
    let path = path.to_owned();
    let queries: Vec<(String, Vec<String>)> =
        queries.iter().map(|query| (query.text.clone(), query.parameters.clone())).collect();
    let all = tokio::task::spawn_blocking(move || ask_all(&path, &queries, within)).await;
    all.unwrap_or_else(|error| Err(Trouble::Again(error.to_string())))
}

fn ask_all(path: &Path, queries: &[(String, Vec<String>)], within: Duration) -> Result<Vec<Vec<Value>>, Trouble> {
    let shown = path.display();
    let wrong = |error: Error| {
        let why = format!("the database {shown} does not answer: {error}");
        match error.sqlite_error_code() {
            // It may not be there, or not have its tables, before the recorder writes to it.
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => Trouble::Again(why),
            Some(ErrorCode::Unknown) if why.contains("no such table") => Trouble::Again(why),
            _ => Trouble::Final(why),
        }
    };
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(wrong)?;
    connection.busy_timeout(within).map_err(wrong)?;
    queries.iter().map(|query| rows(&connection, query).map_err(wrong)).collect()
}

fn rows(connection: &Connection, (text, parameters): &(String, Vec<String>)) -> Result<Vec<Value>, Error> {
    let mut statement = connection.prepare(text)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(params_from_iter(parameters))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut object = Map::new();
        for (at, name) in names.iter().enumerate() {
            object.insert(name.clone(), value(row.get_ref(at)?));
        }
        all.push(Value::Object(object));
    }
    Ok(all)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}
