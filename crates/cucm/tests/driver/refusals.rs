//! Recorders and clusters that do not trust each other: the call goes on, the recording says why it is not there.

use std::net::SocketAddr;

use cucm::config::{ClientCertificate, Config};
use cucm::{CucmEvent, RecordingFailed, start};
use trust::cert::Identity;
use trust::rule::TrustList;
use wire::Net;

use crate::peer::*;

/// A call up to the recording, which fails; the recorder trusts `trusted` and shows `shown`.
async fn failing(net: Net, people: &People, config: Config, shown: &Identity, trusted: &Identity) -> RecordingFailed {
    let listener = net.listen(SocketAddr::new(RECORDER.parse().unwrap(), 5061)).await.unwrap();
    let mut cucm = start(net.clone(), config, 1).await.unwrap();
    let secured = cucm.addresses().secured_sip;
    let mut agent = Peer::connect(&net, "127.0.1.2", secured, &people.agent).await;
    let mut customer = Peer::connect(&net, "127.0.1.3", secured, &people.customer).await;
    agent.register(AGENT, "2000").await;
    customer.register(CUSTOMER, "1000").await;
    customer.dial("1000", "2000", &offer("127.0.1.3", 30_000, "sendrecv", true)).await;
    let invite = agent.expect("INVITE").await;
    agent.answer(&invite, 200, "a", Some(&offer("127.0.1.2", 30_002, "sendrecv", true))).await;
    let ok = customer.expect("200").await;
    let headers = ["From", "To", "Call-ID"].map(|name| (name, ok.header(name).unwrap().into_owned()));
    customer.request("ACK", &[headers.as_slice(), &[("CSeq", "101 ACK".to_owned())]].concat(), None).await;
    let bridge = agent.expect("INVITE").await;
    agent.answer(&bridge, 200, "b", Some(&offer("127.0.1.2", 20_000, "inactive", false))).await;
    let attempt = Peer::accept(&listener, shown, trusted).await;
    assert!(attempt.is_err(), "the recorder's handshake must fail");
    let failed = event(&mut cucm, |event| match event {
        CucmEvent::RecordingFailed(failed) => Some(failed.clone()),
        CucmEvent::CallEnded { .. } => panic!("the call must go on"),
        _ => None,
    })
    .await;
    // The bridges are cleared, the call is not.
    assert!(agent.expect("BYE").await.header("From").unwrap().contains("Call Manager"));
    let summary = cucm.stop().await;
    assert_eq!(summary.leaked_dialogs.len(), 2, "the call's own dialogs: {:?}", summary.leaked_dialogs);
    failed
}

#[test]
fn a_recorder_with_another_name_is_refused_by_the_x509_rule() {
    simulated(|net| async move {
        let people = People::new();
        let other = identity("10.9.9.9");
        let mut config = config(&people);
        config.call_manager_trust.add(other.certificate.clone());
        let failed = failing(net, &people, config, &other, &call_manager()).await;
        assert_eq!(failed.rule, "x509-subject");
        assert!(failed.why.contains("10.9.9.9") && failed.why.contains(RECORDER), "{}", failed.why);
    });
}

#[test]
fn a_recorder_that_is_not_in_callmanager_trust_is_refused() {
    simulated(|net| async move {
        let people = People::new();
        let mut config = config(&people);
        config.call_manager_trust = TrustList::call_manager_trust();
        let failed = failing(net, &people, config, &people.recorder, &call_manager()).await;
        assert_eq!(failed.rule, "callmanager-trust");
    });
}

#[test]
fn a_recorder_that_does_not_know_the_cluster_refuses_it_with_an_alert() {
    simulated(|net| async move {
        let people = People::new();
        let failed = failing(net, &people, config(&people), &people.recorder, &people.agent).await;
        assert_eq!(failed.rule, "alert");
    });
}

#[test]
fn a_cluster_that_shows_no_certificate_or_another_one_is_refused_with_an_alert() {
    for certificate in [ClientCertificate::Nothing, ClientCertificate::Other(Box::new(identity("CUCM-PUB")))] {
        simulated(|net| async move {
            let people = People::new();
            let mut config = config(&people);
            config.client_certificate = certificate;
            let failed = failing(net, &people, config, &people.recorder, &call_manager()).await;
            assert_eq!(failed.rule, "alert", "{}", failed.why);
        });
    }
}

#[test]
fn in_tls_1_3_the_recorders_refusal_comes_after_the_handshake_and_is_told_all_the_same() {
    simulated(|net| async move {
        let people = People::new();
        let mut config = config(&people);
        config.dialect.tls_versions = wire::tls::Versions::Both;
        let failed = failing(net, &people, config, &people.recorder, &people.agent).await;
        assert_eq!(failed.rule, "alert", "{}", failed.why);
    });
}

#[test]
fn a_phone_with_a_certificate_that_nobody_knows_gets_no_connection() {
    simulated(|net| async move {
        let people = People::new();
        let mut cucm = start(net.clone(), config(&people), 1).await.unwrap();
        let stream = net.connect("127.0.1.2".parse().unwrap(), cucm.addresses().secured_sip).await.unwrap();
        let _ = wire::tls::connect(&Peer::client(Some(&identity("SEP99999999FFFF"))), stream).await;
        let failure = event(&mut cucm, |event| match event {
            CucmEvent::TrunkTls { failure, .. } => Some(failure.clone()),
            _ => None,
        })
        .await;
        assert!(failure.refused_by_us);
        assert_eq!(failure.rule, "callmanager-trust");
        cucm.stop().await;
    });
}

#[test]
fn a_recorder_that_is_not_there_fails_the_recording() {
    simulated(|net| async move {
        let people = People::new();
        let mut cucm = start(net.clone(), config(&people), 1).await.unwrap();
        let secured = cucm.addresses().secured_sip;
        let mut agent = Peer::connect(&net, "127.0.1.2", secured, &people.agent).await;
        let mut customer = Peer::connect(&net, "127.0.1.3", secured, &people.customer).await;
        agent.register(AGENT, "2000").await;
        customer.register(CUSTOMER, "1000").await;
        customer.dial("1000", "2000", &offer("127.0.1.3", 30_000, "sendrecv", true)).await;
        let invite = agent.expect("INVITE").await;
        agent.answer(&invite, 200, "a", Some(&offer("127.0.1.2", 30_002, "sendrecv", true))).await;
        let ok = customer.expect("200").await;
        let headers = ["From", "To", "Call-ID"].map(|name| (name, ok.header(name).unwrap().into_owned()));
        customer.request("ACK", &[headers.as_slice(), &[("CSeq", "101 ACK".to_owned())]].concat(), None).await;
        let bridge = agent.expect("INVITE").await;
        agent.answer(&bridge, 200, "b", Some(&offer("127.0.1.2", 20_000, "inactive", false))).await;
        let rule = event(&mut cucm, |event| match event {
            CucmEvent::RecordingFailed(failed) => Some((failed.rule.clone(), failed.why.clone())),
            _ => None,
        })
        .await;
        assert_eq!(rule.0, "connect", "{}", rule.1);
        assert!(rule.1.contains("127.0.1.9:5061"), "{}", rule.1);
        cucm.stop().await;
    });
}
