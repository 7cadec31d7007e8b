//! What each phone of a call is to hear, and the next step towards it.
//!
//! | this phone | the other phone | this phone hears |
//! |---|---|---|
//! | holds | whatever it does | nothing |
//! | does not | holds | music, where there is any |
//! | does not | does not | the other phone |
//!
//! A phone is brought there by re-INVITEs, as in Cisco's SIP Line Messaging Guide: one that disconnects its media, then one without
//! SDP that asks for its offer; it learns with the ACK where its media comes from. Where the phone itself asks, its answer says so.

/// Where the media of a phone comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// From the other phone.
    Talk,
    /// From CUCM: music on hold.
    Music,
    /// From where the phone was before it came into this call.
    Elsewhere,
    /// From nowhere.
    Nothing,
}

/// Whether a phone can be asked for anything just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing is under way in its dialog.
    Idle,
    /// Its offer is here and wants an answer.
    Offers,
    /// An answer or an ACK of its is awaited.
    Busy,
}

/// What is done next with a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// A re-INVITE that stops its media.
    Disconnect,
    /// A re-INVITE without SDP.
    Ask,
    /// Its offer is answered with this.
    Answer(Feed),
}

/// What a phone is to hear. `has_music` is whether the other one can be replaced by music.
pub(super) fn wanted(holds: bool, other_holds: bool, has_music: bool) -> Feed {
    match (holds, other_holds) {
        (true, _) => Feed::Nothing,
        (false, true) if has_music => Feed::Music,
        (false, true) => Feed::Nothing,
        (false, false) => Feed::Talk,
    }
}

/// The next step of one phone; `None` where it has what it wants, or has to wait for the other one or for an answer.
pub(super) fn next_move(stand: Stand, feed: Feed, want: Feed, other: Feed) -> Option<Move> {
    let stands = feed == want && (want != Feed::Talk || other == Feed::Talk);
    match stand {
        Stand::Busy => None,
        Stand::Idle if stands => None,
        Stand::Idle if feed != Feed::Nothing => Some(Move::Disconnect),
        Stand::Idle => Some(Move::Ask),
        Stand::Offers if want == Feed::Talk => None,
        Stand::Offers => Some(Move::Answer(want)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_hears_nothing_and_the_other_one_music() {
        assert_eq!(wanted(true, false, true), Feed::Nothing);
        assert_eq!(wanted(true, true, true), Feed::Nothing);
        assert_eq!(wanted(false, true, true), Feed::Music);
        assert_eq!(wanted(false, true, false), Feed::Nothing);
        assert_eq!(wanted(false, false, true), Feed::Talk);
    }

    #[test]
    fn media_is_disconnected_before_it_is_connected_anew() {
        use Feed::{Music, Nothing, Talk};
        assert_eq!(next_move(Stand::Idle, Talk, Music, Nothing), Some(Move::Disconnect));
        assert_eq!(next_move(Stand::Idle, Nothing, Music, Nothing), Some(Move::Ask));
        assert_eq!(next_move(Stand::Offers, Nothing, Music, Nothing), Some(Move::Answer(Music)));
        assert_eq!(next_move(Stand::Idle, Music, Music, Nothing), None);
        assert_eq!(next_move(Stand::Offers, Nothing, Talk, Nothing), None, "the other one's offer is wanted first");
    }

    #[test]
    fn nobody_talks_with_a_phone_that_is_elsewhere() {
        use Feed::{Music, Nothing, Talk};
        assert_eq!(next_move(Stand::Idle, Talk, Talk, Talk), None);
        assert_eq!(next_move(Stand::Idle, Feed::Elsewhere, Talk, Feed::Elsewhere), Some(Move::Disconnect));
        assert_eq!(next_move(Stand::Idle, Talk, Talk, Nothing), Some(Move::Disconnect));
        assert_eq!(next_move(Stand::Idle, Talk, Talk, Music), Some(Move::Disconnect));
        assert_eq!(next_move(Stand::Busy, Talk, Talk, Music), None);
    }
}
