//! Who takes part in a recording, and since when.
//!
//! A transfer behind a trunk reaches the recorder as UPDATE on both dialogs, with another `x-farendaddr` (Cisco, "Call
//! Recording Examples for Network-Based and Phone-Based Recording").

use super::pairing::Parameters;
use crate::metadata::{Participant, Party, Recording, Side};

/// Participants kept of one recording; a peer must not fill the memory.
const PARTICIPANTS: usize = 128;

/// Notes who takes part from this moment on. Both dialogs tell of the same change; it is noted once.
pub(super) fn note(recording: &mut Recording, at: &str, told: &Parameters) {
    for (side, party) in [(Side::Near, told.near()), (Side::Far, told.far())] {
        let present = recording.participants.iter_mut().rev().find(|one| one.side == side);
        if let Some(present) = present {
            // A request without any parameter tells of nobody.
            if is_same(&present.party, &party) || party == Party::default() {
                continue;
            }
            present.until = Some(at.to_owned());
        }
        if recording.participants.len() < PARTICIPANTS {
            recording.participants.push(Participant { side, party, from: at.to_owned(), until: None });
        }
    }
}

/// Whether two descriptions are of one party; a name may be missing in either, and devices are spelled in either case.
fn is_same(one: &Party, other: &Party) -> bool {
    let device = |party: &Party| party.device.as_deref().map(str::to_ascii_lowercase);
    one.address == other.address && device(one) == device(other) && one.conference == other.conference
}
