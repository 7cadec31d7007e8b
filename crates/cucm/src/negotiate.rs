//! Two offers, one medium: CUCM has no media of its own, so what both ends offered must fit.
//!
//! In a recording the first side is the recorder, whose order counts; in a call the region's codec order counts, and the
//! caller's order of suites.

use media::sdes::Crypto;
use media::sdp::{Audio, Format, Profile, common_formats};

use crate::config::SuiteMismatch;

/// One end and what it may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) offer: &'a Audio,
    /// Whether its device or trunk may use SRTP at all.
    pub(crate) srtp_allowed: bool,
    /// Whether it listed `X-cisco-srtp-fallback`.
    pub(crate) falls_back: bool,
}

/// What both ends will use, each with its own payload types and tags.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) first: Share,
    pub(crate) second: Share,
}

/// One end's part: the formats by its own numbers, and the line of its offer that was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) format: Format,
    pub(crate) telephone_event: Option<Format>,
    pub(crate) crypto: Option<Crypto>,
}

impl Agreed {
    /// The line for the first end: its tag, the second end's key.
    pub(crate) fn crypto_for_first(&self) -> Option<Crypto> {
        crossed(&self.first, &self.second)
    }

    /// The line for the second end: its tag, the first end's key.
    pub(crate) fn crypto_for_second(&self) -> Option<Crypto> {
        crossed(&self.second, &self.first)
    }
}

/// Why two offers do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("no codec in common: {first} against {second}")]
    Codec { first: String, second: String },
    #[error("no crypto suite in common: {first} against {second}")]
    Suite { first: String, second: String },
    #[error("one end offers RTP/SAVP without X-cisco-srtp-fallback, the other end cannot use srtp")]
    NoFallback,
}

impl Mismatch {
    /// A code that stays the same.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::Codec { .. } => "codec",
            Self::Suite { .. } => "suite",
            Self::NoFallback => "srtp-fallback",
        }
    }
}

/// Finds what both can do. `codecs` is the region's order; without it the first side's order counts.
pub(crate) fn agree(
    first: Side<'_>,
    second: Side<'_>,
    codecs: Option<&[String]>,
    on_suites: SuiteMismatch,
) -> Result<Agreed, Mismatch> {
    let format = pick_format(first.offer, second.offer, codecs)?;
    let pair = pick_crypto(first, second, on_suites)?;
    let (first_crypto, second_crypto) = pair.unzip();
    let share = |offer: &Audio, crypto| Share {
        format: own(offer, &format),
        telephone_event: offer.formats.iter().find(|f| f.is_telephone_event()).cloned(),
        crypto,
    };
    Ok(Agreed { first: share(first.offer, first_crypto), second: share(second.offer, second_crypto) })
}

/// Whether a codec of these formats is in the offer, without looking at anything else.
pub(crate) fn shares_codec(offer: &Audio, formats: &[Format]) -> Result<(), Mismatch> {
    let voice: Vec<Format> = formats.iter().filter(|format| !format.is_telephone_event()).cloned().collect();
    if common_formats(&offer.formats, &voice).is_empty() {
        return Err(Mismatch::Codec { first: names(&offer.formats), second: names(&voice) });
    }
    Ok(())
}

fn pick_format(first: &Audio, second: &Audio, codecs: Option<&[String]>) -> Result<Format, Mismatch> {
    let common: Vec<Format> =
        common_formats(&first.formats, &second.formats).into_iter().filter(|f| !f.is_telephone_event()).collect();
    let chosen = match codecs {
        None => common.first(),
        Some(order) => {
            order.iter().find_map(|name| common.iter().find(|format| format.encoding.eq_ignore_ascii_case(name)))
        }
    };
    chosen.cloned().ok_or_else(|| Mismatch::Codec { first: names(&first.formats), second: names(&second.formats) })
}

/// The chosen line of each end, or `None` for RTP.
fn pick_crypto(
    first: Side<'_>,
    second: Side<'_>,
    on_suites: SuiteMismatch,
) -> Result<Option<(Crypto, Crypto)>, Mismatch> {
    if !(uses_srtp(first) && uses_srtp(second)) {
        return fall_back(first, second).then_some(None).ok_or(Mismatch::NoFallback);
    }
    let pairs = first.offer.crypto.iter().filter_map(|ours| {
        let suite = ours.known_suite()?;
        let theirs = second.offer.crypto.iter().find(|theirs| theirs.known_suite() == Some(suite))?;
        Some((suite, ours, theirs))
    });
    // The order of lines is the order of preference (RFC 4568 §6.1); two lines with one tag are a tie, which GCM wins.
    let position = |ours: &Crypto| first.offer.crypto.iter().position(|line| line.tag == ours.tag);
    match pairs.min_by_key(|(suite, ours, _)| (position(ours), *suite)) {
        Some((_, ours, theirs)) => Ok(Some((ours.clone(), theirs.clone()))),
        None if on_suites == SuiteMismatch::Fallback && fall_back(first, second) => Ok(None),
        None => Err(Mismatch::Suite { first: suites(first.offer), second: suites(second.offer) }),
    }
}

fn uses_srtp(side: Side<'_>) -> bool {
    side.srtp_allowed && side.offer.profile == Profile::Savp
}

/// Whether every end that asked for SRTP takes RTP as well.
fn fall_back(first: Side<'_>, second: Side<'_>) -> bool {
    [first, second].iter().all(|side| side.offer.profile == Profile::Avp || side.falls_back)
}

