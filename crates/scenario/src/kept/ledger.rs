//! The truth of one scenario's run, as it is kept.

use std::path::Path;

use media::ledger::Ledger;

use super::form::{self, LedgerError};
use super::session::Session;
use crate::outcome::Lateness;

/// The name of the ledger in a scenario's folder.
pub const FILE_NAME: &str = "ledger.json";

/// A ledger above this is not read: three days of one call would fit.
const LARGEST: u64 = 2 << 30;

/// Everything that recordings are judged against, long after they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLedger {
    /// The scenario file, as it was named.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Which network carried the run: `os` or `simulated`.
    pub network: String,
    /// The seed of the run.
    pub seed: u64,
    /// The recorder under test.
    pub recorder: String,
    /// How many recordings there should be.
    pub expected_recordings: usize,
    /// How late the harness was.
    pub lateness: Lateness,
    /// The recordings that CUCM set up.
    pub sessions: Vec<Session>,
    /// Every packet said; [`key_fingerprint`](media::ledger::Stream::key_fingerprint) is not kept.
    pub ledger: Ledger,
}

impl KeptLedger {
    /// The text of `ledger.json`.
    ///
    /// # Errors
    /// Never for what a run made; the error is passed on all the same.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        form::write(self)
    }

    /// Reads the text of a `ledger.json`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, LedgerError> {
        form::read(text)
    }

    /// Reads a `ledger.json`.
    ///
    /// # Errors
    /// Why the file cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, LedgerError> {
        let about = std::fs::metadata(path)?;
        if !about.is_file() {
            return Err(LedgerError::NoFile);
        }
        if about.len() > LARGEST {
            return Err(LedgerError::TooLarge { bytes: about.len(), most: LARGEST });
        }
        let text = String::from_utf8(std::fs::read(path)?).map_err(|_| LedgerError::NotText)?;
        Self::from_json(&text)
    }
}
