//! Calls between phones of every security, in a cluster that is mixed or not, and their recording by every kind of recorder: the table of
//! Cisco's Security Guide, "Interactions and Restrictions" of Cisco's secured recording, row by row.

use cucm::config::*;
use cucm::{Protection, SecurityLevel};
use media::sdp::Profile;

use crate::bench::*;
use crate::office::{Office, Recorder};

/// *Device Security Mode*; *Authenticated* is refused by [`Config::check`], as TLS with NULL-SHA is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Encrypted,
    NonSecure,
}

const MODES: [Mode; 2] = [Mode::Encrypted, Mode::NonSecure];

/// The trunk to the recorder, and what the recorder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// Encrypted, SRTP Allowed; the recorder offers SAVP, and lists `X-cisco-srtp-fallback` or not.
    Secure { falls_back: bool },
    /// The same with a recorder that offers AVP.
    SecureInClear,
    /// Non Secure; what becomes of an encrypted phone is a switch.
    NonSecure(EncryptedPhoneOnNonSecureTrunk),
}

const RECORDERS: [To; 5] = [
    To::Secure { falls_back: true },
    To::Secure { falls_back: false },
    To::SecureInClear,
    To::NonSecure(EncryptedPhoneOnNonSecureTrunk::Fallback),
    To::NonSecure(EncryptedPhoneOnNonSecureTrunk::Fail),
];

/// What a recording is to be: SRTP, RTP, or a failure by this rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Legs {
    Srtp,
    Rtp,
    Fails(&'static str),
}

/// Media and level of a call.
fn call(cluster: ClusterSecurityMode, caller: Mode, agent: Mode) -> (Profile, SecurityLevel) {
    match (cluster, caller, agent) {
        (ClusterSecurityMode::Mixed, Mode::Encrypted, Mode::Encrypted) => (Profile::Savp, SecurityLevel::Encrypted),
        _ => (Profile::Avp, SecurityLevel::NotAuthenticated),
    }
}

/// The legs of the agent's recording. The other phone has no part in them.
fn legs(cluster: ClusterSecurityMode, agent: Mode, to: To) -> Legs {
    let is_encrypted = cluster == ClusterSecurityMode::Mixed && agent == Mode::Encrypted;
    match (is_encrypted, to) {
        (true, To::Secure { .. }) => Legs::Srtp,
        (true, To::SecureInClear | To::NonSecure(EncryptedPhoneOnNonSecureTrunk::Fallback)) => Legs::Rtp,
        (true, To::NonSecure(EncryptedPhoneOnNonSecureTrunk::Fail)) => Legs::Fails("security-capability-mismatch"),
        (false, To::Secure { falls_back: false }) => Legs::Fails("srtp-fallback"),
        (false, _) => Legs::Rtp,
    }
}

fn config(cluster: ClusterSecurityMode, modes: [Mode; 2], to: To) -> Config {
    let mut config = if matches!(to, To::NonSecure(_)) { plain() } else { secure() };
    config.cluster_security_mode = cluster;
    for (phone, mode) in config.phones.iter_mut().zip(modes) {
        phone.security_profile = if mode == Mode::Encrypted { "secure" } else { "plain" }.to_owned();
    }
    if let To::NonSecure(what) = to {
        config.dialect.encrypted_phone_on_non_secure_trunk = what;
    }
    config
}

#[test]
fn every_mix_has_the_media_the_level_and_the_recording_of_the_table() {
    let mut rows = 0;
    for cluster in [ClusterSecurityMode::Mixed, ClusterSecurityMode::NonSecure] {
        for (caller, agent) in MODES.into_iter().flat_map(|caller| MODES.map(|agent| (caller, agent))) {
            for to in RECORDERS {
                let row = format!("{cluster:?} cluster, {caller:?} calls {agent:?}, {to:?}");
                let mut office = Office::new(config(cluster, [caller, agent], to));
                office.recorder = match to {
                    To::Secure { falls_back } => Recorder::Srtp { falls_back },
                    // SRTP is not allowed on that trunk, whatever the recorder offers.
                    To::NonSecure(_) => Recorder::Srtp { falls_back: true },
                    To::SecureInClear => Recorder::Rtp,
                };
                let (at_caller, at_agent) = office.call(CALLER, AGENT);
                let (profile, level) = call(cluster, caller, agent);
                for dialog in [&at_caller, &at_agent] {
                    assert_eq!(office.told[dialog].profile, profile, "{row}");
                    assert_eq!(office.told[dialog].crypto.len(), usize::from(profile == Profile::Savp), "{row}");
                }
                let info = office.about[&at_caller].header("Call-Info").unwrap().into_owned();
                assert!(info.contains(&format!("security= {};", level.word())), "{row}: {info}");
                match legs(cluster, agent, to) {
                    Legs::Fails(rule) => assert_eq!(office.bench.failed().rule, rule, "{row}"),
                    legs => {
                        let [started] = office.started().try_into().unwrap();
                        for leg in [started.near_leg, started.far_leg] {
                            assert_eq!(leg.protection != Protection::Rtp, legs == Legs::Srtp, "{row}");
                        }
                    }
                }
                // The recording neither lowers nor raises the call.
                let last = office.asked.iter().rfind(|(flow, _)| *flow == AGENT);
                assert!(last.is_none_or(|(_, message)| message.method() == Some("INVITE")), "{row}");
                office.hang_up(AGENT, &at_agent);
                assert!(office.bench.engine.is_idle(), "{row}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 40);
}
