//! A whole encrypted call between two phones, recorded by the agent's built-in bridge. CUCM is raw text in the test: it copies keys and
//! ports from one description into the other, as a B2BUA does.
#![expect(clippy::unwrap_used, reason = "a step that fails ends its test")]

mod support;

use std::time::Duration;

use media::ledger::{Ledger, Leg, Nature, Stream, StreamKind};
use media::srtp::Suite;
use phone::{CommandError, Fault, PhoneEvent, PhoneState, boot};
use support::pair::{Pair, WAIT};
use support::{AGENT, Cluster, on_both, on_sim};
use trust::phone_config::DeviceSecurityMode::NonSecure;
use wire::Net;

fn stream(ledger: &Ledger, kind: StreamKind) -> &Stream {
    let found: Vec<_> = ledger.streams.iter().filter(|stream| stream.kind == kind).collect();
    assert_eq!(found.len(), 1, "{:?}", ledger.streams);
    found[0]
}

fn said(stream: &Stream) -> Vec<Vec<u8>> {
    stream.rows.iter().filter(|row| row.nature == Nature::Genuine).map(|row| stream.payload(row).to_vec()).collect()
}

/// Records a call of `time` and checks that the recorder got the truth.
async fn recorded(net: Net, suite: Option<Suite>, time: Duration, faults: &[Fault]) {
    let mut pair = Pair::new(&net, suite.is_some(), faults).await;
    let nth = Suite::ALL.iter().position(|known| Some(*known) == suite).unwrap_or(0);
    let (main, _) = pair.connect(nth).await;
    let status = pair.customer.status();
    assert_eq!(status.secured, suite.is_some());
    let (near_dialog, mut near_tap) = pair.fork(Leg::Near, &main, suite).await;
    let (far_dialog, mut far_tap) = pair.fork(Leg::Far, &main, suite).await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    net.clock().sleep(time).await;
    pair.say_bye(&near_dialog).await;
    pair.say_bye(&far_dialog).await;
    pair.agent.wait_for(PhoneState::NotRecorded, WAIT).await.unwrap();
    net.clock().sleep(Duration::from_millis(50)).await;
    let (near_got, far_got) = (near_tap.drain(), far_tap.drain());
    // The agent hangs up.
    pair.agent.hang_up().await.unwrap();
    let bye = pair.to_agent.expect("BYE").await;
    pair.to_agent.respond(&bye, "200 OK", "", "").await;
    pair.customer.hang_up().await.unwrap();
    let bye = pair.to_customer.expect("BYE").await;
    pair.to_customer.respond(&bye, "200 OK", "", "").await;
    pair.agent.wait_for(PhoneState::Idle, WAIT).await.unwrap();
    let forks: Vec<_> =
        pair.agent.drain_events().into_iter().filter(|event| matches!(event, PhoneEvent::ForkStopped { .. })).collect();
    assert_eq!(forks.len(), 2);
    let (agent, customer) = pair.finish().await;
    let (near, far) = (stream(&agent, StreamKind::Bridge(Leg::Near)), stream(&agent, StreamKind::Bridge(Leg::Far)));
    let ticks = time.as_millis() as usize / 20;
    assert!(
        near.rows.len() + 3 > ticks && far.rows.len() + 6 > ticks,
        "{} {} of {ticks}",
        near.rows.len(),
        far.rows.len()
    );
    assert_eq!(near_got.0, said(near));
    assert_eq!(far_got.0, said(far));
    let false_rows = |stream: &Stream| stream.rows.iter().filter(|row| row.nature != Nature::Genuine).count();
    assert_eq!((near_got.1, far_got.1), (false_rows(near), false_rows(far)));
    // The near leg is what the agent said to the customer, the far leg what the customer said.
    let (voice, other) = (said(stream(&agent, StreamKind::Voice)), said(stream(&customer, StreamKind::Voice)));
    assert!(said(near).iter().all(|frame| voice.contains(frame)));
    assert!(said(far).iter().all(|frame| other.contains(frame)));
    assert_eq!((near.key_fingerprint, far.key_fingerprint), (near_tap.offered, far_tap.offered));
    assert_eq!((near.dialog.as_str(), far.dialog.as_str(), near.main_dialog.as_str()), ("near", "far", "main"));
    assert_eq!((near.rows[0].sequence, near.source, near.suite), (65_530, near_tap.source, suite));
}

