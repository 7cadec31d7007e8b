//! Which dialogs are one recording, and what is known of it.

use super::*;

#[test]
fn the_ack_brings_the_phones_key_and_both_byes_finish_one_recording() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    let far_answer = rig.establish(&far());
    assert_eq!(rig.media.len(), 2);
    let media = &rig.media[0].1;
    assert_eq!((&media.formats[..], media.source), (&[(0, Codec::Pcmu)][..], "192.0.2.20:4000".parse().ok()));
    assert!(matches!(&media.protection, Protection::Srtp(crypto) if crypto.master_key().unwrap().to_inline() == KEY));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.recordings()), (2, 1));
    rig.receive(&NEAR.bye(&near, 102));
    assert_eq!((rig.last().status(), rig.finished.len()), (Some(200), 0));
    rig.receive(&far().bye(&far_answer, 102));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.legs(), rig.finished.len()), (0, 0, 1));
    let recording = &rig.finished[0];
    assert_eq!(recording.legs.iter().map(|leg| leg.side).collect::<Vec<_>>(), Side::BOTH);
    let leg = recording.leg(Side::Near).unwrap();
    assert_eq!(leg.end_reason.as_deref(), Some("Q.850;cause=16"));
    assert_eq!((leg.suite.as_deref(), leg.codec.as_deref()), (Some("AES_CM_128_HMAC_SHA1_80"), Some("PCMU")));
    assert_eq!(recording.near.name.as_deref(), Some("SJ User 2"));
    assert_eq!((recording.refci.as_deref(), recording.far.address.as_deref()), (Some("25"), Some("1000")));
    assert!(!recording.to_json().unwrap().contains(&KEY[..20]), "no key in the metadata");
}

#[test]
fn far_first_and_overlapping_invites_pair_as_well() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&far().invite(None));
    let far_answer = rig.last().clone();
    rig.receive(&NEAR.invite(None));
    let near = rig.last().clone();
    rig.receive(&far().ack(&far_answer, Some(&answered(KEY))));
    rig.receive(&NEAR.ack(&near, Some(&answered(OTHER_KEY))));
    assert_eq!((rig.sessions.recordings(), rig.media.len()), (1, 2));
}

#[test]
fn a_call_recorded_at_both_phones_makes_two_recordings() {
    let mut rig = Rig::new(|_| {});
    let mirrored = |leg: Leg<'static>, call| Leg { refci: 24, farendrefci: 25, device: "SEP38", call, ..leg };
    for leg in [NEAR, mirrored(NEAR, "near2"), far(), mirrored(far(), "far2")] {
        rig.establish(&leg);
    }
    assert_eq!((rig.sessions.recordings(), rig.sessions.dialogs()), (2, 4));
}

#[test]
fn resume_with_the_same_call_legs_is_a_new_recording() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    let _far = rig.establish(&far());
    rig.receive(&NEAR.bye(&near, 102));
    rig.establish(&Leg { call: "near-again", ..NEAR });
    assert_eq!(rig.sessions.recordings(), 2, "the old one's far leg still runs");
}

#[test]
fn an_ack_without_an_answer_and_its_bye_are_a_failed_recording_with_the_reason() {
    let mut rig = Rig::new(|_| {});
    rig.stored = 0;
    for leg in [NEAR, far()] {
        rig.receive(&leg.invite(None));
        let answer = rig.last().clone();
        rig.receive(&leg.ack(&answer, None));
        rig.receive(&leg.bye(&answer, 102).replace("cause=16", "cause=47"));
    }
    assert!(rig.media.is_empty());
    let reasons: Vec<_> =
        rig.finished.iter().flat_map(|recording| &recording.legs).map(|leg| leg.end_reason.clone()).collect();
    assert_eq!(reasons, vec![Some("Q.850;cause=47".to_owned()); 2]);
    assert_eq!(rig.sessions.counters().failed_legs, 2);
}

#[test]
fn a_transfer_told_by_update_is_kept_as_history() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    rig.receive(&NEAR.request("UPDATE", 102, &tag(&answer), "3100", None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "3100", None));
    rig.receive(&NEAR.bye(&answer, 104));
    let leg = &rig.finished[0].legs[0];
    assert_eq!(leg.changes.len(), 1);
    let changed = leg.changes[0].parameters.iter().find(|parameter| parameter.name == "x-farendaddr").unwrap();
    assert_eq!(changed.value.as_deref(), Some("3100"));
    assert_eq!(rig.finished[0].far.address.as_deref(), Some("1000"), "the party at the beginning");
}

#[test]
fn a_call_without_any_cisco_parameter_is_recorded_alone() {
    let mut rig = Rig::new(|config| {
        config.user.clear();
        config.srtp = SrtpPolicy::Off;
        config.codecs = vec![Codec::Pcmu];
    });
    let text = NEAR.invite(Some(&plain())).replace(&NEAR.from("1000"), "sipp <sip:sipp@192.0.2.5>;tag=near~a");
    rig.receive(&text);
    assert_eq!((rig.codes(), rig.media.len()), (vec![200], 1));
    rig.input(Input::HangUp);
    assert_eq!(rig.finished[0].flags, ["leg-unknown"]);
}

#[test]
fn a_voice_that_is_invited_again_before_it_stood_takes_the_place_of_the_first_try() {
    let mut rig = Rig::new(|_| {});
    let far_answer = rig.establish(&far());
    rig.receive(&NEAR.invite(None));
    let lost = rig.last().clone();
    let again = Leg { call: "again", ..NEAR };
    let answer = rig.establish(&again);
    assert_eq!(rig.sessions.recordings(), 1, "one recording");
    rig.wait(Duration::from_secs(33));
    assert_eq!(rig.last().method(), Some("BYE"), "the first try has no ACK");
    assert_eq!(rig.last().call_id().unwrap(), lost.call_id().unwrap());
    rig.receive(&again.bye(&answer, 102));
    rig.receive(&far().bye(&far_answer, 102));
    let [recording] = rig.finished.as_slice() else { panic!("{:?}", rig.finished.len()) };
    let calls = |legs: &[crate::metadata::Leg]| legs.iter().map(|leg| leg.call_id.clone()).collect::<Vec<_>>();
    assert_eq!(calls(&recording.legs), ["far@192.0.2.5", "again@192.0.2.5"]);
    assert_eq!(calls(&recording.attempts), ["near@192.0.2.5"]);
    assert_eq!(recording.attempts[0].ended_by.as_deref(), Some("no-ack"));
    assert_eq!((recording.flags.as_slice(), &recording.duplicate_of), (&["leg-again".to_owned()][..], &None));
}

#[test]
fn a_voice_that_stands_is_not_given_up_for_one_that_comes_again() {
    let mut rig = Rig::new(|_| {});
    rig.establish(&NEAR);
    rig.establish(&Leg { call: "again", ..NEAR });
    assert_eq!(rig.sessions.recordings(), 2, "the second is a duplicate");
    let other = FlowId(2);
    rig.open(other, "192.0.2.6:5061");
    let mut rig = Rig::new(|_| {});
    rig.open(other, "192.0.2.6:5061");
    rig.receive(&NEAR.invite(None));
    rig.receive_on(other, &Leg { call: "again", ..NEAR }.invite(None));
    assert_eq!(rig.sessions.recordings(), 2, "another node's call is its own");
}
