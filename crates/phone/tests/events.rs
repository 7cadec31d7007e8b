//! What happens in a call between two phones: hold, music, keys, a second call, a transfer. CUCM is raw text in the test.
#![expect(clippy::unwrap_used, reason = "a step that fails ends its test")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use media::ledger::{Ledger, Leg, Nature, Stream, StreamKind};
use media::srtp::Suite;
use phone::{PhoneEvent, PhoneState};
use sip::Message;
use support::pair::{Pair, WAIT, audio, copied};
use support::player::Player;
use support::{Legs, Peer, on_both};
use wire::Net;

const CONTACT: &str = "Contact: <sip:1001@127.0.0.5:5061;transport=tls>\r\n";
const GCM: Option<Suite> = Some(Suite::AeadAes256Gcm);

fn streams(ledger: &Ledger, kind: StreamKind) -> Vec<&Stream> {
    ledger.streams.iter().filter(|stream| stream.kind == kind).collect()
}

fn said(stream: &Stream) -> Vec<Vec<u8>> {
    stream.rows.iter().filter(|row| row.nature == Nature::Genuine).map(|row| stream.payload(row).to_vec()).collect()
}

/// Where on its line a description stands for a suite.
fn nth(suite: Option<Suite>) -> usize {
    Suite::ALL.iter().position(|known| Some(*known) == suite).unwrap_or(0)
}

fn reached(message: &Message) -> SocketAddr {
    let audio = audio(message);
    SocketAddr::new(audio.address, audio.port)
}

/// A phone's re-INVITE is answered and acknowledged.
async fn accept(peer: &mut Peer, invite: &Message, body: &str) {
    peer.respond(invite, "200 OK", CONTACT, body).await;
    peer.expect("ACK").await;
}

/// CUCM's re-INVITE; the phone's answer is acknowledged with `answer` of it.
async fn reinvite(
    peer: &mut Peer,
    legs: &Legs,
    cseq: u32,
    offer: &str,
    answer: impl AsyncFnOnce(&Message) -> String,
) -> Message {
    peer.request("INVITE", legs, cseq, "", offer).await;
    let ok = peer.expect("SIP/2.0 200").await;
    let body = answer(&ok).await;
    peer.request("ACK", legs, cseq, "", &body).await;
    ok
}

/// The agent hangs up, then the customer.
async fn end(pair: &mut Pair) {
    pair.agent.hang_up().await.unwrap();
    let bye = pair.to_agent.expect("BYE").await;
    pair.to_agent.respond(&bye, "200 OK", "", "").await;
    customer_ends(pair).await;
    pair.agent.wait_for(PhoneState::AtRest, WAIT).await.unwrap();
}

async fn customer_ends(pair: &mut Pair) {
    pair.customer.hang_up().await.unwrap();
    let bye = pair.to_customer.expect("BYE").await;
    pair.to_customer.respond(&bye, "200 OK", "", "").await;
}

