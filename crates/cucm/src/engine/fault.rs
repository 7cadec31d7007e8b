//! What a cluster that is wrong on purpose makes of its recordings.

use crate::config::Fault;
use crate::text::recording::Metadata;

use super::Engine;
use super::recording::Recording;
use super::rules::{FarEnd, Happening, Verdict};

impl Fault {
    /// What it makes of a row of the table.
    pub(super) fn amend(self, what: Happening, verdict: Verdict) -> Verdict {
        match (self, what) {
            // fault: no BYE while the call is held
            (Self::RecordOnHold, Happening::Hold(_) | Happening::RemoteHold) => Verdict::Keep,
            // fault: BYE where nothing should be seen
            (Self::RestartKept, Happening::Hold(_) | Happening::RemoteHold | Happening::Park(_))
                if verdict == Verdict::Keep =>
            {
                Verdict::Anew
            }
            // fault: no UPDATE
            (Self::ForgetUpdate, _) if verdict == Verdict::Update => Verdict::Keep,
            // fault: no BYE for whoever leaves, parks or stops
            (Self::KeepRecording, _) if verdict == Verdict::End => Verdict::Keep,
            _ => verdict,
        }
    }

    /// What it tells of a far end in place of what is so.
    pub(super) fn far_end(self, told: &Metadata, far: FarEnd) -> FarEnd {
        match self {
            // fault: what the recorder knows already
            Self::OldFarEnd => far_end_of(told),
            _ => far,
        }
    }
}

impl Engine {
    /// Whether a recording that is planned begins; what it tells may be wrong.
    pub(super) fn begins(&mut self, recording: &mut Recording) -> bool {
        let metadata = &mut recording.metadata;
        let fault = self.config.fault;
        if !matches!(fault, Fault::RecordOnce | Fault::OldFarEnd) {
            return true;
        }
        let Some(first) = self.first_far.get(&metadata.near.device) else {
            self.first_far.insert(metadata.near.device.clone(), far_end_of(metadata));
            return true;
        };
        // fault: the far end of the first recording is told, or nothing begins
        let FarEnd { party, identifier, is_focus } = first.clone();
        (metadata.far, metadata.farendrefci, metadata.is_focus) = (party, identifier, is_focus);
        fault != Fault::RecordOnce
    }
}

fn far_end_of(metadata: &Metadata) -> FarEnd {
    FarEnd { party: metadata.far.clone(), identifier: metadata.farendrefci, is_focus: metadata.is_focus }
}

#[cfg(test)]
mod tests {
    use crate::config::Fault;
    use crate::text::recording::End;

    use super::Happening::{Hold, Park, RemoteHold, RemoteUpdate, Stop, Transfer};
    use super::Verdict::{self, Anew, Keep, Update};

    #[test]
    fn each_fault_breaks_its_own_rows_of_the_table() {
        for (fault, what, sound, wrong) in [
            (Fault::RecordOnHold, Hold(End::Near), Anew, Keep),
            (Fault::RecordOnHold, Transfer(End::Far), Anew, Anew),
            (Fault::RestartKept, RemoteHold, Keep, Anew),
            (Fault::RestartKept, Park(End::Far), Keep, Anew),
            (Fault::RestartKept, Hold(End::Near), Verdict::End, Verdict::End),
            (Fault::ForgetUpdate, RemoteUpdate, Update, Keep),
            (Fault::ForgetUpdate, Stop, Verdict::End, Verdict::End),
            (Fault::KeepRecording, Stop, Verdict::End, Keep),
            (Fault::KeepRecording, Hold(End::Near), Anew, Anew),
        ] {
            assert_eq!(fault.amend(what, sound), wrong, "{fault:?} {what:?}");
            assert_eq!(Fault::None.amend(what, sound), sound, "{what:?}");
        }
    }
}
