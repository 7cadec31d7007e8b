//! What `--keep` keeps beside the recordings, and judging them again from it.
//!
//! ```text
//! DIR/<scenario>/ledger.json           the truth: every packet said, every recording that CUCM set up
//! DIR/<scenario>/<day>/<recording>/    what the recorder wrote: recording.json, near.wav, far.wav, stereo.wav
//! ```
//!
//! A run and [`verify`] take the same path: `Stored` recordings are `weigh`ed against sessions and streams. What a
//! run finds on the wire beside them (refusals, leaked dialogs, audio in clear) is not found a second time.
//!
//! Beside the verifier's own rules ([`verify::Rule`](::verify::Rule)) these are found here: `wrong-metadata`
//! (`recording.json` differs from what CUCM told, from what was sent, from the files or from itself), `wrong-call`,
//! `wrong-segment`, `wrong-mirror` and `wrong-duplicate` (which recordings belong together), `wrong-participants` (who
//! took part, and when), `wrong-end` (why it ended), `missing-alarm` and `untrue-alarm`,
//! `wrong-journal` (the journal is not whole, or its packets are not those that were sent), `unreadable-metadata`
//! (`recording.json` cannot be read; where there is none, `missing-file`) and `unlisted-file` (audio that
//! `recording.json` does not name).

mod apart;
mod form;
mod hampered;
mod ledger;
mod metadata;
mod session;
mod stored;
mod verify;
mod weigh;

pub use form::{Defect, LedgerError, SCHEMA};
pub use hampered::{Hampered, Hampering};
pub use ledger::{FILE_NAME, KeptLedger};
pub use session::{Party, Session, SessionLeg, Told, Update};
pub(crate) use stored::{LARGEST_WAV, Stored, read};
pub use verify::verify;
pub(crate) use weigh::{count, verdict, weigh};
