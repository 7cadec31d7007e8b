//! What happens in the dialogs with recorders: it needs a recording, and changes no call.

use media::ledger::Leg;
use recorder::Deed;

use super::{Impossible, Paper};

impl Paper {
    pub(super) fn in_dialog(&self) -> Result<(), Impossible> {
        if !self.recordings().is_empty() {
            return Ok(());
        }
        let help = "let a phone with `recording: automatic` talk first";
        Err(Impossible::new("nothing is recorded here, so there is no dialog with a recorder".to_owned(), help))
    }

    /// The recorder acts in the dialogs of these legs, which must not have been ended by it. With one of its BYEs CUCM ends the
    /// other dialog too; where messages are meddled with, perhaps not yet.
    pub(super) fn recorder_does(&mut self, deed: Deed, leg: Option<Leg>) -> Result<(), Impossible> {
        self.in_dialog()?;
        let meant = |one: &Leg| leg.is_none_or(|leg| leg == *one);
        let numbers: Vec<usize> = self.recordings().iter().map(|recording| recording.number).collect();
        let dialogs = || numbers.iter().flat_map(|number| Leg::ALL.into_iter().map(move |leg| (*number, leg)));
        if dialogs().filter(|(_, leg)| meant(leg)).all(|dialog| self.hung_up.contains(&dialog)) {
            let message = "the recorder has hung up, so it has no dialog here".to_owned();
            return Err(Impossible::new(message, "let another recording begin first, as by a hold or another call"));
        }
        if deed == Deed::HangUp && self.has_one_recorder {
            let ended = dialogs().filter(|(_, leg)| !self.is_meddled_with || meant(leg));
            let ended: Vec<_> = ended.collect();
            self.hung_up.extend(ended);
        }
        Ok(())
    }
}
