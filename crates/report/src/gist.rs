//! Findings of one kind in one leg of one recording, told as one: how many more there are, in which pattern, and in which other files.

use std::collections::BTreeMap;

use scenario::outcome::Finding;

/// What the verifier begins the last finding of a kind with, where it sums up all further ones.
const SUM: &str = "the same in ";

/// A finding, and the others of its kind.
pub(crate) struct Gist<'a> {
    pub(crate) first: &'a Finding,
    others: Vec<&'a Finding>,
}

/// All findings by kind, in the order of the first of each.
pub(crate) fn gists(all: &[Finding]) -> Vec<Gist<'_>> {
    let mut gists: Vec<Gist<'_>> = Vec::new();
    for finding in all {
        // Only what was heard somewhere in the audio comes many times for one reason.
        let is_same = |gist: &&mut Gist<'_>| {
            let first = gist.first;
            finding.audio_ms.is_some()
                && (&first.rule, &first.recording, &first.leg) == (&finding.rule, &finding.recording, &finding.leg)
        };
        match gists.iter_mut().find(is_same) {
            Some(gist) => gist.others.push(finding),
            None => gists.push(Gist { first: finding, others: Vec::new() }),
        }
    }
    gists
}

impl Gist<'_> {
    /// How many findings it stands for.
    pub(crate) const fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// What else there is of the kind, in words.
    pub(crate) fn more(&self) -> Option<String> {
        let all = || std::iter::once(self.first).chain(self.others.iter().copied());
        let mut files: BTreeMap<Option<&str>, Vec<&Finding>> = BTreeMap::new();
        for finding in all() {
            files.entry(finding.file.as_deref()).or_default().push(finding);
        }
        let own = files.remove(&self.first.file.as_deref()).unwrap_or_default();
        let more = places(&own) - 1;
        let mut parts = Vec::new();
        if more > 0 {
            let pattern = pattern(&own).map(|every| format!(", every {every} packet")).unwrap_or_default();
            parts.push(format!("{more} more {}{pattern}", if more == 1 { "place" } else { "places" }));
        }
        for (file, others) in files {
            let (file, others) = (file.unwrap_or("no file"), places(&others));
            let is_alike = others == more + 1;
            parts.push(if is_alike { format!("the same in {file}") } else { format!("{others} in {file}") });
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// How many places these findings are about.
fn places(findings: &[&Finding]) -> u64 {
    let of = |finding: &&Finding| {
        let summed = finding.found.strip_prefix(SUM).and_then(|rest| rest.split(' ').next());
        summed.and_then(|word| word.replace(',', "").parse().ok()).unwrap_or(1)
    };
    findings.iter().map(of).sum()
}

/// Each how many-th packet they are about, where that is always the same, or a multiple of it.
fn pattern(findings: &[&Finding]) -> Option<String> {
    let single = findings.iter().filter(|finding| !finding.found.starts_with(SUM));
    let firsts: Vec<u16> = single.filter_map(|finding| u16::try_from(finding.packets?.0).ok()).collect();
    let steps: Vec<u16> = firsts.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let least = *steps.iter().min().filter(|least| **least > 1 && steps.len() > 1)?;
    let is_step = |step: &u16| step.is_multiple_of(least);
    let usual = steps.iter().filter(|step| **step == least).count() * 2 > steps.len();
    (usual && steps.iter().all(is_step)).then(|| ordinal(least))
}

fn ordinal(number: u16) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(file: &str, packet: u64) -> Finding {
        let mut lost = Finding::new("lost-frames", "all", "one");
        (lost.recording, lost.leg, lost.file) = (Some("7".into()), Some("near".into()), Some(file.into()));
        (lost.audio_ms, lost.packets) = (Some((packet, packet + 20)), Some((packet, packet)));
        lost
    }

    fn more(all: &[Finding]) -> Vec<Option<String>> {
        gists(all).iter().map(Gist::more).collect()
    }

    #[test]
    fn what_comes_again_and_again_is_told_once_with_its_pattern_and_the_other_files() {
        let mut all: Vec<Finding> = [65_500, 1, 38, 112].map(|packet| lost("near.wav", packet)).to_vec();
        all.extend([65_500, 1, 38, 112].map(|packet| lost("stereo.wav", packet)));
        assert_eq!(more(&all), [Some("3 more places, every 37th packet; the same in stereo.wav".to_owned())]);
        let sum = Finding { found: "the same in 1,005 more places from 1 s".to_owned(), ..lost("near.wav", 149) };
        all.push(sum);
        all.push(Finding { leg: Some("far".into()), ..lost("far.wav", 9) });
        let with_sum = "1008 more places, every 37th packet; 4 in stereo.wav";
        assert_eq!(more(&all), [Some(with_sum.to_owned()), None]);
        assert_eq!(gists(&all)[0].len(), 9);
    }

    #[test]
    fn what_has_no_pattern_is_not_given_one() {
        let at = |packets: &[u64]| more(&packets.iter().map(|at| lost("near.wav", *at)).collect::<Vec<_>>())[0].clone();
        assert_eq!(at(&[5, 17, 60, 61]).unwrap(), "3 more places");
        assert_eq!(at(&[5, 7]).unwrap(), "1 more place");
        assert_eq!(at(&[5]), None);
        assert_eq!(at(&[1, 3, 5, 7]).unwrap(), "3 more places, every 2nd packet");
        let whole = [Finding::new("leak", "a", "b"), Finding::new("leak", "a", "c")];
        assert_eq!(more(&whole), [None, None], "of two dialogs each is told");
    }
}
