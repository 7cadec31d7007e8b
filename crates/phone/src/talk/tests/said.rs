//! What is said besides the voice: keys, the silence of a microphone that is off, and nothing.

use super::*;
use crate::change::RollOver;

/// The rows of keys, each with its place on the time line counted from the first row of the stream.
fn keys(stream: &Stream) -> Vec<(u32, &Row)> {
    let first = stream.rows[0].timestamp;
    let events = stream.rows.iter().filter(|row| row.payload_type == 101);
    events.map(|row| (row.timestamp.wrapping_sub(first), row)).collect()
}

#[test]
fn keys_take_the_place_of_the_voice_on_both_legs_and_are_relayed_as_they_were_heard() {
    for suite in [None, Some(Suite::AeadAes256Gcm)] {
        run(|net| async move {
            let call = Call::new(&net, suite, &[]).await;
            call.talk(Duration::from_millis(400)).await;
            call.clock.press(call.agent, vec![1, 11]);
            call.talk(Duration::from_millis(200)).await;
            call.clock.press(call.customer, vec![9]);
            call.talk(Duration::from_secs(1)).await;
            let (near, far, voice, customer, mut near_tap, mut far_tap, heard) = call.end().await;
            // The agent's keys: on the call and, under the same places, on the near leg.
            let (said, forked) = (keys(&voice), keys(&near));
            assert_eq!((said.len(), forked.len()), (14, 14));
            for (said, forked) in said.iter().zip(&forked) {
                assert_eq!((said.0, voice.payload(said.1)), (forked.0, near.payload(forked.1)));
            }
            for key in said.chunks(7) {
                assert!(key.iter().all(|(at, _)| *at == key[0].0), "{key:?}");
                assert!(key[0].1.marker && key[1..].iter().all(|(_, row)| !row.marker));
                assert!(key.windows(2).all(|pair| pair[1].1.sequence == pair[0].1.sequence.wrapping_add(1)));
                let durations: Vec<_> =
                    key.iter().map(|(_, row)| digits::duration(voice.payload(row)).unwrap()).collect();
                assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
            }
            assert_eq!(said[7].0 - said[0].0, 10 * 160);
            // The voice goes on behind the key as if no time had passed for it: no frame is lost.
            let frames = voice.rows.iter().filter(|row| row.payload_type == 0).count();
            assert_eq!(voice.rows.len() - frames, 14);
            // The customer's key, as the agent's bridge heard it.
            let (said, relayed) = (keys(&customer), keys(&far));
            assert_eq!((said.len(), relayed.len()), (7, 7));
            for (said, relayed) in said.iter().zip(&relayed) {
                assert_eq!(relayed.1.heard, Some(said.1.index as u32));
                assert_eq!((customer.payload(said.1), said.1.marker), (far.payload(relayed.1), relayed.1.marker));
                assert_eq!(relayed.0, relayed_at(&customer, &far, said.1));
            }
            assert_eq!((heard.late, heard.replayed, heard.missing), (0, 0, 0));
            // Recorded as sent: the truth of the ledger is what is on the wire.
            for (tap, stream) in [(&mut near_tap, &near), (&mut far_tap, &far)] {
                let got: Vec<_> = tap.drain().packets.into_iter().map(|(sequence, at, ..)| (sequence, at)).collect();
                let rows: Vec<_> = stream.rows.iter().map(|row| (row.sequence, row.timestamp)).collect();
                assert_eq!(got, rows);
            }
        });
    }
}

/// Where on the far leg's time line a row of the customer belongs.
fn relayed_at(customer: &Stream, far: &Stream, said: &Row) -> u32 {
    let first = customer.rows.iter().find(|row| Some(row.index as u32) == far.rows[0].heard).unwrap();
    said.timestamp.wrapping_sub(first.timestamp)
}

#[test]
fn keys_arrive_whole_without_a_buffer_and_in_disorder() {
    run(|net| async move {
        let disorder = Impairment { reorder: 0.3, reorder_by: Duration::from_millis(30), ..Impairment::default() };
        net.set_impairment(Route { from: CUSTOMER.parse().unwrap(), to: AGENT.parse().unwrap() }, disorder);
        let call = Call::new(&net, Some(Suite::AesCm128HmacSha1_80), &[]).await;
        call.talk(Duration::from_millis(400)).await;
        call.clock.press(call.customer, (0..8).collect());
        call.talk(Duration::from_secs(3)).await;
        let (_, far, _, customer, .., heard) = call.end().await;
        let (said, relayed) = (keys(&customer), keys(&far));
        assert!(said.iter().any(|(_, row)| matches!(row.fate, Fate::Delayed { .. })));
        assert_eq!((said.len(), relayed.len(), heard.late, heard.replayed), (56, 56, 0, 0));
        let mut events: Vec<_> = relayed.iter().map(|(_, row)| far.payload(row)[0]).collect();
        events.dedup();
        assert_eq!(events, (0..8).collect::<Vec<u8>>());
        // No packet of the voice lost its place to a key.
        assert!(far.rows.iter().filter(|row| row.payload_type == 0).all(|row| far.payload(row).len() == FRAME));
        assert_eq!(heard.missing, 0);
    });
}

