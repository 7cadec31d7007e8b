//! Why a scenario could not be run. A recorder is never blamed for any of these.

use std::time::Duration;

/// The harness, the machine or the recorder under test could not be set up, or a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A certificate could not be made.
    #[error("cannot make the certificate of {whose}: {why}")]
    Certificate {
        /// Whose certificate.
        whose: String,
        /// What the library said.
        why: String,
    },
    /// What a phone is to say cannot be read.
    #[error("cannot read {file}: {why}")]
    Speech {
        /// The WAV file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A party did not start.
    #[error("{who} did not start: {why}")]
    Start {
        /// Which party.
        who: String,
        /// Why.
        why: String,
    },
    /// The program that should tell of the recordings did not.
    #[error("the adapter of recorder `{recorder}` does not tell of its recordings: {why}")]
    Adapter {
        /// The recorder's name.
        recorder: String,
        /// What is wrong with the program or its answer.
        why: String,
    },
    /// A step did not lead where it should.
    #[error("line {line}: {what}")]
    Step {
        /// Line of the scenario.
        line: usize,
        /// What did not happen.
        what: String,
    },
    /// The scenario did not end.
    #[error("the scenario did not end within {0:?}")]
    TimeOut(Duration),
    /// The scenario did not end in the time that whoever ran it allowed.
    #[error("it did not end within {limit:?}, which is all that --timeout allows; {stuck}")]
    Limit {
        /// What was allowed.
        limit: Duration,
        /// How far it was.
        stuck: String,
    },
    /// A file of the run cannot be written or read.
    #[error("{what}: {why}")]
    File {
        /// What was to be done.
        what: String,
        /// Why it was not.
        why: String,
    },
    /// The combination makes no sense.
    #[error("{0}")]
    Refused(String),
}
