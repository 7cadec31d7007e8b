//! Queries of a PostgreSQL database. The connection is not encrypted.

use std::error::Error as StdError;
use std::path::Path;

use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, Error, NoTls};

use super::super::template::Values;
use super::{Database, Query, Trouble};

/// The rows of each query.
pub(super) async fn ask(
    database: &Database,
    (values, project): (&Values, &Path),
    queries: &[Query],
) -> Result<Vec<Vec<Value>>, Trouble> {
    let Database::Postgres { host, port, name, user, password } = database else { return Ok(Vec::new()) };
    let host = host.fill(values);
    let mut config = Config::new();
    config.host(&host).port(*port).dbname(name).user(user).application_name("mixedmode");
    if let Some(password) = password {
        config.password(password.read(project, values).map_err(Trouble::Final)?.open());
    }
    let wrong = |error: Error| wrong(&format!("the database {name} on {host}:{port}"), &error);
    let (client, connection) = config.connect(NoTls).await.map_err(wrong)?;
    // It ends when the client is dropped.
    let driver = tokio::spawn(connection);
    let mut all = Vec::new();
    for query in queries {
        // The database makes JSON of whatever types the columns have.
        let text = format!("SELECT row_to_json(told)::text FROM ({}) AS told", query.text);
        let parameters: Vec<Plain<'_>> = query.parameters.iter().map(|text| Plain(text)).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|plain| plain as _).collect();
        let rows = client.query(&text, &parameters).await.map_err(wrong)?;
        let read = |row: &tokio_postgres::Row| -> Result<Value, Trouble> {
            let text: &str = row.try_get(0).map_err(wrong)?;
            serde_json::from_str(text).map_err(|error| Trouble::Final(error.to_string()))
        };
        all.push(rows.iter().map(read).collect::<Result<_, _>>()?);
    }
    drop(client);
    driver.abort();
    Ok(all)
}

/// A parameter as text, whatever type the database wants: it reads it as it would a literal.
#[derive(Debug)]
struct Plain<'a>(&'a str);

impl ToSql for Plain<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn wrong(what: &str, error: &Error) -> Trouble {
    let Some(told) = error.as_db_error() else {
        let cause = StdError::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        return Trouble::Again(format!("{what} does not answer: {error}{cause}"));
    };
    let why = format!("{what} answers: {}", told.message());
    // The recorder may not have made its tables yet.
    let later = [SqlState::UNDEFINED_TABLE, SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS];
    if later.contains(told.code()) { Trouble::Again(why) } else { Trouble::Final(why) }
}