/// Held by the agent: CUCM ends the bridge dialogs; at resume it asks for new ones. The agent then presses a key and mutes.
async fn held_and_resumed(net: Net, suite: Option<Suite>) {
    let pause = Duration::from_millis(300);
    let mut pair = Pair::new(&net, suite.is_some(), &[]).await;
    let (main, answer) = pair.connect(nth(suite)).await;
    let customers = pair.customers();
    let (near, mut near_tap) = pair.fork(Leg::Near, &main, suite).await;
    let (far, mut far_tap) = pair.fork(Leg::Far, &main, suite).await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    net.clock().sleep(pause).await;

    pair.agent.hold().await.unwrap();
    let hold = pair.to_agent.expect("INVITE").await;
    pair.say_bye(&near).await;
    pair.say_bye(&far).await;
    let inactive = copied(&answer, nth(suite)) + "a=inactive\r\n";
    let ok = reinvite(&mut pair.to_customer, &customers, 110, &inactive, async |_| String::new()).await;
    accept(&mut pair.to_agent, &hold, &(copied_answer(&ok) + "a=inactive\r\n")).await;
    pair.agent.wait_for(PhoneState::Held, WAIT).await.unwrap();
    pair.agent.wait_for(PhoneState::NotRecorded, WAIT).await.unwrap();
    net.clock().sleep(pause).await;

    pair.agent.resume().await.unwrap();
    let resume = pair.to_agent.expect("INVITE").await;
    let offer = reinvite(&mut pair.to_customer, &customers, 111, "", async |_| copied(&resume, nth(suite))).await;
    accept(&mut pair.to_agent, &resume, &copied(&offer, nth(suite))).await;
    pair.agent.wait_for(PhoneState::Connected, WAIT).await.unwrap();
    let (near, mut near_again) = pair.fork_again(Leg::Near, &main, suite, "2").await;
    let (far, mut far_again) = pair.fork_again(Leg::Far, &main, suite, "2").await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    net.clock().sleep(pause).await;
    let time = pair.agent.dtmf("5#").await.unwrap();
    assert_eq!(time, Duration::from_millis(400));
    net.clock().sleep(time).await;
    pair.agent.mute(true).await.unwrap();
    net.clock().sleep(pause).await;
    pair.say_bye(&near).await;
    pair.say_bye(&far).await;
    pair.agent.wait_for(PhoneState::NotRecorded, WAIT).await.unwrap();
    net.clock().sleep(Duration::from_millis(50)).await;
    let got = [near_tap.drain(), far_tap.drain(), near_again.drain(), far_again.drain()];
    end(&mut pair).await;
    let (agent, customer) = pair.finish().await;

    let (nears, fars) = (streams(&agent, StreamKind::Bridge(Leg::Near)), streams(&agent, StreamKind::Bridge(Leg::Far)));
    let truth = [nears[0], fars[0], nears[1], fars[1]];
    assert_eq!((nears.len(), fars.len()), (2, 2));
    for (got, stream) in got.iter().zip(truth) {
        assert_eq!((&got.0, got.1), (&said(stream), 0));
        assert!(got.0.len() > 10, "{stream:?}");
    }
    let mut ssrcs: Vec<_> = truth.iter().map(|stream| stream.ssrc).collect();
    ssrcs.sort_unstable();
    ssrcs.dedup();
    let mut keys: Vec<_> = truth.iter().filter_map(|stream| stream.key_fingerprint).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((ssrcs.len(), keys.len()), (4, if suite.is_some() { 4 } else { 0 }));
    assert!(truth.iter().all(|stream| stream.main_dialog == "main"));
    // Two streams of each voice: before and after the hold, under keys of their own; nothing is said between them.
    let (voices, others) = (streams(&agent, StreamKind::Voice), streams(&customer, StreamKind::Voice));
    for both in [&voices, &others] {
        assert_eq!(both.len(), 2);
        assert_ne!(both[0].ssrc, both[1].ssrc);
        assert!(suite.is_none() || both[0].key_fingerprint != both[1].key_fingerprint);
        assert!(both[1].rows[0].sent_us - both[0].rows.last().unwrap().sent_us >= 250_000);
    }
    for half in 0..2 {
        assert!(said(nears[half]).iter().all(|frame| said(voices[half]).contains(frame)));
        assert!(said(fars[half]).iter().all(|frame| said(others[half]).contains(frame)));
    }
    // The keys are on the call and on the near leg, and nobody heard the voice meanwhile.
    let events = |stream: &Stream| stream.rows.iter().filter(|row| row.payload_type == 101).count();
    assert_eq!((events(voices[1]), events(nears[1]), events(fars[1])), (14, 14, 0));
}

/// The description of a phone's answer as CUCM hands it on: its only key.
fn copied_answer(answer: &Message) -> String {
    copied(answer, 0)
}

#[test]
fn a_call_that_was_held_is_forked_anew_under_new_keys() {
    for suite in [None, GCM] {
        on_both(|net| held_and_resumed(net, suite));
    }
}

