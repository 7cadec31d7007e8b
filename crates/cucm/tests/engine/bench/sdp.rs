//! Descriptions of media, written and read.

use media::sdp::{Audio, Profile};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::Message;

/// A session description as a phone or a recorder writes it.
#[derive(Clone, Debug)]
pub(crate) struct Sdp {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) formats: String,
    pub(crate) direction: String,
    pub(crate) version: u32,
    /// Tag, suite and a number that makes the key.
    pub(crate) crypto: Vec<(u32, Suite, u64)>,
}

impl Sdp {
    pub(crate) fn new(address: &str, port: u16) -> Self {
        Self {
            address: address.to_owned(),
            port,
            formats: "0 8 101".to_owned(),
            direction: "sendrecv".to_owned(),
            version: 0,
            crypto: Vec::new(),
        }
    }

    pub(crate) fn formats(mut self, formats: &str) -> Self {
        self.formats = formats.to_owned();
        self
    }

    pub(crate) fn direction(mut self, direction: &str) -> Self {
        self.direction = direction.to_owned();
        self
    }

    /// Offers these suites under the tags 1, 2, ..., with keys that come from `seed`.
    pub(crate) fn suites(mut self, suites: &[Suite], seed: u64) -> Self {
        self.crypto = suites.iter().zip(1..).map(|(suite, tag)| (tag, *suite, seed)).collect();
        self
    }

    pub(crate) fn text(&self) -> String {
        let Self { address, port, formats, direction, version, .. } = self;
        let profile = if self.crypto.is_empty() { "RTP/AVP" } else { "RTP/SAVP" };
        let lines: String = self
            .crypto
            .iter()
            .map(|&(tag, suite, seed)| format!("a=crypto:{tag} {suite} inline:{}\r\n", key(suite, seed)))
            .collect();
        format!(
            "v=0\r\no=- 77 {version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} {profile} {formats}\r\n\
             {lines}a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n"
        )
    }
}

/// The key in base64 that belongs to a suite and a number.
pub(crate) fn key(suite: Suite, seed: u64) -> String {
    MasterKey::generate(suite, &mut ChaCha20Rng::seed_from_u64(seed)).to_inline()
}

/// The voice stream of a message.
pub(crate) fn audio(message: &Message) -> Audio {
    media::sdp::Sdp::parse(message.body()).unwrap().audio().unwrap()
}

/// What the one crypto line of a message says: tag, suite, key.
pub(crate) fn crypto(message: &Message) -> (u32, Suite, String) {
    let audio = audio(message);
    assert_eq!(audio.profile, Profile::Savp);
    let [line] = audio.crypto.as_slice() else { panic!("{} crypto lines", audio.crypto.len()) };
    (line.tag, line.known_suite().unwrap(), line.master_key().unwrap().to_inline())
}