#[test]
fn an_encrypted_call_is_forked_as_it_was_spoken_in_every_suite() {
    for suite in Suite::ALL {
        on_sim(|net| recorded(net, Some(suite), Duration::from_secs(20), &[]));
    }
}

#[test]
fn a_call_in_clear_is_forked_as_it_was_spoken() {
    on_sim(|net| recorded(net, None, Duration::from_secs(20), &[]));
}

#[test]
fn a_call_on_real_sockets_is_forked_as_it_was_spoken() {
    on_both(|net| recorded(net, Some(Suite::AeadAes256Gcm), Duration::from_secs(2), &[]));
}

#[test]
fn a_bridge_that_misbehaves_is_written_down_as_it_misbehaves() {
    let faults = [
        Fault::Replay { leg: Leg::Near, every: 7, back: 2 },
        Fault::BadTag { leg: Leg::Near, every: 11 },
        Fault::Forge { leg: Leg::Far, times: 2 },
        Fault::Plain { leg: Leg::Far, instead: false },
    ];
    on_sim(
        |net| async move { recorded(net, Some(Suite::AesCm128HmacSha1_80), Duration::from_secs(10), &faults).await },
    );
}

#[test]
fn commands_that_do_not_fit_are_refused() {
    on_sim(|net| async move {
        let mut pair = Pair::new(&net, false, &[]).await;
        assert_eq!(pair.agent.answer().await, Err(CommandError::NothingRinging));
        assert_eq!(pair.agent.hang_up().await, Err(CommandError::NoCall));
        assert_eq!(pair.agent.resume().await, Err(CommandError::NoCall));
        pair.connect(0).await;
        assert_eq!(pair.agent.dial("1").await, Err(CommandError::Busy));
        let error = pair.agent.wait_for(PhoneState::Idle, Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "SEP6C416A369525 was not idle within 100ms: got call Connected, other call Idle, registered true, 0 bridge streams, 0 bridge dialogs"
        );
    });
}

#[test]
fn a_phone_switched_off_in_a_call_says_so() {
    on_sim(|net| async move {
        let mut pair = Pair::new(&net, false, &[]).await;
        pair.connect(0).await;
        let (done, ()) = tokio::join!(pair.agent.finish(), async {
            let bye = pair.to_agent.expect("BYE").await;
            pair.to_agent.respond(&bye, "200 OK", "", "").await;
            let last = pair.to_agent.expect("REGISTER").await;
            pair.to_agent.respond(&last, "200 OK", "", "").await;
        });
        let (ledger, summary) = done.unwrap();
        assert!(summary.open_call);
        assert_eq!(ledger.streams.len(), 1);
    });
}

#[test]
fn the_same_seed_says_the_same_and_another_one_does_not() {
    let run = |seed: u64| {
        let out = std::sync::Mutex::new(String::new());
        on_sim(|net| {
            let out = &out;
            async move {
                let mut cluster = Cluster::new(&net, false).await;
                cluster.add_phone(AGENT, "1001", NonSecure);
                let config = cluster.config(AGENT, cluster.tftp().await, 1);
                let (_phone, register) = tokio::join!(boot(net.clone(), config, seed), async {
                    let mut peer = cluster.accept().await;
                    let register = peer.expect("REGISTER").await;
                    peer.respond(&register, "200 OK", "", "").await;
                    register
                });
                *out.lock().unwrap() = String::from_utf8_lossy(register.as_bytes()).into_owned();
            }
        });
        out.into_inner().unwrap()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
