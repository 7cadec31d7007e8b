//! Who may register.

use std::time::Duration;

use cucm::CucmEvent;
use cucm::config::ClusterSecurityMode;
use sip::Transport;

use crate::bench::*;

const CONTACT: &str = "sip:uuid@10.48.38.107:51902;transport=tls";

#[test]
fn an_encrypted_phone_registers_over_tls_with_its_own_certificate() {
    let mut bench = Bench::new(secure());
    bench.open(AGENT, Transport::Tls, Some(&identity(AGENT_DEVICE)));
    let answer = bench.register(AGENT, Transport::Tls, AGENT_DEVICE, "1001", CONTACT);
    assert_eq!(answer.status(), Some(200));
    assert_eq!(answer.header("Expires").as_deref(), Some("120"));
    assert_eq!(
        answer.header("Contact").unwrap(),
        format!("<{CONTACT}>;+u.sip!devicename.ccm.cisco.com=\"{AGENT_DEVICE}\";x-cisco-newreg")
    );
    assert_eq!(bench.event(), CucmEvent::Registered { device: AGENT_DEVICE.to_owned() });
    let again = bench.register(AGENT, Transport::Tls, AGENT_DEVICE, "1001", CONTACT);
    assert!(!again.header("Contact").unwrap().contains("newreg"));
    assert!(bench.events.is_empty(), "a refresh is no news");
}

#[test]
fn a_certificate_of_the_manufacturer_names_the_model_too() {
    let mut bench = Bench::new(secure());
    bench.open(AGENT, Transport::Tls, Some(&identity(&format!("CP-7841-{AGENT_DEVICE}"))));
    assert_eq!(bench.register(AGENT, Transport::Tls, AGENT_DEVICE, "1001", CONTACT).status(), Some(200));
}

fn refused(bench: &mut Bench, transport: Transport, device: &str) -> (u16, String) {
    let answer = bench.register(AGENT, transport, device, "1001", CONTACT);
    let CucmEvent::RegistrationRefused { why, .. } = bench.event() else { panic!() };
    assert!(answer.header("Warning").unwrap().contains(&why));
    (answer.status().unwrap(), why)
}

#[test]
fn another_phones_certificate_is_refused() {
    let mut bench = Bench::new(secure());
    bench.open(AGENT, Transport::Tls, Some(&identity(CALLER_DEVICE)));
    let (status, why) = refused(&mut bench, Transport::Tls, AGENT_DEVICE);
    assert_eq!((status, why.as_str()), (403, "the certificate names SEP38ED18552A12, expected SEP6C416A369525"));
}

#[test]
fn a_transport_that_the_profile_does_not_have_is_refused() {
    let mut bench = Bench::new(secure());
    bench.open(AGENT, Transport::Tcp, None);
    let (status, why) = refused(&mut bench, Transport::Tcp, AGENT_DEVICE);
    assert_eq!((status, why.as_str()), (403, "got TCP, expected TLS: the device security mode is encrypted"));
    let mut bench = Bench::new(plain());
    bench.open(AGENT, Transport::Udp, None);
    assert_eq!(
        refused(&mut bench, Transport::Udp, AGENT_DEVICE).1,
        "got UDP, expected TCP: the device security mode is non-secure"
    );
}

#[test]
fn in_cluster_mode_0_an_encrypted_profile_registers_without_security() {
    let mut config = secure();
    config.cluster_security_mode = ClusterSecurityMode::NonSecure;
    let mut bench = Bench::new(config);
    bench.open(AGENT, Transport::Tcp, None);
    assert_eq!(bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", CONTACT).status(), Some(200));
}

#[test]
fn an_unknown_device_is_not_in_the_database() {
    let mut bench = Bench::new(plain());
    bench.open(AGENT, Transport::Tcp, None);
    assert_eq!(refused(&mut bench, Transport::Tcp, "SEP000000000000").0, 404);
}

#[test]
fn a_stranger_with_a_certificate_of_no_phone_and_no_trunk_is_not_let_in() {
    let mut bench = Bench::new(secure());
    bench.open(AGENT, Transport::Tls, Some(&identity("10.9.9.9")));
    assert_eq!(bench.closes, [AGENT]);
    let CucmEvent::TrunkTls { trunk: None, failure, .. } = bench.event() else { panic!() };
    assert_eq!(failure.rule, "x509-subject");
    // The recorder of the trunk is.
    bench.open(RECORDER, Transport::Tls, Some(&identity("10.48.38.30")));
    assert_eq!(bench.closes, [AGENT]);
}

#[test]
fn a_registration_ends_when_it_is_not_refreshed_and_when_its_connection_closes() {
    let mut config = plain();
    config.timing.registration_expires = Duration::from_secs(10);
    let mut bench = Bench::new(config);
    bench.open(AGENT, Transport::Tcp, None);
    bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", CONTACT);
    bench.wait(15_000);
    bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", CONTACT);
    bench.wait(15_000);
    assert_eq!(bench.engine.summary().registered, [AGENT_DEVICE]);
    bench.wait(5_001);
    assert!(bench.engine.summary().registered.is_empty());
    bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", CONTACT);
    bench.input(cucm::engine::Input::Closed { flow: AGENT, why: None });
    assert!(matches!(bench.event(), CucmEvent::Unregistered { .. }));
    assert!(bench.engine.summary().registered.is_empty());
}