/// Held by the customer: the agent hears music, and so does the recorder if CUCM lets the recording go on.
async fn far_hold_with_music(net: Net, suite: Option<Suite>) {
    let pause = Duration::from_millis(400);
    let mut pair = Pair::new(&net, suite.is_some(), &[]).await;
    let (main, _) = pair.connect(nth(suite)).await;
    let (near, mut near_tap) = pair.fork(Leg::Near, &main, suite).await;
    let (far, mut far_tap) = pair.fork(Leg::Far, &main, suite).await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    net.clock().sleep(pause).await;

    let mut music = Player::new(&net, suite);
    pair.customer.hold().await.unwrap();
    let hold = pair.to_customer.expect("INVITE").await;
    let offer = music.describe(nth(suite) + 1, "sendonly");
    let ok = reinvite(&mut pair.to_agent, &main, 110, &offer, async |_| String::new()).await;
    assert!(String::from_utf8_lossy(ok.body()).contains("a=recvonly\r\n"), "{ok:?}");
    accept(&mut pair.to_customer, &hold, &(copied_answer(&ok) + "a=inactive\r\n")).await;
    music.play(reached(&ok), 25).await;

    pair.customer.resume().await.unwrap();
    let resume = pair.to_customer.expect("INVITE").await;
    let offer = reinvite(&mut pair.to_agent, &main, 111, "", async |_| copied(&resume, nth(suite))).await;
    accept(&mut pair.to_customer, &resume, &copied(&offer, nth(suite))).await;
    pair.customer.wait_for(PhoneState::Connected, WAIT).await.unwrap();
    net.clock().sleep(pause).await;
    pair.say_bye(&near).await;
    pair.say_bye(&far).await;
    net.clock().sleep(Duration::from_millis(50)).await;
    let got = (near_tap.drain(), far_tap.drain());
    end(&mut pair).await;
    let (agent, customer) = pair.finish().await;

    // One stream on each leg, whatever was changed under it.
    let (nears, fars) = (streams(&agent, StreamKind::Bridge(Leg::Near)), streams(&agent, StreamKind::Bridge(Leg::Far)));
    assert_eq!((nears.len(), fars.len()), (1, 1));
    assert_eq!((got.0, got.1), ((said(nears[0]), 0), (said(fars[0]), 0)));
    // The far leg is the customer, the music, and the customer again.
    let others = streams(&customer, StreamKind::Voice);
    assert_eq!(others.len(), 2);
    let spoken = others.iter().map(|stream| said(stream)).collect::<Vec<_>>();
    let who = |frame: &Vec<u8>| match frame {
        frame if spoken[0].contains(frame) => "before",
        frame if music.played.contains(frame) => "music",
        frame if spoken[1].contains(frame) => "after",
        _ => "nobody",
    };
    let heard: Vec<_> = said(fars[0]).iter().map(who).collect();
    let order: Vec<_> = heard.chunk_by(|a, b| a == b).map(|run| run[0]).collect();
    assert_eq!(order, ["before", "music", "after"]);
    let count = |name: &str| heard.iter().filter(|who| **who == name).count();
    // In real time how much is heard hangs on the machine; that all three are heard, in this order, does not.
    if net.is_simulated() {
        assert!(count("music") >= 22 && count("before") > 10 && count("after") > 10, "{heard:?}");
    }
    // The agent said nothing into the music, and its recorder's clock went on.
    let silence = nears[0].rows.windows(2).map(|pair| pair[1].sent_us - pair[0].sent_us).max().unwrap();
    assert!(silence >= 500_000, "{silence}");
    let step = nears[0].rows.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).max().unwrap();
    let off = (u64::from(step) * 125).abs_diff(silence);
    assert!(off <= if net.is_simulated() { 40_000 } else { 400_000 }, "{step} {silence}");
    assert_eq!(streams(&agent, StreamKind::Voice).len(), 2);
}

#[test]
fn the_far_leg_is_what_was_heard_music_too() {
    for suite in [None, GCM] {
        on_both(|net| far_hold_with_music(net, suite));
    }
}

