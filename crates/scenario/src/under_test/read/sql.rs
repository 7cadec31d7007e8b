//! The database of the adapter `sql`.

use std::time::Duration;

use super::super::sql::{Database, Sql};
use super::super::told::{CALL, HOLDS, Holds};
use super::http::secret;
use super::{FOLDER, START, template};
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::fields::{Fields, duration, number, one_of, text};
use crate::file::read::keep;
use crate::file::tree::Node;

/// Reads database and query, where the adapter is `sql`.
pub(super) fn read(node: Option<&Node>, is_asked: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<Sql> {
    let node = match (node, is_asked) {
        (Some(node), _) => node,
        (None, true) => {
            let help = "such as `sql = { sqlite = \"{folder}/calls.db\", query = \"SELECT path FROM calls WHERE refci = {refci}\" }`";
            wrong.push(Diagnostic::new(place, "the adapter `sql` needs `sql`").help(help));
            return None;
        }
        (None, false) => return None,
    };
    let mut f = Fields::of(node, "the database", wrong);
    let sqlite = f.maybe("sqlite", wrong, |n| template(n, &FOLDER));
    let postgres = f.optional("postgres").and_then(|n| postgres(n, wrong));
    let query = f.required("query", wrong).and_then(|n| keep(template(n, &[&START[..], &CALL].concat()), wrong));
    let content = f.or("content", Holds::Stereo, wrong, |n| one_of(n, &HOLDS));
    let within = f.or("within", Duration::from_secs(10), wrong, duration);
    f.finish(wrong);
    if !is_asked {
        wrong.push(Diagnostic::new(node.place, "`sql` is for the adapter `sql`").help("`adapter = \"sql\"`"));
    }
    let database = match (sqlite, postgres) {
        (Some(path), None) => Database::Sqlite(path),
        (None, Some(postgres)) => postgres,
        _ => {
            let help = "`sqlite = \"{folder}/calls.db\"`, or `postgres = { name = \"calls\", user = \"reader\" }`";
            wrong.push(Diagnostic::new(node.place, "a database is `sqlite` or `postgres`").help(help));
            return None;
        }
    };
    Some(Sql { database, query: query?, content, within })
}

fn postgres(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Database> {
    let mut f = Fields::of(node, "a postgres database", wrong);
    let host = f.maybe("host", wrong, |n| template(n, &START));
    let port = f.or("port", 5432, wrong, |n| number(n, 1, 65_535).map(|port| port as u16));
    let name = f.required("name", wrong).and_then(|n| keep(text(n), wrong));
    let user = f.required("user", wrong).and_then(|n| keep(text(n), wrong));
    let password = f.optional("password").and_then(|n| secret(n, wrong));
    f.finish(wrong);
    let host = host.or_else(|| template_of("{address}"))?;
    Some(Database::Postgres { host, port, name: name?, user: user?, password })
}

fn template_of(text: &str) -> Option<super::Template> {
    super::Template::parse(text, &START).ok()
}
