//! The voice stream of a session description.

use std::net::IpAddr;

use sdp_types::{Attribute, Media, RtpMap, Session};

use super::SdpError;
use crate::sdes::{Crypto, SdesError};

/// What one side says about its voice stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Where this side receives; `0.0.0.0` is a hold of old.
    pub address: IpAddr,
    /// The port of RTP; zero refuses the stream. RTCP uses the next port.
    pub port: u16,
    /// Plain or encrypted.
    pub profile: Profile,
    /// The formats in order of preference, each payload type once. A dynamic one without `a=rtpmap` is left out.
    pub formats: Vec<Format>,
    /// Who sends, from this side's view; `sendrecv` where nothing is said (RFC 8866 §6.7).
    pub direction: Direction,
    /// The readable `a=crypto` lines in order of preference, wherever they stand in the medium; where it has none,
    /// those of the session part.
    pub crypto: Vec<Crypto>,
    /// What is wrong with each `a=crypto` line that is not in [`Self::crypto`].
    pub bad_crypto: Vec<SdesError>,
    /// `a=ptime` in milliseconds, where it is within 1 and 1000.
    pub ptime: Option<u32>,
    /// `a=label` (RFC 4574).
    pub label: Option<String>,
    /// `a=mid` (RFC 5888).
    pub mid: Option<String>,
    /// The `o=` line.
    pub origin: Origin,
}

/// The `o=` line (RFC 8866 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Origin {
    /// The user name: `CiscoSystemsCCM-SIP` from CUCM, `-` read as it stands.
    pub username: String,
    /// The session's identifier.
    pub session_id: String,
    /// The version, which grows with each change.
    pub version: u64,
    /// The address of the writer, which need not be that of the media.
    pub address: String,
}

/// The transport of the `m=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP`: plain RTP.
    Avp,
    /// `RTP/SAVP`: SRTP.
    Savp,
}

impl Profile {
    /// The name in the `m=` line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Savp => "RTP/SAVP",
        }
    }
}

/// A payload type and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding's name as it was spelled; names compare without regard to case.
    pub encoding: String,
    /// Ticks of the RTP time stamp in a second.
    pub clock: u32,
    /// The value of `a=fmtp` behind the payload type.
    pub fmtp: Option<String>,
}

impl Format {
    /// Whether both stand for the same codec; payload type and `fmtp` may differ.
    pub fn is_same_codec(&self, other: &Self) -> bool {
        self.clock == other.clock && self.encoding.eq_ignore_ascii_case(&other.encoding)
    }

    /// Whether this is no voice but key presses (RFC 4733).
    pub fn is_telephone_event(&self) -> bool {
        self.encoding.eq_ignore_ascii_case("telephone-event")
    }
}

/// Who sends, from the writer's view (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// `sendrecv`
    #[default]
    SendRecv,
    /// `sendonly`
    SendOnly,
    /// `recvonly`
    RecvOnly,
    /// `inactive`
    Inactive,
}

impl Direction {
    /// The same streams from the other side's view: what an answer says that agrees to all (RFC 3264 §6.1).
    pub fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            both => both,
        }
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.name() == name)
    }
}

impl Audio {
    pub(super) fn read(session: &Session, media: &Media) -> Result<Self, SdpError> {
        let (crypto, bad_crypto) = match read_crypto(&media.attributes)? {
            (good, bad) if good.is_empty() && bad.is_empty() => read_crypto(&session.attributes)?,
            found => found,
        };
        let direction = |attributes: &[Attribute]| attributes.iter().find_map(|a| Direction::parse(&a.attribute));
        Ok(Self {
            address: read_address(session, media)?,
            port: media.port,
            profile: read_profile(&media.proto)?,
            formats: read_formats(media)?,
            direction: direction(&media.attributes).or_else(|| direction(&session.attributes)).unwrap_or_default(),
            crypto,
            bad_crypto,
            ptime: read_ptime(media),
            label: value(&media.attributes, "label").map(String::from),
            mid: value(&media.attributes, "mid").map(String::from),
            origin: Origin {
                username: session.origin.username.clone().unwrap_or_else(|| "-".into()),
                session_id: session.origin.sess_id.clone(),
                version: session.origin.sess_version,
                address: session.origin.unicast_address.clone(),
            },
        })
    }
}

