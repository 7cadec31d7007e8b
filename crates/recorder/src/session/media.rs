//! Offer and answer of one leg.
//!
//! CUCM invites without SDP and answers in the ACK, so usually the offer is ours: `recvonly`, RTP/SAVP, one
//! `a=crypto` a suite, each with a key of its own. Those keys would protect what we send, which is nothing; the key
//! that matters is the peer's.

use std::fmt::Write;
use std::net::SocketAddr;

use media::sdes::Crypto;
use media::sdp::{Audio, Direction, Profile, Refusals, Sdp, SdpError};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;

use crate::config::{Codec, Config, SrtpPolicy};
use crate::legs::{Media, Protection};

/// What we say of one leg's media. Its `Debug` would print no key.
#[derive(Clone)]
pub(crate) struct Local {
    address: SocketAddr,
    session: u64,
    version: u64,
    secure: bool,
    crypto: Vec<(u32, Suite, MasterKey)>,
    codecs: Vec<Codec>,
    direction: Direction,
    /// Whether the peer has taken the stream away (RFC 3264 §8.2).
    closed: bool,
    /// What we say of the peer's other streams.
    others: Refusals,
}

/// An offer or an answer of the peer.
pub(crate) struct Theirs {
    audio: Audio,
    others: Refusals,
}

/// What was agreed, and the codec's name.
pub(crate) struct Agreed {
    pub(crate) media: Media,
    pub(crate) codec: &'static str,
}

/// Why offer and answer do not fit. The texts go into the metadata.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("no common codec: got payload types {got:?}")]
    Codec { got: Vec<u8> },
    #[error("got RTP/AVP, expected RTP/SAVP")]
    Plain,
    #[error("got RTP/SAVP, expected RTP/AVP")]
    Secure,
    #[error("got RTP/SAVP without a usable a=crypto")]
    NoCrypto,
    #[error("got a=crypto tag {tag} with {suite}, which was not offered")]
    NotOffered { tag: u32, suite: String },
    #[error("got port 0: the stream is refused")]
    Refused,
}

impl Local {
    /// Our offer for a leg that receives on this address.
    pub(crate) fn offer(config: &Config, address: SocketAddr, session: u64, rng: &mut ChaCha20Rng) -> Self {
        let secure = config.srtp != SrtpPolicy::Off;
        let suites = if secure { config.suites.as_slice() } else { &[] };
        let crypto = (1..).zip(suites).map(|(tag, suite)| (tag, *suite, MasterKey::generate(*suite, rng))).collect();
        let codecs = config.codecs.clone();
        Self {
            address,
            session,
            version: 1,
            secure,
            crypto,
            codecs,
            direction: Direction::RecvOnly,
            closed: false,
            others: Refusals::default(),
        }
    }

    /// Our offer within a dialog: what we said last, and that we would hear the stream, held or taken away as it may
    /// be (RFC 3261 §14.2).
    pub(crate) fn offer_again(&self) -> Self {
        Self { direction: Direction::RecvOnly, closed: false, ..self.clone() }.after(self)
    }

    /// Counts the version up where something has changed (RFC 3264 §8).
    fn after(mut self, before: &Self) -> Self {
        if self.text() != before.text() {
            self.version += 1;
        }
        self
    }

    /// The SDP text.
    pub(crate) fn text(&self) -> String {
        let address = self.address.ip();
        let port = if self.closed { 0 } else { self.address.port() };
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        let profile = if self.secure { "RTP/SAVP" } else { "RTP/AVP" };
        let mut text = format!(
            "v=0\r\no=mixedmode {} {} IN {family} {address}\r\ns=SIP Call\r\nc=IN {family} {address}\r\nt=0 0\r\n\
             {}m=audio {port} {profile}",
            self.session, self.version, self.others.before
        );
        // Writing to a String never fails.
        for codec in &self.codecs {
            let _ = write!(text, " {}", codec.payload_type());
        }
        text.push_str("\r\n");
        for codec in &self.codecs {
            let _ = write!(text, "a=rtpmap:{} {}/8000\r\n", codec.payload_type(), codec.name());
        }
        let _ = write!(text, "a={}\r\n", self.direction.name());
        for (tag, suite, key) in &self.crypto {
            let _ = write!(text, "a=crypto:{tag} {suite} inline:{}\r\n", key.to_inline());
        }
        text + &self.others.behind
    }

    /// What an offer of ours alone lets us take (RFC 3264 §5.1): plain RTP in one of its codecs. Without the peer's key
    /// nothing else can be read.
    pub(crate) fn offered(&self) -> Option<Media> {
        let payload_types = self.codecs.iter().map(|codec| codec.payload_type()).collect();
        (!self.secure).then_some(Media { payload_types, protection: Protection::Plain, source: None })
    }

