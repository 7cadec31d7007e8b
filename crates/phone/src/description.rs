//! The session descriptions of a Cisco phone, line for line as its captures have them (Cisco 200788; `a=crypto` placed as in
//! Cisco's published phone stack, after `c=`/`b=` and before the first `a=rtpmap`).

use std::fmt::Write;
use std::net::IpAddr;

use media::sdp::Direction;
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;

use crate::codec::{Codec, TELEPHONE_EVENT};
use crate::packet_time::PacketTime;

/// One `a=crypto` line of our own: the key that protects what *we* send (RFC 4568 §6.1).
#[derive(Debug, Clone)]
pub(crate) struct OwnKey {
    pub(crate) tag: u32,
    pub(crate) suite: Suite,
    pub(crate) key: MasterKey,
}

impl OwnKey {
    /// A fresh key for each suite, tags from 1 in the order given.
    pub(crate) fn offer(suites: &[Suite], rng: &mut ChaCha20Rng) -> Vec<Self> {
        (1..).zip(suites).map(|(tag, &suite)| Self::fresh(tag, suite, rng)).collect()
    }

    /// A fresh key under a given tag: an answer keeps the tag and the suite of the offer.
    pub(crate) fn fresh(tag: u32, suite: Suite, rng: &mut ChaCha20Rng) -> Self {
        Self { tag, suite, key: MasterKey::generate(suite, rng) }
    }
}

/// What one description says.
#[derive(Debug)]
pub(crate) struct Description<'a> {
    /// Session id and version of `o=`.
    pub(crate) origin: (u32, u32),
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// `RTP/SAVP` instead of `RTP/AVP`.
    pub(crate) secure: bool,
    pub(crate) keys: &'a [OwnKey],
    pub(crate) codecs: &'a [Codec],
    pub(crate) direction: Direction,
    /// `a=ptime`, which the captures have only where it is another than 20 ms.
    pub(crate) packet_time: PacketTime,
    /// The session bandwidth `b=AS:4064` that stands in the offers of the main call only.
    pub(crate) main_call: bool,
}

impl Description<'_> {
    /// The text, with CRLF line ends.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(900);
        let family = if self.address.is_ipv4() { "IP4" } else { "IP6" };
        let (id, version) = self.origin;
        let profile = if self.secure { "RTP/SAVP" } else { "RTP/AVP" };
        text.push_str("v=0\r\n");
        line(&mut text, format_args!("o=Cisco-SIPUA {id} {version} IN {family} {}", self.address));
        text.push_str("s=SIP Call\r\n");
        if self.main_call {
            text.push_str("b=AS:4064\r\n");
        }
        text.push_str("t=0 0\r\n");
        line(&mut text, format_args!("m=audio {} {profile}{}", self.port, self.formats()));
        line(&mut text, format_args!("c=IN {family} {}", self.address));
        text.push_str("b=TIAS:64000\r\n");
        for own in self.keys {
            line(&mut text, format_args!("a=crypto:{} {} inline:{}", own.tag, own.suite.name(), own.key.to_inline()));
        }
        for codec in self.codecs {
            line(&mut text, format_args!("a=rtpmap:{} {}", codec.payload_type(), codec.encoding()));
            if let Some(parameters) = codec.parameters() {
                line(&mut text, format_args!("a=fmtp:{} {parameters}", codec.payload_type()));
            }
        }
        line(&mut text, format_args!("a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000"));
        line(&mut text, format_args!("a=fmtp:{TELEPHONE_EVENT} 0-15"));
        if self.packet_time != PacketTime::default() {
            line(&mut text, format_args!("a=ptime:{}", self.packet_time.ms()));
        }
        line(&mut text, format_args!("a={}", self.direction.name()));
        text
    }

    /// The payload types of the `m=` line, each with a space before it.
    fn formats(&self) -> String {
        self.codecs
            .iter()
            .map(|codec| codec.payload_type())
            .chain([TELEPHONE_EVENT])
            .map(|payload_type| format!(" {payload_type}"))
            .collect()
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(arguments);
    text.push_str("\r\n");
}