fn read_address(session: &Session, media: &Media) -> Result<IpAddr, SdpError> {
    let connection = media.connections.first().or(session.connection.as_ref()).ok_or(SdpError::NoAddress)?;
    match connection.try_address() {
        Ok(address) => Ok(address.ip),
        Err(_) => Err(SdpError::Address(connection.connection_address.chars().take(64).collect())),
    }
}

fn read_profile(proto: &str) -> Result<Profile, SdpError> {
    [Profile::Avp, Profile::Savp]
        .into_iter()
        .find(|profile| profile.name().eq_ignore_ascii_case(proto))
        .ok_or_else(|| SdpError::Profile(proto.chars().take(64).collect()))
}

fn read_formats(media: &Media) -> Result<Vec<Format>, SdpError> {
    let maps = read_rtpmaps(media)?;
    let mut formats: Vec<Format> = Vec::new();
    for token in media.fmt.split_ascii_whitespace() {
        let payload_type = read_payload_type(token)?;
        if formats.iter().any(|known| known.payload_type == payload_type) {
            continue;
        }
        let map = maps.iter().find(|map| map.payload_type == payload_type);
        let (encoding, clock) = match (map, STATIC.iter().find(|(number, ..)| *number == payload_type)) {
            (Some(map), _) => (map.encoding_name.as_str(), map.clock_rate),
            (None, Some(&(_, encoding, clock))) => (encoding, clock),
            (None, None) => continue,
        };
        formats.push(Format { payload_type, encoding: encoding.into(), clock, fmtp: read_fmtp(media, payload_type) });
    }
    Ok(formats)
}

fn read_payload_type(token: &str) -> Result<u8, SdpError> {
    // Digits alone: `u8::from_str` would take a sign.
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    match token.parse() {
        Ok(payload_type @ 0..=127) if digits => Ok(payload_type),
        _ => Err(SdpError::PayloadType(token.chars().take(16).collect())),
    }
}

fn read_rtpmaps(media: &Media) -> Result<Vec<RtpMap>, SdpError> {
    let bad = |why: String| SdpError::Attribute { name: "rtpmap", why };
    let mut maps = Vec::new();
    for map in media.attributes_typed::<RtpMap>() {
        let map = map.map_err(|error| bad(error.to_string()))?;
        if map.clock_rate == 0 {
            return Err(bad(format!("got clock 0 for payload type {}", map.payload_type)));
        }
        if maps.len() == MOST_MAPS {
            return Err(SdpError::TooMany { what: "a=rtpmap lines", limit: MOST_MAPS });
        }
        maps.push(map);
    }
    Ok(maps)
}

fn read_fmtp(media: &Media, payload_type: u8) -> Option<String> {
    media.get_attribute_values("fmtp").flatten().find_map(|value| {
        let (number, parameters) = value.trim_start().split_once(' ')?;
        (number.parse() == Ok(payload_type)).then(|| parameters.trim().to_owned())
    })
}

/// The readable lines and what is wrong with the others: one bad line must not cost the good ones.
fn read_crypto(attributes: &[Attribute]) -> Result<(Vec<Crypto>, Vec<SdesError>), SdpError> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for attribute in attributes.iter().filter(|a| a.attribute.eq_ignore_ascii_case("crypto")) {
        if good.len() + bad.len() == MOST_CRYPTO {
            return Err(SdpError::TooMany { what: "a=crypto lines", limit: MOST_CRYPTO });
        }
        match Crypto::parse(attribute.value.as_deref().unwrap_or_default()) {
            Ok(crypto) => good.push(crypto),
            Err(error) => bad.push(error),
        }
    }
    Ok((good, bad))
}

fn read_ptime(media: &Media) -> Option<u32> {
    value(&media.attributes, "ptime")?.trim().parse().ok().filter(|ptime| (1..=1000).contains(ptime))
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|a| a.attribute == name)?.value.as_deref()
}

/// The static payload types that CUCM uses without `a=rtpmap` (RFC 3551 §6).
const STATIC: [(u8, &str, u32); 7] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (15, "G728", 8000),
    (18, "G729", 8000),
];

const MOST_MAPS: usize = 256;
const MOST_CRYPTO: usize = 64;
