//! What an offer and an answer agree on (RFC 3264, RFC 4568), with a Cisco phone's rules.
//!
//! The phone takes an answer in RTP/AVP to its offer in RTP/SAVP and gives one itself: the fallback both ends announce with
//! `X-cisco-srtp-fallback` (Cisco IOS command reference). An answer must hold exactly one `a=crypto` with the tag and suite of a line
//! of the offer; MKI and session parameters other than `WSH` are refused (Cisco's published phone stack, `gsm_sdp_crypto.c`).

use std::net::SocketAddr;

use media::codec::Codec as Spoken;
use media::sdes::{Crypto, SuiteName};
use media::sdp::{Audio, Profile};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use thiserror::Error;

use crate::codec::Codec;
use crate::description::OwnKey;

/// What both sides agreed on for one stream pair.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    /// Where the peer wants to receive.
    pub(crate) remote: SocketAddr,
    pub(crate) codec: Spoken,
    /// The payload type under which the peer wants telephone events (RFC 4733), if it does.
    pub(crate) events: Option<u8>,
    /// Our key, none for RTP.
    pub(crate) own: Option<OwnKey>,
    /// The peer's key, none for RTP.
    pub(crate) peer: Option<(Suite, MasterKey)>,
    /// We may send.
    pub(crate) sends: bool,
}

impl Settled {
    /// The suite that both directions use.
    pub(crate) fn suite(&self) -> Option<Suite> {
        self.own.as_ref().map(|own| own.suite)
    }
}

/// Why a description cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unacceptable {
    #[error("got no codec this phone speaks (formats {formats}), expected payload type 0 (PCMU), 8 (PCMA) or 9 (G722)")]
    Codec { formats: String },
    #[error("got RTP/SAVP with {count} a=crypto lines, expected exactly one")]
    CryptoCount { count: usize },
    #[error("got a=crypto:{tag} {suite}, expected a tag and suite of our offer")]
    CryptoMismatch { tag: u32, suite: String },
    #[error("got RTP/SAVP without a suite this phone has (offered: {offered})")]
    NoSuite { offered: String },
    #[error("got a=crypto with an MKI, a session parameter or no key, which a phone refuses")]
    CryptoParameters,
}

/// Settles our offer with the peer's answer.
pub(crate) fn settle(keys: &[OwnKey], answer: &Audio) -> Result<Settled, Unacceptable> {
    let codec = spoken(answer, &Codec::SPOKEN)?;
    let (own, peer) = match answer.profile {
        Profile::Savp => {
            let ([crypto], []) = (answer.crypto.as_slice(), answer.bad_crypto.as_slice()) else {
                return Err(Unacceptable::CryptoCount { count: answer.crypto.len() + answer.bad_crypto.len() });
            };
            let own = keys.iter().find(|own| own.tag == crypto.tag && SuiteName::Known(own.suite) == crypto.suite);
            let own = own.ok_or_else(|| mismatch(crypto))?;
            (Some(own.clone()), Some((own.suite, usable_key(crypto)?.clone())))
        }
        Profile::Avp => (None, None),
    };
    Ok(settled(answer, codec, own, peer))
}

/// Answers the peer's offer: the first codec and the first crypto line of it that the phone can use. Without suites it answers RTP/AVP.
pub(crate) fn accept(
    offer: &Audio,
    codecs: &[Codec],
    suites: &[Suite],
    rng: &mut ChaCha20Rng,
) -> Result<Settled, Unacceptable> {
    let codec = spoken(offer, codecs)?;
    if offer.profile == Profile::Avp || suites.is_empty() {
        return Ok(settled(offer, codec, None, None));
    }
    let usable = offer.crypto.iter().find_map(|crypto| match crypto.suite {
        SuiteName::Known(suite) if suites.contains(&suite) => Some((suite, crypto, usable_key(crypto).ok()?)),
        _ => None,
    });
    let Some((suite, crypto, key)) = usable else {
        return Err(Unacceptable::NoSuite { offered: suite_names(&offer.crypto) });
    };
    let own = OwnKey::fresh(crypto.tag, suite, rng);
    Ok(settled(offer, codec, Some(own), Some((suite, key.clone()))))
}

fn settled(peer: &Audio, codec: Spoken, own: Option<OwnKey>, peer_key: Option<(Suite, MasterKey)>) -> Settled {
    let reachable = peer.port != 0 && !peer.address.is_unspecified();
    Settled {
        remote: SocketAddr::new(peer.address, peer.port),
        codec,
        events: peer.formats.iter().find(|format| format.is_telephone_event()).map(|format| format.payload_type),
        own,
        peer: peer_key,
        sends: reachable && peer.direction.receives(),
    }
}

