//! A recorder's connection closes while it owes an answer within a dialog: the dialog stays, and the request is sent once more over a new
//! connection. That CUCM does so is inferred; that a dialog is bound to no connection is RFC 3261 §12 and §18.

use std::time::Instant;

use sip::ClientKey;

use super::leg::{LegId, Owed, Role, State};
use super::{Asked, Engine};

/// A request within a dialog with a recorder that has no final answer yet.
#[derive(Clone, Debug)]
pub(super) struct Unanswered {
    what: Owed,
    /// Whether it has been sent twice already: a recorder that closes each time is asked no more.
    is_repeated: bool,
}

impl Engine {
    /// It goes out now.
    pub(super) fn note_unanswered(&mut self, id: LegId, what: &Owed) {
        let in_dialog =
            matches!(what, Owed::Bye(_) | Owed::Refresh | Owed::FarEnd | Owed::Reoffer | Owed::Unprompted(_));
        let is_recorder = self.legs.get(&id).is_some_and(|leg| matches!(leg.role, Role::Recorder { .. }));
        if in_dialog && is_recorder {
            let is_repeated = self.unanswered.get(&id).is_some_and(|known| known.is_repeated && known.what == *what);
            self.unanswered.insert(id, Unanswered { what: what.clone(), is_repeated });
        }
    }

    /// It has its final answer.
    pub(super) fn note_answered(&mut self, asked: &Asked) {
        if let Asked::Invite(id) | Asked::Bye(id) | Asked::Refresh(id) | Asked::Unprompted(id, _) = asked {
            self.unanswered.remove(id);
        }
    }

    /// The connection closed before the answer came. False where nothing is repeated.
    pub(super) fn repeat_over_new_connection(&mut self, now: Instant, key: ClientKey) -> bool {
        let Some(Asked::Invite(id) | Asked::Bye(id) | Asked::Refresh(id) | Asked::Unprompted(id, _)) =
            self.asked.get(&key).cloned()
        else {
            return false;
        };
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.dialog.is_some()) else {
            return false;
        };
        let Some(unanswered) = self.unanswered.get_mut(&id).filter(|unanswered| !unanswered.is_repeated) else {
            return false;
        };
        unanswered.is_repeated = true;
        let what = unanswered.what.clone();
        leg.flow = None;
        leg.invite = None;
        if matches!(leg.state, State::Asking) {
            leg.state = State::Up;
        }
        self.asked.remove(&key);
        self.owe(now, id, what);
        true
    }
}
