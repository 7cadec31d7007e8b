//! The identifiers of CUCM: Call-IDs, Cisco-Guids, tags, branches and call identifiers.
//!
//! The algorithms are derived from ten messages of seven systems, among them Cisco documents 200788 and 211385; the tests
//! below hold them against those messages.
//!
//! ```text
//! T       = (unix seconds + 12219292800 + 31447319) * 10^7      100 ns ticks, whole seconds
//! seg1    = T mod 2^32
//! seg2    = up to 11.5: ((unix>>16)&0xfff)<<20 | 0x10000 | (unix&0xffff)
//!           later:      ((T>>48)&0xfff)<<20    | 0x10000 | ((T>>32)&0xffff)
//! seg3    = counter of dialogs
//! seg4    = IPv4 address as a little-endian number
//! Call-ID = seg1-seg2-seg3-seg4@address, in hex without leading zeros
//! ```

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::config::Release;

/// Where each counter stands. [`Numbering::seeded`] gives plausible values; a test gives those of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// Next counter in a Via branch; one for each request, ACK included.
    pub branch: u32,
    /// Random words of the first branches; when they are used up the generator goes on.
    pub branch_words: Vec<u32>,
    /// Next leg number, in tags and in `o=`.
    pub leg: u32,
    /// Next call identifier (CI), in tags and in `x-refci`.
    pub identifier: u32,
    /// Next dialog number, the third part of a Call-ID.
    pub dialog: u32,
    /// Next third word of a Cisco-Guid.
    pub guid: u32,
    /// Next call number, in `gci=`.
    pub call: u32,
    /// The last part of a Call-ID; `None` makes it from the address. Cisco's documents replaced addresses but not this number.
    pub host: Option<u32>,
    /// UUID of the node, in every tag.
    pub node_uuid: String,
    /// Hex digits with which Session-IDs begin that CUCM invents for phones, and for peers of trunks: at least 29 of each, of
    /// which a longer leg number leaves fewer.
    pub invented_sessions: [String; 2],
}

impl Numbering {
    /// Counters of a cluster that has been up for a while.
    pub fn seeded(rng: &mut ChaCha20Rng) -> Self {
        let mut hex = |digits: usize| -> String {
            let bits = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
            format!("{bits:032x}").chars().take(digits).collect()
        };
        let node_uuid = format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12));
        let invented_sessions = [hex(29), hex(29)];
        Self {
            branch: 0x100 + rng.next_u32() % 0x4000,
            branch_words: Vec::new(),
            leg: 1_000 + rng.next_u32() % 100_000,
            identifier: 17_000_000 + rng.next_u32() % 10_000_000,
            dialog: 1 + rng.next_u32() % 0x4000,
            guid: 1 + rng.next_u32() % 100,
            call: 1_000 + rng.next_u32() % 8_000,
            host: None,
            node_uuid,
            invented_sessions,
        }
    }
}

/// On which side of the node a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A phone.
    Line,
    /// Whoever is behind a trunk.
    Trunk,
}

/// The source of all identifiers of a node.
#[derive(Debug)]
pub(crate) struct Identifiers {
    release: Release,
    address: IpAddr,
    numbering: Numbering,
    /// As it was at the start.
    first: Numbering,
    words_used: usize,
    rng: ChaCha20Rng,
}

impl Identifiers {
    pub(crate) fn new(release: Release, address: IpAddr, numbering: Numbering, seed: u64) -> Self {
        let first = numbering.clone();
        Self { release, address, numbering, first, words_used: 0, rng: ChaCha20Rng::seed_from_u64(seed) }
    }

    /// Gives out call identifiers again from the first one on. A node that was started again counts legs and dialogs from 1; another
    /// cluster has another node, which has counted as far as this one.
    pub(crate) fn begin_anew(&mut self, is_other_node: bool) {
        self.numbering.identifier = self.first.identifier;
        if is_other_node {
            // Never one of before, but for the sixteenth.
            let next = |digit: char| digit.to_digit(16).and_then(|value| char::from_digit((value + 1) % 16, 16));
            self.numbering.node_uuid = self.numbering.node_uuid.chars().map(|c| next(c).unwrap_or(c)).collect();
        } else {
            (self.numbering.leg, self.numbering.dialog, self.numbering.guid) = (1, 1, 1);
        }
    }

    /// A new Call-ID of the node with this address.
    pub(crate) fn call_id(&mut self, wall: SystemTime, address: IpAddr) -> String {
        let host = self.host(address);
        let unix = unix_seconds(wall);
        let dialog = take(&mut self.numbering.dialog);
        format!("{:x}-{:x}-{dialog:x}-{host:x}@{address}", seg1(unix), seg2(self.release, unix))
    }