/// The first format of the peer that is spoken here, under its static payload type, and among ours.
fn spoken(peer: &Audio, codecs: &[Codec]) -> Result<Spoken, Unacceptable> {
    let found = peer.formats.iter().find_map(|format| {
        let codec = Spoken::of_payload_type(format.payload_type)?;
        let is_named = format.encoding.eq_ignore_ascii_case(codec.encoding());
        (is_named && codecs.contains(&Codec::of(codec))).then_some(codec)
    });
    found.ok_or_else(|| Unacceptable::Codec {
        formats: peer
            .formats
            .iter()
            .map(|format| format!("{} {}", format.payload_type, format.encoding))
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn usable_key(crypto: &Crypto) -> Result<&MasterKey, Unacceptable> {
    let [inline] = crypto.keys.as_slice() else { return Err(Unacceptable::CryptoParameters) };
    let only_window = crypto.session.iter().all(|parameter| parameter.starts_with("WSH="));
    match &inline.key {
        Some(key) if inline.mki.is_none() && only_window => Ok(key),
        _ => Err(Unacceptable::CryptoParameters),
    }
}

fn mismatch(crypto: &Crypto) -> Unacceptable {
    Unacceptable::CryptoMismatch { tag: crypto.tag, suite: suite_name(&crypto.suite) }
}

fn suite_names(lines: &[Crypto]) -> String {
    lines.iter().map(|crypto| suite_name(&crypto.suite)).collect::<Vec<_>>().join(", ")
}

fn suite_name(suite: &SuiteName) -> String {
    match suite {
        SuiteName::Known(suite) => suite.name().to_owned(),
        SuiteName::Unknown(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use media::sdp::Sdp;
    use rand_core::SeedableRng;

    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn audio(profile: &str, lines: &str) -> Audio {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 {profile} 0 8\r\n{lines}"
        );
        Sdp::parse(text.as_bytes()).unwrap().audio().unwrap()
    }

    fn offered() -> Vec<OwnKey> {
        OwnKey::offer(&[Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80], &mut ChaCha20Rng::seed_from_u64(1))
    }

    fn settle_line(line: &str) -> Result<Settled, Unacceptable> {
        settle(&offered(), &audio("RTP/SAVP", &format!("a=crypto:{line}\r\n")))
    }

    #[test]
    fn an_answer_is_one_line_of_our_offer_without_extras() {
        let settled = settle_line(&format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        assert_eq!((settled.suite(), settled.codec), (Some(Suite::AesCm128HmacSha1_80), Spoken::Pcmu));
        assert_eq!(settled.own.unwrap().key, offered()[1].key);
        assert!(settle_line(&format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH=128")).is_ok());
        let refused = [
            format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"),
        ];
        for line in refused {
            assert!(settle_line(&line).is_err(), "{line}");
        }
        let two =
            format!("a=crypto:1 AEAD_AES_128_GCM inline:{KEY}\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
        assert_eq!(settle(&offered(), &audio("RTP/SAVP", &two)).unwrap_err(), Unacceptable::CryptoCount { count: 2 });
        assert_eq!(settle(&offered(), &audio("RTP/SAVP", "")).unwrap_err(), Unacceptable::CryptoCount { count: 0 });
    }

    #[test]
    fn an_offer_is_answered_with_its_first_line_that_fits() {
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        let lines = format!(
            "a=crypto:3 F8_128_HMAC_SHA1_80 inline:{KEY}\r\na=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\na=sendonly\r\n"
        );
        let offer = audio("RTP/SAVP", &lines);
        let settled = accept(&offer, &Codec::CISCO, &Suite::ALL, rng).unwrap();
        assert_eq!(settled.own.as_ref().map(|own| (own.tag, own.suite)), Some((5, Suite::AesCm128HmacSha1_32)));
        assert!(!settled.sends);
        // A phone without SRTP answers in RTP; one without the suite, or without the codec, refuses.
        assert!(accept(&offer, &Codec::CISCO, &[], rng).unwrap().own.is_none());
        let refused = accept(&offer, &Codec::CISCO, &[Suite::AeadAes256Gcm], rng).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "got RTP/SAVP without a suite this phone has (offered: F8_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32)"
        );
        assert!(matches!(accept(&offer, &[Codec::G722], &Suite::ALL, rng), Err(Unacceptable::Codec { .. })));
        assert_eq!(accept(&offer, &[Codec::Pcma], &Suite::ALL, rng).unwrap().codec, Spoken::Pcma);
    }

    #[test]
    fn nothing_is_sent_to_nowhere() {
        let nowhere = Audio { port: 0, ..audio("RTP/AVP", "") };
        assert!(!settle(&[], &nowhere).unwrap().sends);
        assert!(settle(&[], &audio("RTP/AVP", "")).unwrap().sends);
    }
}