#[test]
fn a_microphone_that_is_off_says_silence_in_which_no_two_frames_are_alike() {
    run(|net| async move {
        let call = Call::new(&net, None, &[]).await;
        call.talk(Duration::from_millis(200)).await;
        call.clock.mute(call.agent, true);
        call.talk(Duration::from_millis(400)).await;
        call.clock.mute(call.agent, false);
        call.talk(Duration::from_millis(200)).await;
        call.clock.mute(call.agent, true);
        call.talk(Duration::from_millis(200)).await;
        let (near, far, voice, ..) = call.end().await;
        // The stream goes on: every 20 ms a frame, the same on both.
        let frames = |stream: &Stream| stream.rows.iter().map(|row| stream.payload(row).to_vec()).collect::<Vec<_>>();
        assert_eq!(frames(&near), frames(&voice));
        assert!(near.rows.windows(2).all(|pair| pair[1].sent_us - pair[0].sent_us == 20_000));
        // What is said are the voice's own frames in order, and silence between them.
        let mut speaker = Voice::speech(Vec::new(), 1);
        let mut next = || {
            let (mut samples, mut frame) = ([0; FRAME], [0; FRAME]);
            speaker.next_frame(&mut samples);
            g711::encode_into(Law::Mu, &samples, &mut frame);
            frame.to_vec()
        };
        let mut expected = next();
        let mut spoken = Vec::new();
        for frame in frames(&voice) {
            spoken.push(frame == expected);
            if frame == expected {
                expected = next();
            }
        }
        let runs: Vec<_> = spoken.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        assert!(matches!(runs[..], [(true, 9..=11), (false, 19..=21), (true, 9..=11), (false, 9..=11)]), "{runs:?}");
        let loudest = frames(&voice).concat().iter().map(|&code| g711::decode(Law::Mu, code).unsigned_abs()).max();
        assert!(loudest < Some(128), "{loudest:?}");
        let mut all = frames(&voice);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), voice.rows.len());
        // The other voice is heard as before.
        assert!(far.rows.len() + 6 > near.rows.len());
    });
}

#[test]
fn what_is_heard_goes_on_through_a_hold_with_its_roll_over_count() {
    run(|net| async move {
        let suite = Some(Suite::AesCm128HmacSha1_80);
        let call = Call::new(&net, suite, &[]).await;
        // The customer's stream begins anew just before its sequence wraps, as that of music does in the middle of a file.
        let (agent_at, from) = (call.agent_at, key(suite, 2));
        let music = opening(StreamKind::Voice, agent_at, from.clone(), 77, 65_530);
        call.clock.set_main(call.customer, MainTerms { send: Some(music), receive: None });
        call.talk(Duration::from_millis(400)).await;
        // The agent holds: its own voice stops, what it hears has the same key.
        let receive = from.map(|own| (own.suite, own.key));
        call.clock.set_main(call.agent, MainTerms { send: None, receive });
        call.talk(Duration::from_millis(400)).await;
        let (near, far, _, _, _, mut tap, heard) = call.end().await;
        assert_eq!((heard.unauthentic, heard.replayed, heard.missing), (0, 0, 0), "{heard:?}");
        let held: Vec<_> = far.rows.iter().filter(|row| row.sent_us > near.rows.last().unwrap().sent_us).collect();
        assert!((18..=21).contains(&held.len()), "{}", held.len());
        assert_eq!(tap.drain().packets.len(), far.rows.len());
    });
}

