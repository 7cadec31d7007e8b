//! The adapter `sql`: a query of a recorder's database says which files hold which call.
//!
//! What is filled in of a call goes to the database as a parameter, never as text of the query.

mod postgres;
mod sqlite;

use std::path::Path;
use std::time::{Duration, Instant};

use media::ledger::Leg;
use serde_json::Value;

use super::dir::Gathered;
use super::path::word;
use super::profile::Profile;
use super::secret::Secret;
use super::template::{Piece, Template, Values};
use super::told::{
    CALL, HOLDS, Holds, LeftLeg, Names, Told, file, is_whole, on_disk, put_together, said, strangers, values_of,
};
use crate::kept::Session;
use crate::outcome::Finding;

/// Between two times that the database is asked.
const PAUSE: Duration = Duration::from_millis(250);

/// A query that tells of recordings.
#[derive(Clone, Debug)]
pub struct Sql {
    /// Where the recordings are told of.
    pub database: Database,
    /// The query, a single SELECT.
    pub query: Template,
    /// What a file holds whose row does not say.
    pub content: Holds,
    /// How long one query may take.
    pub within: Duration,
}

/// A database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of SQLite's.
    Sqlite(Template),
    /// PostgreSQL.
    Postgres {
        /// Host or address.
        host: Template,
        /// TCP port.
        port: u16,
        /// The name of the database.
        name: String,
        /// Who asks.
        user: String,
        /// The password, if one is asked for.
        password: Option<Secret>,
    },
}

/// Why a query came to nothing.
#[derive(Debug)]
enum Trouble {
    /// It may go better a moment later.
    Again(String),
    /// It will not.
    Final(String),
}

/// A query for a database: its text with marks, and what goes in their place.
struct Query {
    text: String,
    parameters: Vec<String>,
    /// The recordings it asks for; `None`: all.
    of: Option<Vec<usize>>,
}