    /// Judges the answer to our offer. `fallback` says that both sides may fall back to plain RTP.
    pub(crate) fn judge_answer(&self, answer: &Theirs, fallback: bool) -> Result<Agreed, Misfit> {
        let answer = &answer.audio;
        if answer.port == 0 {
            return Err(Misfit::Refused);
        }
        let protection = match (answer.profile, self.secure) {
            (Profile::Savp, false) => return Err(Misfit::Secure),
            (Profile::Avp, true) if !fallback => return Err(Misfit::Plain),
            (Profile::Avp, _) => Protection::Plain,
            (Profile::Savp, true) => self.answered_key(answer)?,
        };
        Ok(agreed(answer, codec_of(answer, &self.codecs)?, protection))
    }

    fn answered_key(&self, answer: &Audio) -> Result<Protection, Misfit> {
        let crypto = answer.crypto.first().ok_or(Misfit::NoCrypto)?;
        let (suite, protection) = peer_key(crypto).ok_or(Misfit::NoCrypto)?;
        // The tag should be that of our line; peers are met that renumber, so the suite decides.
        if !self.crypto.iter().any(|(_, offered, _)| *offered == suite) {
            return Err(Misfit::NotOffered { tag: crypto.tag, suite: suite.name().to_owned() });
        }
        Ok(protection)
    }

    /// Answers an offer of the peer: for a new leg, or within one, where `self` is what we said last.
    pub(crate) fn answer(
        &self,
        offer: &Theirs,
        config: &Config,
        rng: &mut ChaCha20Rng,
    ) -> Result<(Self, Agreed), Misfit> {
        let Theirs { audio: offer, others } = offer;
        if offer.port == 0 {
            return Err(Misfit::Refused);
        }
        let codec = codec_of(offer, &config.codecs)?;
        let (direction, others) = (answered(offer.direction), others.clone());
        let mut local = Self { codecs: vec![codec], direction, closed: false, others, ..self.clone() };
        let protection = match (offer.profile, config.srtp) {
            (Profile::Savp, SrtpPolicy::Off) => return Err(Misfit::Secure),
            (Profile::Avp, SrtpPolicy::Required) => return Err(Misfit::Plain),
            (Profile::Avp, _) => {
                (local.secure, local.crypto) = (false, Vec::new());
                Protection::Plain
            }
            (Profile::Savp, _) => {
                let known = |crypto: &Crypto| peer_key(crypto).filter(|(suite, _)| config.suites.contains(suite));
                let (tag, (suite, protection)) = offer
                    .crypto
                    .iter()
                    .find_map(|crypto| Some((crypto.tag, known(crypto)?)))
                    .ok_or(Misfit::NoCrypto)?;
                // Our key stays while the suite does: a refresh must not look like a change of key.
                let own = self.crypto.iter().find(|(_, kept, _)| *kept == suite).map(|(.., key)| key.clone());
                (local.secure, local.crypto) =
                    (true, vec![(tag, suite, own.unwrap_or_else(|| MasterKey::generate(suite, rng)))]);
                protection
            }
        };
        Ok((local.after(self), agreed(offer, codec, protection)))
    }

    /// Answers an offer within a dialog that takes the stream away: the call stands, and its port may be used again
    /// (RFC 3264 §8.2).
    pub(crate) fn answer_closed(&self, offer: &Theirs) -> Self {
        Self { closed: true, others: offer.others.clone(), ..self.clone() }.after(self)
    }
}

impl Theirs {
    /// Reads a session description with a voice stream.
    pub(crate) fn read(body: &[u8]) -> Result<Self, SdpError> {
        let sdp = Sdp::parse(body)?;
        Ok(Self { audio: sdp.audio()?, others: sdp.refusals() })
    }

    /// Whether the voice stream is taken away, or was never there.
    pub(crate) fn is_closed(&self) -> bool {
        self.audio.port == 0
    }
}

/// The first of their codecs that is among ours.
fn codec_of(theirs: &Audio, ours: &[Codec]) -> Result<Codec, Misfit> {
    let known = |name: &str| ours.iter().find(|codec| codec.name().eq_ignore_ascii_case(name));
    let got = || theirs.formats.iter().map(|format| format.payload_type).collect();
    let found = theirs.formats.iter().find_map(|format| known(&format.encoding));
    found.copied().ok_or_else(|| Misfit::Codec { got: got() })
}

fn agreed(theirs: &Audio, codec: Codec, protection: Protection) -> Agreed {
    let format = theirs.formats.iter().find(|format| format.encoding.eq_ignore_ascii_case(codec.name()));
    let payload_type = format.map_or_else(|| codec.payload_type(), |format| format.payload_type);
    let source = SocketAddr::new(theirs.address, theirs.port);
    Agreed { media: Media { payload_types: vec![payload_type], protection, source: Some(source) }, codec: codec.name() }
}

/// The suite and key of an `a=crypto` line; `None` for a suite or key we do not know.
fn peer_key(crypto: &Crypto) -> Option<(Suite, Protection)> {
    let suite = crypto.known_suite()?;
    let inline = crypto.keys.first()?;
    let key = inline.key.clone()?;
    let mki = inline.mki.map(|mki| mki.to_bytes());
    Some((suite, Protection::Srtp { suite, key, mki }))
}

/// We hear who sends, and never send.
fn answered(offered: Direction) -> Direction {
    if offered.sends() { Direction::RecvOnly } else { Direction::Inactive }
}
