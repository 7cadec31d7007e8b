//! The outcome as one HTML file, which needs nothing beside it: markup, style, program and data are all in it.
//!
//! ```text
//! head      a policy that forbids every request, the style
//! body      the overview, readable without any program; an empty place for one scenario
//!           a block a scenario: base64 of zlib (RFC 1950) of its outcome as JSON, unpacked when it is opened
//!           the program, which the policy names by its hash: no text of a recorder can run as one
//! ```
//!
//! The blocks hold no `<`, and everything else that is not ours is escaped by maud; what cannot be seen is shown by a
//! sign ([`text::visible`]).

mod block;
mod overview;
mod page;
mod text;

#[cfg(test)]
mod tests;

use scenario::outcome::RunOutcome;

/// The outcome as a page of HTML, with whatever evidence is in it. The same outcome gives the same bytes.
///
/// # Errors
/// Never for an outcome the runner made; the error is passed on all the same.
pub fn html(run: &RunOutcome) -> Result<String, serde_json::Error> {
    let blocks = run.scenarios.iter().map(block::pack).collect::<Result<Vec<_>, _>>()?;
    Ok(page::page(run, &blocks).into_string())
}