/// Asks until every recording is there, but no longer than the profile allows, and reads the files.
///
/// # Errors
/// What is wrong with database or query, which is not the recorder's doing.
pub(super) async fn gather(
    values: &Values,
    profile: &Profile,
    sql: &Sql,
    sessions: &[Session],
) -> Result<Gathered, String> {
    let asked = &profile.recordings;
    let deadline = Instant::now() + asked.ready_within;
    let queries = queries(sql, values, sessions);
    if queries.is_empty() {
        return Ok(Gathered::default());
    }
    let mut seen: (Vec<Row>, Instant) = (Vec::new(), Instant::now());
    loop {
        let last = Instant::now() + PAUSE >= deadline;
        match rows(sql, values, profile, (&queries, sessions)).await {
            Ok(rows) => {
                if rows != seen.0 {
                    seen = (rows, Instant::now());
                }
                let of: Vec<_> = seen.0.iter().map(|row| row.of.clone()).collect();
                let late: Vec<&Row> = seen.0.iter().filter(|row| !row.is_complete && row.is_asked_for()).collect();
                let rests = seen.1.elapsed() >= asked.unchanged_for;
                if last || (late.is_empty() && rests && is_whole(&of, sessions)) {
                    let others = strangers(of.iter());
                    let findings = late.iter().map(|row| row.late(asked.ready_within)).collect();
                    let root = profile.project.join(asked.root.fill(values));
                    let told = seen.0.iter().filter(|row| row.is_asked_for()).map(|row| row.read(profile, &root));
                    return Ok(Gathered {
                        stored: put_together(told.collect()),
                        findings,
                        told: others,
                        ..Gathered::default()
                    });
                }
            }
            Err(Trouble::Final(why)) => return Err(why),
            Err(Trouble::Again(why)) if last => {
                return Err(format!("{why}; it was asked for {:?}", asked.ready_within));
            }
            Err(Trouble::Again(_)) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The query for each call or, where it names nothing of a call, one for all.
fn queries(sql: &Sql, values: &Values, sessions: &[Session]) -> Vec<Query> {
    let is_per_call = CALL.iter().any(|name| sql.query.has(name));
    if !is_per_call {
        return vec![Query::of(sql, values, None)];
    }
    let legs: &[Leg] = if sql.query.has("call_id") { &Leg::ALL } else { &[Leg::Near] };
    let mut all: Vec<Query> = Vec::new();
    for (index, session) in sessions.iter().enumerate() {
        for leg in legs {
            let mut filled = values.clone();
            filled.extend(values_of(session, *leg));
            let query = Query::of(sql, &filled, Some(vec![index]));
            // A call that is recorded again under its refci is asked for once.
            match all.iter_mut().find(|known| known.parameters == query.parameters) {
                Some(known) => known.of.iter_mut().for_each(|of| of.push(index)),
                None => all.push(query),
            }
        }
    }
    all
}

impl Query {
    fn of(sql: &Sql, values: &Values, of: Option<Vec<usize>>) -> Self {
        let mark = match sql.database {
            Database::Sqlite(_) => '?',
            Database::Postgres { .. } => '$',
        };
        let (mut text, mut parameters) = (String::new(), Vec::new());
        for piece in sql.query.pieces() {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Place(name) => {
                    parameters.push(values.get(name).cloned().unwrap_or_default());
                    text.push(mark);
                    text.push_str(&parameters.len().to_string());
                }
            }
        }
        let text = text.trim().trim_end_matches(';').to_owned();
        Self { text, parameters, of }
    }
}

/// A row of an answer: a file of a recording.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    of: Option<Vec<usize>>,
    path: String,
    holds: Holds,
    left: LeftLeg,
    is_complete: bool,
    all: Value,
}

impl Row {
    fn new(all: Value, sql: &Sql, query: &Query, sessions: &[Session]) -> Result<Self, String> {
        let column = |name: &str| all.get(name).and_then(word);
        let names = Names { refci: column("refci"), call_id: column("call_id") };
        let of = if names.is_empty() { query.of.clone() } else { Some(names.candidates(sessions)) };
        let path = column("path").ok_or_else(|| format!("a row of the query has no `path` of a file: {all}"))?;
        let holds = match column("content") {
            None => sql.content,
            Some(word) => {
                let known = HOLDS.iter().find(|(name, _)| *name == word).map(|(_, holds)| *holds);
                known
                    .ok_or_else(|| format!("the `content` of a row is `{word}`, expected `stereo`, `near` or `far`"))?
            }
        };
        let left = if column("left").as_deref() == Some("far") { LeftLeg::Far } else { LeftLeg::Near };
        let is_complete = !matches!(column("complete").as_deref(), Some("false" | "0" | "f"));
        Ok(Self { of, path, holds, left, is_complete, all })
    }

    fn is_asked_for(&self) -> bool {
        self.of.as_ref().is_none_or(|of| !of.is_empty())
    }

    fn read(&self, profile: &Profile, root: &Path) -> Told {
        let content = on_disk(&root.join(&self.path));
        let files = vec![file(&self.path, self.holds, self.left, content)];
        Told { of: self.of.clone(), files, said: said(profile, || self.all.clone()) }
    }

    fn late(&self, within: Duration) -> Finding {
        let expected = format!("`complete` within {within:?} of the last call");
        let mut finding = Finding::new("late-file", expected, "the row still says that it is not");
        finding.file = Some(self.path.clone());
        finding
    }
}

async fn rows(
    sql: &Sql,
    values: &Values,
    profile: &Profile,
    (queries, sessions): (&[Query], &[Session]),
) -> Result<Vec<Row>, Trouble> {
    let asked = async {
        match &sql.database {
            Database::Sqlite(path) => sqlite::ask(&profile.project.join(path.fill(values)), queries, sql.within).await,
            database => postgres::ask(database, (values, &profile.project), queries).await,
        }
    };
    let late = |_| Trouble::Again(format!("the database did not answer within {:?}", sql.within));
    let answers = tokio::time::timeout(sql.within, asked).await.map_err(late)??;
    let mut all: Vec<Row> = Vec::new();
    for (query, answer) in queries.iter().zip(answers) {
        for row in answer {
            let row = Row::new(row, sql, query, sessions).map_err(Trouble::Final)?;
            // One row may be found by the queries for both of its Call-IDs.
            if query.of.is_none() || !all.contains(&row) {
                all.push(row);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
