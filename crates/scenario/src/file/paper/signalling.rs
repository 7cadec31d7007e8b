//! What happens in the dialogs with recorders: it needs a recording, and changes no call.

use cucm::signalling::Request;
use media::ledger::Leg;
use recorder::Deed;

use super::{Impossible, Paper, Recording};

impl Paper {
    pub(super) fn in_dialog(&self) -> Result<(), Impossible> {
        if !self.recordings().is_empty() {
            return Ok(());
        }
        let help = "let a phone with `recording: automatic` talk first";
        Err(Impossible::new("nothing is recorded here, so there is no dialog with a recorder".to_owned(), help))
    }

    /// How many dialogs of these legs stand.
    pub(crate) fn dialogs(&self, leg: Option<Leg>) -> usize {
        let meant = |one: &Leg| leg.is_none_or(|leg| leg == *one);
        self.standing().filter(|(_, leg)| meant(leg)).count()
    }

    /// CUCM sends a request in the dialogs of these legs. One whose other leg has ended goes on after a BYE.
    pub(super) fn cucm_sends(&mut self, request: Request, leg: Option<Leg>) -> Result<(), Impossible> {
        self.in_dialog()?;
        self.must_stand(leg)?;
        if request != Request::Bye {
            return Ok(());
        }
        let Some(leg) = leg.filter(|_| self.recordings().iter().all(|recording| self.is_whole(recording))) else {
            let message = "a recording whose legs have both ended is over, though its call goes on".to_owned();
            return Err(Impossible::new(message, "let CUCM end one leg of each, `near` or `far`"));
        };
        if self.recordings().iter().any(|recording| self.is_forked_by_gateway(recording)) {
            let message =
                "a gateway forks this, both legs or none: it would send on to the one that has ended".to_owned();
            return Err(Impossible::new(message, "leave `recording media source: gateway` out"));
        }
        let ended: Vec<_> = self.standing().filter(|(_, other)| leg == *other).collect();
        self.hung_up.extend(ended);
        Ok(())
    }

    /// The recorder acts in the dialogs of these legs, which must not have been ended by it. With one of its BYEs CUCM ends the
    /// other dialog too; where messages are meddled with, perhaps not yet.
    pub(super) fn recorder_does(&mut self, deed: Deed, leg: Option<Leg>) -> Result<(), Impossible> {
        if !self.has_one_recorder {
            let message = "there are several recorders, and nobody can say here which of them has the recording";
            return Err(Impossible::new(message.to_owned(), "leave out `destinations`, or what the recorder does"));
        }
        self.in_dialog()?;
        self.must_stand(leg)?;
        let meant = |one: &Leg| leg.is_none_or(|leg| leg == *one);
        let acts_on: Vec<_> = self.standing().filter(|(_, leg)| meant(leg)).collect();
        let forks =
            |number: usize| self.recordings().iter().any(|r| r.number == number && self.is_forked_by_gateway(r));
        match deed {
            Deed::Pause if acts_on.iter().all(|(number, _)| forks(*number)) => {
                let message = "a gateway forks this, which cannot be had to stop".to_owned();
                return Err(Impossible::new(message, "leave `recording media source: gateway` out"));
            }
            Deed::Pause if acts_on.iter().all(|dialog| self.paused.contains(dialog)) => {
                let message = "the recorder has paused this already".to_owned();
                return Err(Impossible::new(message, "`- recorder resumes: both` first"));
            }
            Deed::Pause => self.paused.extend(acts_on),
            Deed::Resume if !acts_on.iter().any(|dialog| self.paused.contains(dialog)) => {
                let message = "the recorder has paused nothing here that it could resume".to_owned();
                return Err(Impossible::new(message, "`- recorder pauses: both` first"));
            }
            Deed::Resume => self.paused.retain(|dialog| !acts_on.contains(dialog)),
            Deed::HangUp => {}
        }
        if deed == Deed::HangUp {
            let acts = |number: usize| self.standing().any(|(other, leg)| other == number && meant(&leg));
            let ended = self.standing().filter(|(number, leg)| acts(*number) && (!self.is_meddled_with || meant(leg)));
            let ended: Vec<_> = ended.collect();
            // What somebody asked for is not begun again.
            self.forget_wishes(ended.iter().map(|(number, _)| *number).collect());
            self.hung_up.extend(ended);
        }
        Ok(())
    }

    /// Whether a dialog of a recording stands. One that the recorder has ended is over, and begins anew when the call is connected anew.
    pub(super) fn stands(&self, recording: &Recording) -> bool {
        Leg::ALL.iter().any(|leg| !self.hung_up.contains(&(recording.number, *leg)))
    }

    /// Whether both dialogs of a recording stand.
    pub(super) fn is_whole(&self, recording: &Recording) -> bool {
        Leg::ALL.iter().all(|leg| !self.hung_up.contains(&(recording.number, *leg)))
    }

    /// Whether media is sent in a leg of a recording.
    pub(super) fn flows(&self, recording: &Recording, leg: Leg) -> bool {
        let dialog = (recording.number, leg);
        !self.hung_up.contains(&dialog) && !self.paused.contains(&dialog)
    }

    /// Whether the recorder has a leg of a recording paused.
    pub(super) fn is_paused(&self, recording: &Recording) -> bool {
        self.paused.iter().any(|(number, _)| *number == recording.number)
    }

    /// A recorder beside the one under test goes, or comes back.
    pub(super) fn destination(&mut self, index: usize, is_up: bool) -> Result<(), Impossible> {
        let is_gone = self.gone.contains(&index);
        if is_gone != is_up {
            let (is, other) = if is_up { ("there", "fails") } else { ("gone", "returns") };
            let help = format!("`- destination {other}: <destination>` first");
            return Err(Impossible::new(format!("this destination is {is} already"), help));
        }
        if !is_up && !self.recordings().is_empty() {
            let message = "a recording runs here, and nobody can say whether this destination has it".to_owned();
            return Err(Impossible::new(message, "let the calls of recorded phones end first"));
        }
        self.gone.retain(|gone| *gone != index);
        self.gone.extend((!is_up).then_some(index));
        Ok(())
    }

    fn must_stand(&self, leg: Option<Leg>) -> Result<(), Impossible> {
        if self.dialogs(leg) > 0 {
            return Ok(());
        }
        let message = "somebody has hung up, so there is no such dialog with a recorder here".to_owned();
        Err(Impossible::new(message, "let another recording begin first, as by a hold or another call"))
    }

    /// The dialogs of the recordings that run, but for those that have been ended.
    fn standing(&self) -> impl Iterator<Item = (usize, Leg)> {
        let numbers = self.recordings().iter().map(|recording| recording.number);
        let dialogs = numbers.flat_map(|number| Leg::ALL.into_iter().map(move |leg| (number, leg)));
        dialogs.filter(|dialog| !self.hung_up.contains(dialog))
    }
}
