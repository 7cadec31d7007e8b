//! Music on hold: what a held phone is offered, with a key, SSRC and numbers of the stream's own.

use std::net::SocketAddr;

use media::g711::Law;
use media::sdes::Crypto;
use media::sdp::{Audio, Format, Profile};
use media::srtp::MasterKey;
use rand_core::Rng;

use crate::config::MusicOnHold;
use crate::negotiate::Share;

use super::call::{CallSide, Member};
use super::{Engine, MusicId, Output, SentStream};

impl Engine {
    /// Chooses codec and key by the phone's offer and lets the music begin. False where there is none that this phone can play.
    pub(super) fn start_music(&mut self, number: u32, side: CallSide) -> bool {
        if self.config.music_on_hold == MusicOnHold::Nothing {
            return false;
        }
        let Some(call) = self.calls.get(&number) else {
            return false;
        };
        let member = call.side(side);
        let Some((share, law, to)) = self.music_share(member, call.codec.as_deref()) else {
            return false;
        };
        let dialog = self.legs.get(&member.leg).map(|leg| leg.call_id.clone()).unwrap_or_default();
        let crypto = share.crypto.as_ref().and_then(|theirs| {
            let key = MasterKey::generate(theirs.known_suite()?, &mut self.rng);
            Some(Crypto::new(theirs.tag, key))
        });
        self.last_music += 1;
        let music = MusicId(self.last_music);
        let stream = self.sent_stream(dialog, to, (law, share.format.payload_type), crypto.clone());
        let from = SocketAddr::new(self.config.address, self.config.ports.music);
        if let Some(call) = self.calls.get_mut(&number) {
            let member = call.side_mut(side);
            member.share = Some(share);
            member.heard_at = Some((from, crypto));
            member.music = Some(music);
        }
        self.decided.push_back(Output::StartMusic { music, stream: Box::new(stream) });
        true
    }

    /// A stream of the node's own, from a source and with numbers that nobody else has.
    pub(super) fn sent_stream(
        &mut self,
        dialog: String,
        to: SocketAddr,
        (law, payload_type): (Law, u8),
        crypto: Option<Crypto>,
    ) -> SentStream {
        let ssrc = self.rng.next_u32();
        // RFC 3711 §3.3.1: below 2^15, so that the loss of the first packets does not cost the roll-over count.
        let sequence = self.rng.next_u32() as u16 & 0x7fff;
        SentStream { dialog, to, law, payload_type, crypto, ssrc, sequence, timestamp: self.rng.next_u32() }
    }

    pub(super) fn stop_music(&mut self, number: u32, side: CallSide) {
        let member = self.calls.get_mut(&number).map(|call| call.side_mut(side));
        if let Some(music) = member.and_then(|member| member.music.take()) {
            self.decided.push_back(Output::StopMusic { music });
        }
    }

    /// The phone's line of crypto and its format; SRTP where the phone may use it and offers a suite that is known.
    fn music_share(&self, member: &Member, codec: Option<&str>) -> Option<(Share, Law, SocketAddr)> {
        let offer = member.media.as_ref()?;
        let (format, law) = playable(offer, codec)?;
        let may = self.is_encrypted(&member.party.device) && offer.profile == Profile::Savp;
        let crypto = offer.crypto.iter().find(|line| may && line.known_suite().is_some()).cloned();
        if crypto.is_none() && offer.profile == Profile::Savp && !member.falls_back {
            return None;
        }
        let share = Share { format, telephone_event: None, crypto };
        Some((share, law, SocketAddr::new(offer.address, offer.port)))
    }
}

/// The codec of the call where it is G.711, else the first G.711 of the offer: there is no music in any other codec.
fn playable(offer: &Audio, codec: Option<&str>) -> Option<(Format, Law)> {
    let usable = |format: &&Format| law_of(format).is_some();
    let in_use = |format: &&Format| codec.is_some_and(|codec| format.encoding.eq_ignore_ascii_case(codec));
    let mut formats = offer.formats.iter().filter(usable);
    let format = formats.clone().find(in_use).or_else(|| formats.next())?;
    Some((format.clone(), law_of(format)?))
}

/// The law of a G.711 format.
pub(super) fn law_of(format: &Format) -> Option<Law> {
    Law::ALL.into_iter().find(|law| format.encoding.eq_ignore_ascii_case(law.encoding()))
}
