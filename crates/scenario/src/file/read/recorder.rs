//! What is asked of the bundled recorder.

use std::time::Duration;

use super::{TLS, codec, empty, session, suite};
use crate::file::ast::{Fault, MEDIA_PORTS, Patience, Recorder, RecorderCertificate, SrtpPolicy};
use crate::file::diagnostic::Diagnostic;
use crate::file::fields::{Fields, duration, flag, list, number, one_of, text, unknown};
use crate::file::shape::{Ask, note};
use crate::file::tree::{Node, Value};
use crate::file::trunks::count;

/// The fault that takes a number: `{ lose-every: 50 }`.
const LOSE_EVERY: &str = "lose-every";

pub(in crate::file) fn read_recorder(node: Option<&Node>, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Recorder {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the recorder", wrong);
    let policies = [("required", SrtpPolicy::Required), ("allowed", SrtpPolicy::Allowed), ("off", SrtpPolicy::Off)];
    let default = if mixed { SrtpPolicy::Allowed } else { SrtpPolicy::Off };
    let recorder = Recorder {
        suites: f.or("suites", Vec::new(), wrong, |n| list(n, suite)),
        codecs: f.or("codecs", Vec::new(), wrong, |n| list(n, codec)),
        answers_after: f.or("answers after", Duration::ZERO, wrong, duration),
        far_first: f.or("answers far first", false, wrong, flag),
        tls: f.maybe("tls", wrong, |n| one_of(n, &TLS)),
        srtp: f.or("SRTP", default, wrong, |n| one_of(n, &policies)),
        refreshes: f.or("refreshes", false, wrong, flag),
        least_session: f.or("shortest session", Duration::from_secs(90), wrong, session),
        most_sessions: f.or("most recordings", 1000, wrong, count),
        media_ports: f
            .or("media ports", MEDIA_PORTS, wrong, |n| number(n, 1, MEDIA_PORTS as u64).map(|pairs| pairs as usize)),
        patience: read_patience(&mut f, wrong),
        certificate: f.optional("certificate").map(|n| read_certificate(n, wrong)).unwrap_or_default(),
        fault: f.or("fault", Fault::None, wrong, fault),
    };
    f.finish(wrong);
    recorder
}

fn read_patience(f: &mut Fields<'_>, wrong: &mut Vec<Diagnostic>) -> Patience {
    let usual = Patience::default();
    Patience {
        no_media: f.or("no media after", usual.no_media, wrong, patience),
        one_leg: f.or("one leg after", usual.one_leg, wrong, patience),
        auth_failures: f.or("authentication failures", usual.auth_failures, wrong, |n| number(n, 1, 1_000_000)),
        inactivity: f.maybe("inactivity", wrong, patience),
    }
}

/// A time after which something is wrong: not at once, and within a day.
fn patience(node: &Node) -> Result<Duration, Diagnostic> {
    let time = duration(node)?;
    if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&time) {
        return Ok(time);
    }
    Err(Diagnostic::new(node.place, format!("got {time:?}, expected from 1 s to 24 h")))
}

/// A fault by its name, or `lose-every` with its number.
fn fault(node: &Node) -> Result<Fault, Diagnostic> {
    note(node.place, || Ask::OneKey(vec![LOSE_EVERY]));
    let Value::Mapping(entries) = &node.value else {
        let needs = || Diagnostic::new(node.place, format!("`{LOSE_EVERY}` needs a number"));
        return match text(node)?.as_str() {
            LOSE_EVERY => Err(needs().help("such as `{ lose-every: 50 }`")),
            _ => one_of(node, &Fault::named().collect::<Vec<_>>()),
        };
    };
    match entries.as_slice() {
        [(key, every)] if key.name == LOSE_EVERY => number(every, 2, 1_000_000).map(|n| Fault::LoseEvery(n as u32)),
        [(key, _)] => Err(unknown(&format!("no fault with a number is called `{}`", key.name), key, &[LOSE_EVERY])),
        _ => {
            Err(Diagnostic::new(node.place, "got several keys, expected one fault")
                .help("such as `{ lose-every: 50 }`"))
        }
    }
}

fn read_certificate(node: &Node, wrong: &mut Vec<Diagnostic>) -> RecorderCertificate {
    let mut f = Fields::of(node, "the recorder's certificate", wrong);
    let certificate = RecorderCertificate {
        name: f.maybe("name", wrong, text),
        untrusted: !f.or("in CallManager-trust", true, wrong, flag),
        expired: f.or("expired", false, wrong, flag),
    };
    f.finish(wrong);
    certificate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tree::parse;

    #[test]
    fn a_fault_with_a_number_has_the_name_that_the_recorders_own_configuration_has() {
        let named = parse("{ lose-every: 50 }").unwrap();
        assert_eq!(fault(&named).unwrap(), Fault::LoseEvery(50));
        assert_eq!(serde_json::to_string(&Fault::LoseEvery(50)).unwrap(), format!("{{\"{LOSE_EVERY}\":50}}"));
    }

    #[test]
    fn a_fault_that_does_not_exist_is_answered_with_the_nearest() {
        let help = |text: &str| fault(&parse(text).unwrap()).unwrap_err().help;
        assert_eq!(help("swop-channels").unwrap(), "did you mean `swap-channels`?");
        assert_eq!(help("{ loose-every: 50 }").unwrap(), "did you mean `lose-every`?");
        assert!(fault(&parse("{ lose-every: 0 }").unwrap()).is_err());
        assert!(fault(&parse("{ lose-every: 5, quieter: 3 }").unwrap()).is_err());
    }
}