#[test]
fn a_leg_on_which_nothing_is_said_for_a_while_goes_on_at_the_right_time() {
    run(|net| async move {
        let call = Call::new(&net, None, &[]).await;
        call.talk(Duration::from_millis(200)).await;
        call.clock.set_main(call.agent, MainTerms { send: None, receive: None });
        call.talk(Duration::from_millis(300)).await;
        let again = opening(StreamKind::Voice, call.near.socket.local_addr(), None, 99, 1);
        call.clock.set_main(call.agent, MainTerms { send: Some(again), receive: None });
        call.talk(Duration::from_millis(200)).await;
        let near = call.end().await.0;
        let step = |pair: &[Row]| {
            let time = (pair[1].sent_us - pair[0].sent_us) / 125;
            (u64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp)), time)
        };
        assert!(near.rows.windows(2).all(|pair| step(pair).0 == step(pair).1), "{:?}", near.rows);
        assert!(near.rows.windows(2).any(|pair| step(pair).1 > 2000));
        assert!(near.rows.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    });
}

#[test]
fn a_fork_packs_what_is_said_into_packets_of_another_length_from_where_it_stood() {
    for (packet_time, suite) in [(PacketTime::Ms10, None), (PacketTime::Ms30, Some(Suite::AeadAes256Gcm))] {
        run(|net| async move {
            let call = Call::new(&net, suite, &[]).await;
            call.talk(Duration::from_millis(400)).await;
            for leg in Leg::ALL {
                let turn = Turn { packet_time: Some(packet_time), ..Turn::under(RollOver::Keep) };
                call.clock.turn_fork(call.agent, leg, turn);
            }
            call.talk(Duration::from_millis(500)).await;
            call.clock.press(call.agent, vec![5]);
            call.talk(Duration::from_secs(1)).await;
            let (near, far, voice, _, mut near_tap, _, _) = call.end().await;
            let len = packet_time.samples();
            assert_eq!((near.samples_per_packet, far.samples_per_packet), (len as u32, len as u32));
            let rows: Vec<&Row> = near.rows.iter().filter(|row| row.payload_type == 0).collect();
            let short: Vec<_> = rows.iter().filter(|row| usize::from(row.payload_len) != len).collect();
            // What was said last before the key may not fill a packet.
            assert!(short.len() <= 1, "{short:?}");
            // No sample is missing and none is said twice: the main call says the same.
            let said = |stream: &Stream, rows: &[&Row]| -> Vec<u8> {
                rows.iter().flat_map(|row| stream.payload(row).to_vec()).collect()
            };
            let whole = said(&voice, &voice.rows.iter().filter(|row| row.payload_type == 0).collect::<Vec<_>>());
            let forked = said(&near, &rows);
            assert!(forked.len() > 9000 && whole.windows(forked.len()).any(|part| part == forked));
            for pair in rows.windows(2).filter(|pair| pair[0].sequence.wrapping_add(1) == pair[1].sequence) {
                let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                assert_eq!(step, u32::from(pair[0].payload_len));
            }
            let got = near_tap.drain();
            assert_eq!(got.refused, 0);
            let sent: Vec<_> = got.packets.iter().rev().take(near.rows.len()).map(|packet| packet.3.clone()).collect();
            let noted: Vec<_> = near.rows.iter().rev().map(|row| near.payload(row).to_vec()).collect();
            assert_eq!(sent, noted);
        });
    }
}

#[test]
fn what_waits_for_its_packet_is_sent_when_a_pause_comes() {
    run(|net| async move {
        let loss = Impairment { loss: 0.1, ..Impairment::default() };
        net.set_impairment(Route { from: CUSTOMER.parse().unwrap(), to: AGENT.parse().unwrap() }, loss);
        let call = Call::new(&net, None, &[]).await;
        let turn = Turn { packet_time: Some(PacketTime::Ms60), ..Turn::under(RollOver::Keep) };
        call.clock.turn_fork(call.agent, Leg::Far, turn);
        call.talk(Duration::from_secs(4)).await;
        let (_, far, _, customer, ..) = call.end().await;
        let lens: Vec<u16> = far.rows.iter().map(|row| row.payload_len).collect();
        assert!(lens.contains(&160) && lens.contains(&320) && lens.contains(&480), "{lens:?}");
        // A packet leaves when its last sample was heard, or in the place behind.
        let first = &far.rows[0];
        for row in &far.rows {
            let heard = customer.rows.iter().find(|said| said.index as u32 == row.heard.unwrap()).unwrap();
            assert!(matches!(heard.fate, Fate::Delivered { .. }));
            let end = row.timestamp.wrapping_sub(first.timestamp) + u32::from(row.payload_len);
            let passed = (row.sent_us - first.sent_us) / 1000 * 8 + u64::from(first.payload_len);
            assert!(passed.abs_diff(u64::from(end)) <= 320, "{passed} {end}");
        }
    });
}