    /// A new Cisco-Guid of the node with this address.
    pub(crate) fn cisco_guid(&mut self, wall: SystemTime, address: IpAddr) -> String {
        let guid = take(&mut self.numbering.guid);
        format!("{:010}-0000065536-{guid:010}-{:010}", seg1(unix_seconds(wall)), self.host(address))
    }

    fn host(&self, address: IpAddr) -> u32 {
        let of_trace = self.numbering.host.filter(|_| address == self.address);
        of_trace.unwrap_or_else(|| seg4(address))
    }

    /// A new Via branch: the cookie, a counter and a random word, in hex without leading zeros.
    pub(crate) fn branch(&mut self) -> String {
        let counter = take(&mut self.numbering.branch);
        let word = match self.numbering.branch_words.get(self.words_used) {
            Some(&word) => word,
            None => self.rng.next_u32(),
        };
        self.words_used += 1;
        format!("z9hG4bK{counter:x}{word:x}")
    }

    /// The next leg number.
    pub(crate) fn leg(&mut self) -> u32 {
        take(&mut self.numbering.leg)
    }

    /// Leg numbers that CUCM spends on what is not seen from outside.
    pub(crate) fn skip_legs(&mut self, count: u32) {
        self.numbering.leg = self.numbering.leg.wrapping_add(count);
    }

    /// The next call identifier.
    pub(crate) fn identifier(&mut self) -> u32 {
        take(&mut self.numbering.identifier)
    }

    /// Call identifiers that CUCM spends on what is not seen from outside.
    pub(crate) fn skip_identifiers(&mut self, count: u32) {
        self.numbering.identifier = self.numbering.identifier.wrapping_add(count);
    }

    /// The next call number.
    pub(crate) fn call(&mut self) -> u32 {
        take(&mut self.numbering.call)
    }

    /// The tag of a leg.
    pub(crate) fn tag(&self, leg: u32, identifier: u32) -> String {
        format!("{leg}~{}-{identifier}", self.numbering.node_uuid)
    }

    /// How long the owner of a Call-ID waits after a 491 before it asks again: 2.1 to 4 s in steps of 10 ms (RFC 3261 §14.1).
    pub(crate) fn glare_pause(&mut self) -> Duration {
        Duration::from_millis(10 * u64::from(210 + self.rng.next_u32() % 191))
    }

    /// Seconds after which a peer may ask again that asked twice at once: 0 to 10 (RFC 3261 §14.2).
    pub(crate) fn retry_after(&mut self) -> u32 {
        self.rng.next_u32() % 11
    }

    /// Whether a tag was made by [`Self::tag`].
    pub(crate) fn is_own_tag(&self, tag: &str) -> bool {
        tag.contains(&format!("~{}-", self.numbering.node_uuid))
    }

    /// The tag of a request that belongs to no call: a decimal number.
    pub(crate) fn plain_tag(&mut self) -> String {
        self.rng.next_u32().to_string()
    }

    /// The Session-ID that CUCM makes up for a peer without one: it ends in two letters and the leg number. So it is in Cisco
    /// documents 200788 and 200903, Cisco's Call Reporting and Billing Administration Guide, and public traces of 12.5 and 14.
    pub(crate) fn invented_session(&self, side: Side, leg: u32) -> String {
        let [line, trunk] = &self.numbering.invented_sessions;
        let (start, end) = match side {
            Side::Line => (line, format!("aa{leg}")),
            Side::Trunk => (trunk, format!("ab{leg}")),
        };
        let room = SESSION_DIGITS - end.len();
        let start: String = start.chars().take(room).collect();
        format!("{start:0>room$}{end}")
    }
}

/// Hex digits of one half of a Session-ID (RFC 7989 §5).
const SESSION_DIGITS: usize = 32;

fn take(counter: &mut u32) -> u32 {
    let value = *counter;
    *counter = counter.wrapping_add(1);
    value
}

