//! Offer and answer of one leg.
//!
//! CUCM invites without SDP and answers in the ACK, so usually the offer is ours: `recvonly`, RTP/SAVP, one
//! `a=crypto` a suite, each with a key of its own. Those keys would protect what we send, which is nothing; the key
//! that matters is the peer's.

use std::fmt::Write;
use std::net::SocketAddr;

use media::sdp::{self, Audio, Direction, Format, PickError, Profile, Refusals, Sdp, SdpError};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;

use crate::config::{Codec, Config, SrtpPolicy};
use crate::fault::Fault;
use crate::legs::{Media, Protection};

/// What we say of one leg's media. Its `Debug` would print no key.
#[derive(Clone)]
pub(crate) struct Local {
    address: SocketAddr,
    session: u64,
    version: u64,
    secure: bool,
    crypto: Vec<(u32, Suite, MasterKey)>,
    /// fault: what stands behind each key.
    behind_keys: &'static str,
    /// Each codec with its payload type, which may be the peer's choice.
    codecs: Vec<(u8, Codec)>,
    direction: Direction,
    /// Whether it is us who have stopped the stream.
    paused: bool,
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
        let codecs = config.codecs.iter().map(|codec| (codec.payload_type(), *codec)).collect();
        Self {
            address,
            session,
            version: 1,
            secure,
            crypto,
            behind_keys: config.fault.behind_keys(),
            codecs,
            direction: Direction::RecvOnly,
            paused: false,
            closed: false,
            others: Refusals::default(),
        }
    }

    /// Our offer within a dialog, which the peer has asked for: what was agreed on comes first, then all else that we can do, so that
    /// another codec may be chosen (RFC 3261 §14.2). We would hear the stream, held or taken away as it may be, unless it is us who have
    /// stopped it.
    pub(crate) fn offer_again(&self, config: &Config, rng: &mut ChaCha20Rng) -> Self {
        let mut offer = self.offer_of(self.paused);
        // A number keeps its meaning as long as the dialog stands (RFC 3264 §8.3.2).
        for codec in &config.codecs {
            if offer.codecs.iter().all(|(number, known)| known != codec && *number != codec.payload_type()) {
                offer.codecs.push((codec.payload_type(), *codec));
            }
        }
        for suite in config.suites.iter().filter(|_| self.secure) {
            if offer.crypto.iter().all(|(_, known, _)| known != suite) {
                let tag = offer.crypto.iter().map(|(tag, ..)| *tag).max().unwrap_or_default() + 1;
                offer.crypto.push((tag, *suite, MasterKey::generate(*suite, rng)));
            }
        }
        offer.version = self.version;
        offer.after(self)
    }

    /// Our offer within a dialog: the same, and whether the stream is to stop or to go on.
    pub(crate) fn offer_of(&self, paused: bool) -> Self {
        let direction = if paused { Direction::Inactive } else { Direction::RecvOnly };
        Self { direction, paused, closed: false, ..self.clone() }.after(self)
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
        for (payload_type, _) in &self.codecs {
            let _ = write!(text, " {payload_type}");
        }
        text.push_str("\r\n");
        for (payload_type, codec) in &self.codecs {
            let _ = write!(text, "a=rtpmap:{payload_type} {}/8000\r\n", codec.name());
        }
        let _ = write!(text, "a={}\r\n", self.direction.name());
        for (tag, suite, key) in &self.crypto {
            let _ = write!(text, "a=crypto:{tag} {suite} inline:{}{}\r\n", key.to_inline(), self.behind_keys);
        }
        text + &self.others.behind
    }

    /// What an offer of ours alone lets us take (RFC 3264 §5.1): plain RTP in one of its codecs. Without the peer's key
    /// nothing else can be read.
    pub(crate) fn offered(&self) -> Option<Media> {
        let formats = self.codecs.clone();
        (!self.secure).then_some(Media { formats, protection: Protection::Plain, source: None })
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
        let ours: Vec<Codec> = self.codecs.iter().map(|(_, codec)| *codec).collect();
        let common = sdp::common_formats(&answer.formats, &formats(&ours));
        let found = common.first().and_then(|format| Some((format.payload_type, named(format, &ours)?)));
        let (theirs, codec) = found.ok_or_else(|| no_codec(answer))?;
        // The peer should send by our payload type (RFC 3264 §6.1); some send by the one of their answer.
        let mut formats = vec![(theirs, codec)];
        formats.extend(self.codecs.iter().filter(|(ours, same)| *same == codec && *ours != theirs));
        Ok(agreed(answer, formats, codec, protection))
    }

    /// fault: whether the key that was agreed on has a tag of ours and nothing behind it.
    pub(crate) fn is_strictly(&self, agreed: &Agreed) -> bool {
        match &agreed.media.protection {
            Protection::Plain => true,
            Protection::Srtp(crypto) => {
                let is_bare = crypto.keys.iter().all(|key| key.lifetime.is_none() && key.mki.is_none());
                is_bare && self.crypto.iter().any(|(tag, ..)| *tag == crypto.tag)
            }
        }
    }

    /// The peer's line for what it sends. Its tag should be that of our line; peers are met that renumber, so the suite
    /// decides, which is why this is no [`sdp::check_answer`].
    fn answered_key(&self, answer: &Audio) -> Result<Protection, Misfit> {
        let offered: Vec<Suite> = self.crypto.iter().map(|(_, suite, _)| *suite).collect();
        if let Some(crypto) = sdp::common_suites(&answer.crypto, &offered).first() {
            return Ok(Protection::Srtp((*crypto).clone()));
        }
        match sdp::common_suites(&answer.crypto, &Suite::ALL).first() {
            Some(other) => Err(Misfit::NotOffered { tag: other.tag, suite: other.suite.to_string() }),
            None => Err(Misfit::NoCrypto),
        }
    }

    /// Answers an offer of the peer: for a new leg, or within one, where `self` is what we said last.
    pub(crate) fn answer(
        &self,
        offer: &Theirs,
        config: &Config,
        rng: &mut ChaCha20Rng,
    ) -> Result<(Self, Agreed), Misfit> {
        let Theirs { audio: offer, others } = offer;
        match (offer.profile, config.srtp) {
            (Profile::Savp, SrtpPolicy::Off) => return Err(Misfit::Secure),
            (Profile::Avp, SrtpPolicy::Required) => return Err(Misfit::Plain),
            _ => {}
        }
        let pick = sdp::pick(offer, &formats(&config.codecs), &config.suites).map_err(|error| match error {
            PickError::Refused => Misfit::Refused,
            PickError::NoFormat => no_codec(offer),
            PickError::NoSuite => Misfit::NoCrypto,
        })?;
        let codec = named(&pick.format, &config.codecs).ok_or_else(|| no_codec(offer))?;
        let agreed_on = vec![(pick.format.payload_type, codec)];
        let chosen = pick.crypto.as_ref().and_then(|line| Some((line.tag, line.known_suite()?)));
        let crypto = chosen.map(|(tag, suite)| (tag, suite, self.own_key(suite, rng))).into_iter().collect();
        let local = Self {
            secure: chosen.is_some(),
            crypto,
            codecs: agreed_on.clone(),
            direction: self.answered(offer.direction, config.fault),
            closed: false,
            others: others.clone(),
            ..self.clone()
        };
        let protection = pick.crypto.map_or(Protection::Plain, Protection::Srtp);
        Ok((local.after(self), agreed(offer, agreed_on, codec, protection)))
    }

    /// We hear who sends, and never send; what we have stopped stays so until we have it go on (RFC 3264 §6.1).
    fn answered(&self, offered: Direction, fault: Fault) -> Direction {
        // fault: an answer forgets the pause.
        let paused = self.paused && fault != Fault::ForgetPause;
        if offered.sends() && !paused { Direction::RecvOnly } else { Direction::Inactive }
    }

    /// Our key stays while the suite does: a refresh must not look like a change of key.
    fn own_key(&self, suite: Suite, rng: &mut ChaCha20Rng) -> MasterKey {
        let kept = self.crypto.iter().find(|(_, kept, _)| *kept == suite).map(|(.., key)| key.clone());
        kept.unwrap_or_else(|| MasterKey::generate(suite, rng))
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

/// Codecs as SDP names them; each has a clock of 8000 Hz in RTP, G.722 too (RFC 3551 §4.5.2).
fn formats(codecs: &[Codec]) -> Vec<Format> {
    let format = |codec: &Codec| Format {
        payload_type: codec.payload_type(),
        encoding: codec.name().to_owned(),
        clock: 8000,
        fmtp: None,
    };
    codecs.iter().map(format).collect()
}

fn named(format: &Format, codecs: &[Codec]) -> Option<Codec> {
    codecs.iter().find(|codec| codec.name().eq_ignore_ascii_case(&format.encoding)).copied()
}

fn no_codec(theirs: &Audio) -> Misfit {
    Misfit::Codec { got: theirs.formats.iter().map(|format| format.payload_type).collect() }
}

fn agreed(theirs: &Audio, formats: Vec<(u8, Codec)>, codec: Codec, protection: Protection) -> Agreed {
    let source = SocketAddr::new(theirs.address, theirs.port);
    Agreed { media: Media { formats, protection, source: Some(source) }, codec: codec.name() }
}
