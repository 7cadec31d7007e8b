//! Shares of a run for several machines.

use std::fmt;
use std::str::FromStr;

/// One of several shares, written `2/4`. Which one a file belongs to depends on its name alone, so it stays there
/// whatever else is run beside it, and wherever the folder lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

/// The most shards of one run.
const MOST: u64 = 1000;

impl Shard {
    /// Share `index`, from 1, of `of`; nothing where there is no such.
    #[must_use]
    pub const fn new(index: u64, of: u64) -> Option<Self> {
        if index >= 1 && index <= of && of <= MOST { Some(Self { index, of }) } else { None }
    }

    /// Whether a file belongs to it.
    #[must_use]
    pub fn has(self, file: &str) -> bool {
        let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
        spread(name) % self.of == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let shard = numbers.and_then(|(index, of)| Self::new(index, of));
        shard.ok_or_else(|| format!("got `{text}`, expected which shard of how many, such as 1/4, of at most {MOST}"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// FNV-1a with 64 bits, folded: its low bits alone say little of a name's end.
fn spread(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let folded = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    folded ^ (folded >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_disjoint_sum_to_all_and_none_is_left_empty_by_chance() {
        let files: Vec<String> = (0..300).map(|n| format!("scenarios/call-{n}.yaml")).collect();
        for of in [1, 2, 3, 4, 7, 10] {
            let shards: Vec<Shard> = (1..=of).map(|index| Shard::new(index, of).unwrap()).collect();
            for file in &files {
                assert_eq!(shards.iter().filter(|shard| shard.has(file)).count(), 1, "{file} of {of}");
            }
            let fair = files.len() / of as usize;
            for shard in shards {
                let count = files.iter().filter(|file| shard.has(file)).count();
                assert!(count > fair / 2 && count < fair * 2, "shard {shard} has {count} of 300");
            }
        }
    }

    /// A change of these would send files to other machines than before.
    #[test]
    fn a_file_stays_in_its_shard_wherever_its_folder_lies() {
        let of_four = |file: &str| (1..=4).find(|index| Shard::new(*index, 4).unwrap().has(file)).unwrap();
        assert_eq!(of_four("hold/hold-resume.yaml"), of_four("/somewhere/else/hold-resume.yaml"));
        let known = ["plain-call.yaml", "hold-resume.yaml", "tls-1.2.yaml", "udp-trunk.yaml"].map(of_four);
        assert_eq!(known, [1, 4, 1, 4]);
    }

    #[test]
    fn only_a_shard_that_there_is_can_be_named() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for wrong in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/99999999999999999999", "1/1001"] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("such as 1/4"), "{wrong}");
        }
    }
}