fn unix_seconds(wall: SystemTime) -> u64 {
    wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// 100 ns ticks since 1582-10-15, shifted by the constant that all samples share.
fn ticks(unix: u64) -> u64 {
    (unix + 12_219_292_800 + 31_447_319).wrapping_mul(10_000_000)
}

fn seg1(unix: u64) -> u32 {
    (ticks(unix) & 0xffff_ffff) as u32
}

fn seg2(release: Release, unix: u64) -> u32 {
    let (high, low) = if release.counts_ticks() { (ticks(unix) >> 48, ticks(unix) >> 32) } else { (unix >> 16, unix) };
    (((high & 0xfff) as u32) << 20) | 0x1_0000 | (low & 0xffff) as u32
}

/// The address as CUCM's hosts keep it in memory. An IPv6 address has no published form: its last four bytes are used.
fn seg4(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => u32::from_le_bytes(v4.octets()),
        IpAddr::V6(v6) => {
            let bytes = v6.octets();
            u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str) -> SystemTime {
        date.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn make(release: Release, address: &str, dialog: u32, guid: u32) -> Identifiers {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let numbering = Numbering { dialog, guid, ..Numbering::seeded(&mut rng) };
        Identifiers::new(release, address.parse().unwrap(), numbering, 1)
    }

    #[test]
    fn each_other_cluster_has_a_node_of_its_own() {
        let mut made = make(Release::V12_5, "10.48.38.5", 1, 1);
        let mut seen = Vec::new();
        for _ in 0..4 {
            assert!(!seen.contains(&made.numbering.node_uuid));
            seen.push(made.numbering.node_uuid.clone());
            made.begin_anew(true);
        }
    }

    #[test]
    fn call_ids_are_those_of_the_traces() {
        let rows = [
            // Cisco document 200788. The documents replaced the addresses: the last part keeps the original one (14.48.38.5).
            (Release::V11_5, "2019-08-27T15:27:41Z", "14.48.38.5", 0x327f, "34241a00-d6514bed-327f-526300e@14.48.38.5"),
            (Release::V11_5, "2019-08-27T15:27:43Z", "14.48.38.5", 0x3281, "35554700-d6514bef-3281-526300e@14.48.38.5"),
            (Release::V11_5, "2019-08-27T15:27:44Z", "14.48.38.5", 0x3283, "35eddd80-d6514bf0-3283-526300e@14.48.38.5"),
            // Public captures of 14 and 12.5.
            (
                Release::V14,
                "2023-09-03T20:11:53Z",
                "192.168.80.100",
                0x13,
                "1e55d000-1ef16899-13-6450a8c0@192.168.80.100",
            ),
            (
                Release::V14,
                "2022-11-16T17:39:20Z",
                "192.168.2.24",
                0x100267,
                "98839980-1ee183d8-100267-1802a8c0@192.168.2.24",
            ),
        ];
        for (release, date, address, dialog, expected) in rows {
            assert_eq!(make(release, address, dialog, 1).call_id(at(date), address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn cisco_guids_are_those_of_the_traces() {
        let rows = [
            (Release::V11_5, "2019-08-27T15:27:43Z", "14.48.38.5", 22, "0894781184-0000065536-0000000022-0086388750"),
            (Release::V11_5, "2019-08-27T15:27:44Z", "14.48.38.5", 23, "0904781184-0000065536-0000000023-0086388750"),
            (
                Release::V14,
                "2022-11-16T17:39:20Z",
                "192.168.2.24",
                308_372,
                "2558761344-0000065536-0000308372-0402827456",
            ),
        ];
        for (release, date, address, guid, expected) in rows {
            assert_eq!(make(release, address, 1, guid).cisco_guid(at(date), address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn a_branch_has_no_leading_zeros_in_its_random_word() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let numbering = Numbering { branch: 0x32ec, branch_words: vec![0x0c2c_802c], ..Numbering::seeded(&mut rng) };
        let mut identifiers = Identifiers::new(Release::V11_5, "10.48.38.5".parse().unwrap(), numbering, 1);
        assert_eq!(identifiers.branch(), "z9hG4bK32ecc2c802c");
        assert!(identifiers.branch().starts_with("z9hG4bK32ed"));
    }

    #[test]
    fn invented_sessions_are_those_of_the_traces() {
        let rows = [
            (Side::Trunk, "c83405810147c69016c38634", 104_961, "c83405810147c69016c38634ab104961"),
            (Side::Line, "7d416919fab94807bcc061c4b", 59_591, "7d416919fab94807bcc061c4baa59591"),
            (Side::Line, "393bcdb429c149398852e75", 1_228_730, "393bcdb429c149398852e75aa1228730"),
        ];
        for (side, start, leg, expected) in rows {
            let start = format!("{start}0123456789");
            let numbering = Numbering {
                invented_sessions: [start.clone(), start],
                ..Numbering::seeded(&mut ChaCha20Rng::seed_from_u64(1))
            };
            let identifiers = Identifiers::new(Release::V14, "10.48.38.5".parse().unwrap(), numbering, 1);
            assert_eq!(identifiers.invented_session(side, leg), expected);
        }
    }

    #[test]
    fn counters_wrap_instead_of_panicking() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let numbering = Numbering { leg: u32::MAX, branch: u32::MAX, ..Numbering::seeded(&mut rng) };
        let mut identifiers = Identifiers::new(Release::V14, "10.48.38.5".parse().unwrap(), numbering, 1);
        assert_eq!(identifiers.leg(), u32::MAX);
        assert_eq!(identifiers.leg(), 0);
        assert!(identifiers.branch().starts_with("z9hG4bKffffffff"));
    }
}
