//! What a scenario needs of a recorder that only the bundled one does when told.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::profile::{Profile, RecorderCertificate};
use crate::file::{Action, Hook, Key, MEDIA_PORTS, Patience, Scenario, SrtpPolicy, Step, Transport};

/// Why `scenario` would test nothing, or something else than it says, with this recorder.
pub(crate) fn reason_to_skip(profile: &Profile, scenario: &Scenario) -> Option<String> {
    let mut reasons = Vec::new();
    if profile.listens.port(scenario.trunk.transport).is_none() {
        let (trunk, taken) = (word(scenario.trunk.transport), taken(profile));
        reasons.push(format!("its trunk is {trunk}, recorder `{}` takes {taken}", profile.name));
    }
    let asked = asked_of_the_bundled(profile, scenario);
    if !asked.is_empty() {
        reasons.push(format!("it sets `{}`, which only the bundled recorder obeys", asked.join("`, `")));
    }
    if !scenario.trunk.x509_subject.is_empty() && !matches!(profile.certificates.recorder, RecorderCertificate::Made) {
        reasons.push("it sets `X.509 subject name`, and the recorder's certificate has names of its own".to_owned());
    }
    if scenario.cluster.key == Key::EcP256 && profile.certificates.cucm_identity.is_some() {
        reasons.push("it sets `CallManager key`, and `cucm_identity` keeps one certificate".to_owned());
    }
    if profile.recordings.whole_calls.is_some() && !scenario.destinations.is_empty() {
        reasons.push("it has recorders beside the one under test, which write a file per recording".to_owned());
    }
    for hook in hooks(scenario).filter(|hook| !profile.has_hook(*hook)) {
        let word = hook.word();
        reasons.push(format!("it has `hook: {word}`, for which recorder `{}` has no command", profile.name));
    }
    let unseen = [
        (scenario.expect.bye_cause.is_some(), "BYE cause"),
        (scenario.expect.far_answered_first, "far answered first"),
        (scenario.expect.media_before_ack, "media before ACK"),
        (scenario.expect.user_agent.is_some(), "user agent"),
        (scenario.expect.one_leg.is_some(), "one-leg recordings"),
        (scenario.expect.duplicates.is_some(), "duplicates"),
    ];
    for (_, what) in unseen.iter().filter(|(expected, _)| *expected) {
        reasons.push(format!("it expects `{what}`, which only the bundled recorder's metadata tell"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The scenario as it is run with this recorder.
pub(crate) fn fitted(profile: &Profile, file: &str, scenario: Scenario) -> Scenario {
    let transports = [Transport::Tcp, Transport::Udp];
    let taken = transports.into_iter().find(|transport| profile.listens.port(*transport).is_some());
    let Some(transport) = taken.filter(|_| profile.in_clear) else { return scenario };
    match scenario.in_clear(transport, Path::new(file).parent()) {
        Some(clear) => Scenario { title: format!("{} (in clear)", clear.title), ..clear },
        None => scenario,
    }
}

/// What is to befall the recorder, each once.
fn hooks(scenario: &Scenario) -> impl Iterator<Item = Hook> {
    let hook = |step: &Step| match step.action {
        Action::Hook(hook) => Some(hook),
        _ => None,
    };
    scenario.steps.iter().filter_map(hook).collect::<BTreeSet<_>>().into_iter()
}

/// Why `scenario` cannot be run against the bundled recorder.
pub(crate) fn reason_to_skip_bundled(scenario: &Scenario) -> Option<String> {
    let other = hooks(scenario).find(|hook| *hook != Hook::Restart)?;
    Some(format!("it has `hook: {}`, which is for recorders of `mixedmode.toml`", other.word()))
}

fn asked_of_the_bundled(profile: &Profile, scenario: &Scenario) -> Vec<&'static str> {
    let asked = &scenario.recorder;
    let is_told = scenario.steps.iter().any(|step| matches!(step.action, Action::RecorderDoes { .. }));
    let usual = if scenario.cluster.mixed { SrtpPolicy::Allowed } else { SrtpPolicy::Off };
    let made = matches!(profile.certificates.recorder, RecorderCertificate::Made);
    let all = [
        (!asked.suites.is_empty(), "recorder: suites"),
        (!asked.codecs.is_empty(), "recorder: codecs"),
        (!asked.answers_after.is_zero(), "recorder: answers after"),
        (asked.far_first, "recorder: answers far first"),
        (asked.tls.is_some(), "recorder: tls"),
        (asked.srtp != usual, "recorder: SRTP"),
        (asked.refreshes, "recorder: refreshes"),
        (asked.least_session != Duration::from_secs(90), "recorder: shortest session"),
        (asked.most_sessions != 1000, "recorder: most recordings"),
        (asked.media_ports != MEDIA_PORTS, "recorder: media ports"),
        (
            asked.patience != Patience::default(),
            "recorder: no media after, one leg after, authentication failures, inactivity",
        ),
        (is_told, "recorder pauses"),
        (asked.fault != recorder::Fault::None, "recorder: fault"),
        (asked.certificate.name.is_some() && !made, "recorder: certificate: name"),
        (asked.certificate.expired && !made, "recorder: certificate: expired"),
    ];
    all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

fn taken(profile: &Profile) -> String {
    let all = [Transport::Tls, Transport::Tcp, Transport::Udp];
    let taken = all.into_iter().filter(|transport| profile.listens.port(*transport).is_some());
    taken.map(word).collect::<Vec<_>>().join(", ")
}

const fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Tls => "TLS",
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "scenario: x\nphones:\n  agent: { line: \"2000\", recording: automatic }\n  customer: { line: \"1000\" }\nsteps:\n  - call: { from: customer, to: agent }\n  - answer: agent\n  - talk: 10s\n  - hang up: agent\n";

    fn reason(certificates: &str, extra: &str) -> Option<String> {
        let text = format!(
            "[recorders.mine]\nlistens = {{ tls = 5061 }}\ncertificates = {certificates}\nstart = {{ command = [\"x\"] }}\nrecordings = {{ stereo = \"{{refci}}.wav\" }}\n"
        );
        let profile = super::super::parse(&text, Path::new("/")).unwrap().remove(0);
        let scenario = crate::file::parse(&format!("{PLAIN}{extra}")).unwrap();
        reason_to_skip(&profile, &scenario)
    }

    #[test]
    fn a_scenario_that_asks_nothing_special_is_run() {
        assert_eq!(reason("{ recorder = \"a.pem\" }", ""), None);
        assert_eq!(
            reason("{ recorder = \"a.pem\" }", "recorder: { certificate: { in CallManager-trust: false } }\n"),
            None
        );
        assert_eq!(reason("{ make = true }", "recorder: { certificate: { expired: true, name: x.example } }\n"), None);
    }

    #[test]
    fn a_recorder_that_we_started_can_be_killed_and_the_bundled_one_restarted() {
        assert_eq!(reason("{ recorder = \"a.pem\" }", "  - hook: kill\n  - hook: restart\n"), None);
        let of_bundled = |extra: &str| reason_to_skip_bundled(&crate::file::parse(&format!("{PLAIN}{extra}")).unwrap());
        assert_eq!(of_bundled("  - hook: restart\n"), None);
        let why = of_bundled("  - hook: restart\n  - hook: step clock\n").unwrap();
        assert_eq!(why, "it has `hook: step clock`, which is for recorders of `mixedmode.toml`");
    }

    #[test]
    fn each_thing_that_only_the_bundled_recorder_does_is_named() {
        for (extra, named) in [
            ("recorder: { suites: AEAD_AES_128_GCM }\n", "recorder: suites"),
            ("recorder: { codecs: G729 }\n", "recorder: codecs"),
            ("recorder: { answers after: 3s }\n", "answers after"),
            ("recorder: { answers far first: true }\n", "far first"),
            ("recorder: { SRTP: required }\n", "recorder: SRTP"),
            ("recorder: { fault: quieter }\n", "recorder: fault"),
            ("recorder: { certificate: { expired: true } }\n", "expired"),
            ("recorder: { certificate: { name: x.example } }\n", "certificate: name"),
            ("trunk: { transport: UDP }\n", "its trunk is UDP, recorder `mine` takes TLS"),
            ("trunk: { X.509 subject name: x.example }\n", "X.509"),
            ("expect: { BYE cause: 47 }\n", "BYE cause"),
            ("expect: { far answered first: true }\n", "far answered first"),
            ("expect: { media before ACK: true }\n", "media before ACK"),
            ("expect: { user agent: Cisco-CUCM14.0 }\n", "user agent"),
            ("recorder: { tls: \"1.3\" }\n", "recorder: tls"),
            ("  - hook: fill disk\n", "it has `hook: fill disk`, for which recorder `mine` has no command"),
        ] {
            let reason = reason("{ recorder = \"a.pem\" }", extra).unwrap_or_default();
            assert!(reason.contains(named), "{extra}: {reason}");
        }
        let kept =
            reason("{ recorder = \"a.pem\", cucm_identity = \"c.pem\" }", "cluster: { CallManager key: EC-P256 }\n");
        assert!(kept.unwrap().contains("cucm_identity"));
    }
}
