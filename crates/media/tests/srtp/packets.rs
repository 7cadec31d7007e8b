use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// A packet with up to 15 CSRCs, any extension, padding, and a payload of 0 to 300 (seldom 1300) bytes.
pub(crate) fn random_rtp(rng: &mut ChaCha20Rng, ssrc: u32, sequence: u16) -> Vec<u8> {
    let csrcs = if below(rng, 2) == 0 { 0 } else { below(rng, 16) };
    let (extension, padding) = (below(rng, 3) == 0, below(rng, 4) == 0);
    let mut packet = vec![0x80 | u8::from(padding) << 5 | u8::from(extension) << 4 | csrcs as u8];
    packet.push(below(rng, 256) as u8);
    packet.extend(sequence.to_be_bytes());
    packet.extend(rng.next_u32().to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    (0..csrcs).for_each(|_| packet.extend(rng.next_u32().to_be_bytes()));
    if extension {
        // The profiles of RFC 8285 with contents that may be no elements, and any other profile.
        let profile = [0xbede, 0x1000, below(rng, 65536) as u16][below(rng, 3)];
        let words = below(rng, 8);
        packet.extend(profile.to_be_bytes());
        packet.extend((words as u16).to_be_bytes());
        packet.extend(random_bytes(rng, 4 * words));
    }
    let payload = [below(rng, 301), 160, below(rng, 3), 1300][below(rng, 4)];
    packet.extend(random_bytes(rng, payload));
    if padding {
        let count = 1 + below(rng, 20);
        packet.resize(packet.len() + count - 1, 0);
        packet.push(count as u8);
    }
    packet
}

/// A sender report or a goodbye with random content, whole words.
pub(crate) fn random_rtcp(rng: &mut ChaCha20Rng, ssrc: u32) -> Vec<u8> {
    let words = 1 + below(rng, 30);
    let mut packet = vec![0x80, [200, 201, 203][below(rng, 3)]];
    packet.extend((words as u16).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(random_bytes(rng, 4 * (words - 1)));
    packet
}

/// Sequence numbers as a network delivers them: from `first`, with loss, reordering by up to `depth`, no duplicates.
pub(crate) fn delivered(rng: &mut ChaCha20Rng, first: u16, count: usize, depth: usize) -> Vec<u16> {
    let mut order: Vec<u16> = (0..count).map(|i| first.wrapping_add(i as u16)).collect();
    let late: Vec<usize> = (0..count).map(|at| at + below(rng, depth)).collect();
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by_key(|&at| late[at]);
    order = places.into_iter().map(|at| order[at]).collect();
    order.retain(|_| below(rng, 10) != 0);
    order
}

/// One to four changes: bits flipped, bytes set, cut, inserted, removed, or the end cut off.
pub(crate) fn mutate(rng: &mut ChaCha20Rng, bytes: &mut Vec<u8>) {
    for _ in 0..1 + below(rng, 4) {
        let at = below(rng, bytes.len().max(1));
        match below(rng, 6) {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << below(rng, 8),
            2 if !bytes.is_empty() => bytes[at] = [0, 0xff, 0x7f, below(rng, 256) as u8][below(rng, 4)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, below(rng, 256) as u8),
            5 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.extend(random_bytes(rng, 3)),
        }
    }
}

pub(crate) fn random_bytes(rng: &mut ChaCha20Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A number from 0 to `bound - 1`; the bias does not matter here.
pub(crate) fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    rng.next_u32() as usize % bound
}