fn crossed(to: &Share, from: &Share) -> Option<Crypto> {
    let tag = to.crypto.as_ref()?.tag;
    from.crypto.clone().map(|crypto| Crypto { tag, ..crypto })
}

fn own(offer: &Audio, format: &Format) -> Format {
    offer.formats.iter().find(|have| have.is_same_codec(format)).unwrap_or(format).clone()
}

fn names(formats: &[Format]) -> String {
    let names: Vec<&str> = formats.iter().filter(|f| !f.is_telephone_event()).map(|f| f.encoding.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn suites(offer: &Audio) -> String {
    let names: Vec<String> = offer.crypto.iter().map(|crypto| crypto.suite.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

#[cfg(test)]
mod tests {
    use media::sdp::Sdp;
    use media::srtp::{MasterKey, Suite};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn offer(formats: &str, suites: &[(u32, Suite)]) -> Audio {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let profile = if suites.is_empty() { "RTP/AVP" } else { "RTP/SAVP" };
        let lines: String = suites
            .iter()
            .map(|&(tag, suite)| {
                let crypto = Crypto::new(tag, MasterKey::generate(suite, &mut rng));
                format!("a=crypto:{}\r\n", crypto.to_attribute())
            })
            .collect();
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4002 {profile} {formats}\r\n\
             a=rtpmap:0 PCMU/8000\r\n{lines}"
        );
        Sdp::parse(text.as_bytes()).unwrap().audio().unwrap()
    }

    fn side(offer: &Audio) -> Side<'_> {
        Side { offer, srtp_allowed: true, falls_back: true }
    }

    const GCM: Suite = Suite::AeadAes256Gcm;
    const LONG: Suite = Suite::AesCm128HmacSha1_80;
    const SHORT: Suite = Suite::AesCm128HmacSha1_32;

    fn chosen(recorder: &[(u32, Suite)], phone: &[(u32, Suite)]) -> Option<(u32, u32, Suite)> {
        let (recorder, phone) = (offer("0", recorder), offer("0", phone));
        let agreed = agree(side(&recorder), side(&phone), None, SuiteMismatch::Fail).unwrap();
        let (first, second) = (agreed.crypto_for_first()?, agreed.crypto_for_second()?);
        assert_eq!(first.known_suite(), second.known_suite());
        assert_eq!(first.keys, agreed.second.crypto.unwrap().keys, "the recorder decrypts with the phone's key");
        Some((first.tag, second.tag, first.known_suite().unwrap()))
    }

    #[test]
    fn the_recorders_order_counts_and_each_end_gets_its_own_tag() {
        assert_eq!(chosen(&[(1, LONG), (2, GCM)], &[(1, GCM), (2, LONG)]), Some((1, 2, LONG)));
        assert_eq!(chosen(&[(7, GCM), (8, LONG)], &[(3, LONG), (4, GCM)]), Some((7, 4, GCM)));
        assert_eq!(chosen(&[(1, GCM), (2, SHORT)], &[(1, SHORT)]), Some((2, 1, SHORT)));
    }

    #[test]
    fn gcm_wins_where_two_lines_have_one_tag() {
        assert_eq!(chosen(&[(1, LONG), (1, GCM)], &[(1, LONG), (2, GCM)]), Some((1, 2, GCM)));
    }

    #[test]
    fn an_end_without_srtp_makes_rtp_only_where_the_other_one_falls_back() {
        let (secure, plain) = (offer("0", &[(1, GCM)]), offer("0", &[]));
        assert!(agree(side(&secure), side(&plain), None, SuiteMismatch::Fail).unwrap().first.crypto.is_none());
        let stubborn = Side { falls_back: false, ..side(&secure) };
        let refused = agree(stubborn, side(&plain), None, SuiteMismatch::Fail).unwrap_err();
        assert_eq!(refused, Mismatch::NoFallback);
        let forbidden = Side { srtp_allowed: false, ..side(&secure) };
        assert!(agree(forbidden, side(&secure), None, SuiteMismatch::Fail).unwrap().first.crypto.is_none());
    }

    #[test]
    fn suites_that_do_not_meet_fail_or_fall_back_by_the_switch() {
        let (a, b) = (offer("0", &[(1, GCM)]), offer("0", &[(1, SHORT)]));
        let refused = agree(side(&a), side(&b), None, SuiteMismatch::Fail).unwrap_err();
        assert_eq!(refused.to_string(), "no crypto suite in common: AEAD_AES_256_GCM against AES_CM_128_HMAC_SHA1_32");
        assert!(agree(side(&a), side(&b), None, SuiteMismatch::Fallback).unwrap().first.crypto.is_none());
    }

    #[test]
    fn the_region_decides_the_codec_of_a_call_and_telephone_events_are_no_codec() {
        let (a, b) = (offer("9 8 0 101", &[]), offer("0 8 101", &[]));
        let region = ["PCMU".to_owned(), "PCMA".to_owned()];
        let agreed = agree(side(&a), side(&b), Some(&region), SuiteMismatch::Fail).unwrap();
        assert_eq!(agreed.first.format.encoding, "PCMU");
        let g722 = offer("9 101", &[]);
        let refused = agree(side(&g722), side(&b), Some(&region), SuiteMismatch::Fail).unwrap_err();
        assert_eq!(refused.rule(), "codec");
        assert!(shares_codec(&g722, &b.formats).is_err());
    }
}
