//! What happens in the dialogs with recorders: it needs a recording, and changes no call.

use super::{Impossible, Paper};

impl Paper {
    pub(super) fn in_dialog(&self) -> Result<(), Impossible> {
        if !self.recordings().is_empty() {
            return Ok(());
        }
        let help = "let a phone with `recording: automatic` talk first";
        Err(Impossible::new("nothing is recorded here, so there is no dialog with a recorder".to_owned(), help))
    }
}
