//! Configurations that cannot work, and what is said about each.

use cucm::Config;
use cucm::config::*;

use crate::bench::*;

type Damage = fn(&mut Config);

fn said(damage: impl FnOnce(&mut Config)) -> String {
    let mut config = secure();
    damage(&mut config);
    config.check().expect_err("this configuration must be refused").to_string()
}

#[test]
fn what_is_right_is_accepted() {
    secure().check().unwrap();
    plain().check().unwrap();
}

#[test]
fn authenticated_profiles_are_refused_with_what_to_choose_instead() {
    for damage in [
        (|config: &mut Config| config.phone_security_profiles[1].mode = DeviceSecurityMode::Authenticated) as Damage,
        |config: &mut Config| config.sip_trunk_security_profiles[1].mode = DeviceSecurityMode::Authenticated,
    ] {
        let why = said(damage);
        assert!(why.contains("NULL-SHA; choose encrypted or non-secure"), "{why}");
    }
}

#[test]
fn names_that_nothing_carries_are_named() {
    let rows: [(Damage, &str); 8] = [
        (
            |c| c.phones[0].security_profile = "x".to_owned(),
            "phone SEP38ED18552A12 refers to phone security profile \"x\", which does not exist",
        ),
        (
            |c| c.phones[1].lines[0].recording_profile = Some("x".to_owned()),
            "phone SEP6C416A369525 refers to recording profile \"x\", which does not exist",
        ),
        (
            |c| c.phones[1].lines[0].recording_profile = None,
            "line 1001 of SEP6C416A369525 is recorded, but has no recording profile",
        ),
        (
            |c| c.route_patterns[0].route_list[0].trunks[0] = "x".to_owned(),
            "route pattern 7878 refers to trunk \"x\", which does not exist",
        ),
        (
            |c| c.trunks[0].security_profile = "x".to_owned(),
            "trunk Recorder refers to SIP trunk security profile \"x\", which does not exist",
        ),
        (
            |c| c.trunks[0].sip_profile = "x".to_owned(),
            "trunk Recorder refers to SIP profile \"x\", which does not exist",
        ),
        (
            |c| c.recording_profiles[0].recording_css = "x".to_owned(),
            "recording profile recorder refers to calling search space \"x\", which does not exist",
        ),
        (|c| c.trunks[0].destinations.clear(), "trunk \"Recorder\" has no destination"),
    ];
    for (damage, expected) in rows {
        assert_eq!(said(damage), expected);
    }
}

#[test]
fn doubles_are_named() {
    assert_eq!(said(|c| c.phones[1] = c.phones[0].clone()), "device \"SEP38ED18552A12\" exists twice");
    assert_eq!(said(|c| c.phones[0].lines.push(Line::new("1000", ""))), "directory number \"1000\" exists twice");
    assert_eq!(said(|c| c.park_numbers.push("1000".to_owned())), "directory number \"1000\" exists twice");
    let doubled = said(|c| {
        c.directed_call_park = DirectedCallPark { numbers: vec!["1000".to_owned()], retrieval_prefix: "8".to_owned() };
    });
    assert_eq!(doubled, "directory number \"1000\" exists twice");
    assert_eq!(said(|c| c.phones[0].lines.clear()), "phone SEP38ED18552A12 has no line");
}

#[test]
fn an_encrypted_trunk_needs_tls() {
    let why = said(|c| c.sip_trunk_security_profiles[1].outgoing_transport = TrunkTransport::Tcp);
    assert_eq!(why, "SIP trunk security profile \"secure trunk\" is encrypted, but its outgoing transport is not TLS");
}

#[test]
fn what_would_break_a_message_is_refused() {
    let rows: [Damage; 9] = [
        |c| c.directed_call_park.numbers.push("7200".to_owned()),
        |c| c.cluster_id = "a;x-farend".to_owned(),
        |c| c.phones[0].device_name = "SEP 1".to_owned(),
        |c| c.phones[0].lines[0].directory_number = "1000>\r\nX: y".to_owned(),
        |c| c.phones[0].lines[0].display = "a\" <sip:b>".to_owned(),
        |c| c.recording_profiles[0].recording_destination = String::new(),
        |c| c.phones[0].lines[0].display = "a\r\nX: y".to_owned(),
        |c| c.phones[0].lines[0].forward.no_answer = Some("1 2".to_owned()),
        |c| c.park_numbers.push("7100;x".to_owned()),
    ];
    for damage in rows {
        let why = said(damage);
        assert!(why.contains("is not usable"), "{why}");
    }
}
