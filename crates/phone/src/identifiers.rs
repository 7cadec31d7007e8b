//! The identifiers a Cisco phone invents, in the shapes its captures show (Cisco 200788, traces of CP-7861 and CP-7841).
//!
//! ```text
//! From/To tag  38ed18552a12 296c 00ff41e8-5fb7856e        mac, dialog counter, two random words
//! Call-ID      38ed1855-2a12 0006-78c34baf-1b81d864@ip    mac, call counter, two random words
//! Session-ID   10015320 00105000a000 38ed18552a12         random word, constant, mac
//! branch       z9hG4bK 598c2eb2
//! ```

use std::net::IpAddr;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// The Session-ID of a party that has none yet (RFC 7989 §5).
pub(crate) const NO_SESSION: &str = "00000000000000000000000000000000";

/// Makes the identifiers of one phone, deterministic for a seed.
#[derive(Debug)]
pub(crate) struct Identifiers {
    mac: String,
    address: IpAddr,
    rng: ChaCha20Rng,
    tags: u16,
    calls: u16,
}

impl Identifiers {
    /// For the phone with this MAC (12 hex digits) at this address.
    pub(crate) fn new(mac: &str, address: IpAddr, mut rng: ChaCha20Rng) -> Self {
        // A phone that has been up for a while: its counters do not start at zero, and differ from its neighbour's.
        let tags = (rng.next_u32() & 0x3fff) as u16;
        Self { mac: mac.to_ascii_lowercase(), address, rng, tags, calls: 0 }
    }

    /// A new local tag.
    pub(crate) fn tag(&mut self) -> String {
        self.tags = self.tags.wrapping_add(1);
        let (a, b) = (self.rng.next_u32(), self.rng.next_u32());
        format!("{}{:04x}{a:08x}-{b:08x}", self.mac, self.tags)
    }

    /// A new Call-ID.
    pub(crate) fn call_id(&mut self) -> String {
        self.calls = self.calls.wrapping_add(1);
        let (a, b) = (self.rng.next_u32(), self.rng.next_u32());
        let (head, tail) = self.mac.split_at(self.mac.len().min(8));
        format!("{head}-{tail}{:04x}-{a:08x}-{b:08x}@{}", self.calls, self.address)
    }

    /// A new Session-ID half (32 hex digits).
    pub(crate) fn session(&mut self) -> String {
        format!("{:08x}00105000a000{}", self.rng.next_u32(), self.mac)
    }

    /// A new Via branch.
    pub(crate) fn branch(&mut self) -> String {
        format!("z9hG4bK{:08x}", self.rng.next_u32())
    }

    /// A new Content-Id, without its brackets: a random word and the phone's address.
    pub(crate) fn content_id(&mut self) -> String {
        format!("{:08x}@{}", self.rng.next_u32(), self.address)
    }

    /// The user part of the Contact: a UUID that lasts as long as the registration.
    pub(crate) fn contact_user(&mut self) -> String {
        let (a, b) = (self.rng.next_u64(), self.rng.next_u64());
        let variant = [b'8', b'9', b'a', b'b'][(b >> 62) as usize] as char;
        format!(
            "{:08x}-{:04x}-9{:03x}-{variant}{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// The session id of an `o=` line: one to five digits.
    pub(crate) fn origin(&mut self) -> u32 {
        self.rng.next_u32() % 29_999 + 1
    }

    /// The generator, for keys, SSRCs and first sequence numbers.
    pub(crate) fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    fn identifiers() -> Identifiers {
        Identifiers::new("38ED18552A12", "10.48.38.102".parse().unwrap(), ChaCha20Rng::seed_from_u64(1))
    }

    /// Replaces every hex digit by `h`, so that only the shape is compared.
    fn shape(text: &str) -> String {
        text.chars().map(|c| if c.is_ascii_hexdigit() { 'h' } else { c }).collect()
    }

    #[test]
    fn tags_and_call_ids_have_the_shape_of_the_captures() {
        let mut ids = identifiers();
        let tag = ids.tag();
        assert!(tag.starts_with("38ed18552a12"), "{tag}");
        assert_eq!(shape(&tag), shape("38ed18552a12296c00ff41e8-5fb7856e"));
        let call = ids.call_id();
        assert!(call.starts_with("38ed1855-2a120001-"), "{call}");
        assert!(call.ends_with("@10.48.38.102"), "{call}");
        assert_eq!(shape(&call).len(), "38ed1855-2a120006-78c34baf-1b81d864@10.48.38.102".len());
        let session = ids.session();
        assert!(session.ends_with("00105000a00038ed18552a12"), "{session}");
        assert_eq!(session.len(), 32);
        assert_eq!(shape(&ids.contact_user()), shape("ab17ea6e-8072-927d-aad0-d10273906106"));
    }

    #[test]
    fn counters_advance_by_one_for_each_dialog() {
        let mut ids = identifiers();
        let (first, second) = (ids.tag(), ids.tag());
        let counter = |tag: &str| u16::from_str_radix(&tag[12..16], 16).unwrap();
        assert_eq!(counter(&second), counter(&first) + 1);
    }

    #[test]
    fn the_same_seed_gives_the_same_identifiers() {
        assert_eq!(identifiers().tag(), identifiers().tag());
    }
}