/// The agent asks a third party and transfers the customer to it. The second call is recorded, the first one no more.
async fn consulted_and_transferred(net: Net, suite: Option<Suite>) {
    let mut pair = Pair::new(&net, suite.is_some(), &[]).await;
    let (main, _) = pair.connect(nth(suite)).await;
    let mut third = Player::new(&net, suite);
    pair.agent.consult("1003").await.unwrap();
    let hold = pair.to_agent.expect("INVITE").await;
    assert_eq!(hold.header("Call-Info").unwrap(), "<urn:x-cisco-remotecc:hold>; reason= transfer");
    let held = third.describe(nth(suite) + 1, "inactive");
    accept(&mut pair.to_agent, &hold, &held).await;
    let invite = pair.to_agent.expect("INVITE sip:1003@").await;
    pair.to_agent.respond(&invite, "180 Ringing", CONTACT, "").await;
    pair.agent.wait_for(PhoneState::RingingBack, WAIT).await.unwrap();
    accept(&mut pair.to_agent, &invite, &third.describe(nth(suite) + 1, "sendrecv")).await;
    pair.agent.wait_for(PhoneState::Consulting, WAIT).await.unwrap();
    let second = Legs::of_call_from(&invite);
    let (near, mut near_tap) = pair.fork(Leg::Near, &second, suite).await;
    let (far, mut far_tap) = pair.fork(Leg::Far, &second, suite).await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    third.play(reached(&invite), 20).await;

    pair.agent.complete_transfer().await.unwrap();
    let refer = pair.to_agent.expect("REFER").await;
    assert_eq!(refer.header("Call-ID").unwrap(), main.call_id);
    let target = refer.header("Refer-To").unwrap().into_owned();
    assert!(target.contains(&second.call_id.replace('@', "%40")), "{target}");
    pair.to_agent.respond(&refer, "202 Accepted", CONTACT, "").await;
    for dialog in [&near, &far] {
        pair.say_bye(dialog).await;
    }
    let more = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nContent-Type: message/sipfrag\r\n";
    pair.to_agent.request("NOTIFY", &main, 110, more, "SIP/2.0 200 OK\r\n").await;
    pair.to_agent.expect("SIP/2.0 200").await;
    for dialog in [&main, &second] {
        pair.to_agent.request("BYE", dialog, 120, "", "").await;
        pair.to_agent.expect("SIP/2.0 200").await;
    }
    pair.agent.wait_for(PhoneState::AtRest, WAIT).await.unwrap();
    let events = pair.agent.drain_events();
    assert!(events.contains(&PhoneEvent::Transferred { call_id: main.call_id.clone() }), "{events:?}");
    net.clock().sleep(Duration::from_millis(50)).await;
    let got = (near_tap.drain(), far_tap.drain());
    customer_ends(&mut pair).await;
    let (agent, _) = pair.finish_after(2).await;

    let voices = streams(&agent, StreamKind::Voice);
    assert_eq!(voices.iter().map(|stream| stream.dialog.as_str()).collect::<Vec<_>>(), ["main", &second.call_id]);
    let (nears, fars) = (streams(&agent, StreamKind::Bridge(Leg::Near)), streams(&agent, StreamKind::Bridge(Leg::Far)));
    assert_eq!((nears.len(), fars.len()), (1, 1));
    assert!([nears[0], fars[0]].iter().all(|stream| stream.main_dialog == second.call_id));
    assert_eq!((got.0, got.1), ((said(nears[0]), 0), (said(fars[0]), 0)));
    // It is one voice that went from the first call to the second: no frame is said twice.
    assert!(said(nears[0]).iter().all(|frame| said(voices[1]).contains(frame)));
    assert!(said(voices[0]).iter().all(|frame| !said(voices[1]).contains(frame)));
    assert!(said(fars[0]).iter().all(|frame| third.played.contains(frame)));
    assert!(nears[0].rows.len() > 15 && fars[0].rows.len() > 15, "{nears:?} {fars:?}");
}

#[test]
fn a_second_call_has_the_voice_and_the_forks_and_is_transferred_to() {
    for suite in [None, GCM] {
        on_both(|net| consulted_and_transferred(net, suite));
    }
}
