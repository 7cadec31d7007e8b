use cucm::config::{FarEndHold, FarEndTransfer};

use super::super::parse;
use super::*;

/// A scenario with a recorded agent, a customer and an expert, and these steps.
fn scenario(steps: &[&str]) -> Scenario {
    let head = "scenario: x\nphones:\n  agent: { line: \"2000\", recording: automatic }\n  customer: { line: \"1000\" }\n  \
                expert: { line: \"3000\", recording: automatic }\nsteps:\n";
    let text: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    parse(&format!("{head}{text}")).unwrap()
}

const HOLDS: [&str; 7] = [
    "call: { from: customer, to: agent }",
    "answer: agent",
    "hold: customer",
    "hold: agent",
    "resume: customer",
    "resume: agent",
    "hang up: agent",
];

/// How many recordings run after each step.
fn running(scenario: &Scenario) -> Vec<usize> {
    let mut paper = Paper::of(scenario);
    let after = |step: &Step| {
        paper.take(&step.action).unwrap();
        paper.recordings().len()
    };
    scenario.steps.iter().map(after).collect()
}

#[test]
fn a_call_that_both_hold_is_recorded_again_when_both_are_back() {
    let scenario = scenario(&HOLDS);
    assert_eq!(running(&scenario), [0, 1, 0, 0, 0, 1, 0]);
    assert_eq!(recordings_of(&scenario), 2);
}

#[test]
fn a_far_end_that_holds_ends_no_recording_where_cucm_keeps_it() {
    let mut scenario = scenario(&HOLDS);
    scenario.cluster.dialect.far_end_hold = FarEndHold::Keep;
    assert_eq!(running(&scenario), [0, 1, 1, 0, 0, 1, 0]);
    assert_eq!(recordings_of(&scenario), 2);
}

#[test]
fn a_transfer_moves_the_recordings_of_whoever_remains() {
    let first = ["call: { from: customer, to: agent }", "answer: agent", "consult: { by: agent, to: expert }"];
    let last = ["answer: expert", "complete transfer: agent", "hang up: customer"];
    let after = |transfer, last: &[&str]| {
        let mut scenario = scenario(&[&first[..], last].concat());
        scenario.cluster.dialect.far_end_transfer = transfer;
        (running(&scenario), recordings_of(&scenario))
    };
    assert_eq!(after(FarEndTransfer::Restart, &last), (vec![0, 1, 0, 2, 1, 0], 4));
    assert_eq!(after(FarEndTransfer::Update, &last), (vec![0, 1, 0, 2, 1, 0], 3));
    let early = [last[1], last[0], last[2]];
    assert_eq!(after(FarEndTransfer::Restart, &early), (vec![0, 1, 0, 0, 1, 0], 2));
    let declined = ["complete transfer: agent", "hang up: expert", "resume: agent", "hang up: agent"];
    assert_eq!(after(FarEndTransfer::Restart, &declined), (vec![0, 1, 0, 0, 0, 1, 0], 2));
}

#[test]
fn every_phone_shows_what_it_is_in() {
    let scenario = scenario(&HOLDS);
    let mut paper = Paper::of(&scenario);
    let mut shown = Vec::new();
    for step in &scenario.steps {
        paper.take(&step.action).unwrap();
        shown.push([paper.shown(0), paper.shown(1)]);
    }
    use PhoneState::{Connected, Held, Idle, Ringing, RingingBack};
    let expected = [
        [Ringing, RingingBack],
        [Connected, Connected],
        [Connected, Held],
        [Held, Held],
        [Held, Connected],
        [Connected, Connected],
        [Idle, Idle],
    ];
    assert_eq!(shown, expected);
}

/// The far ends of the recordings that run after each step, by phone.
fn far_ends(scenario: &Scenario) -> Vec<Vec<(usize, Option<usize>)>> {
    let mut paper = Paper::of(scenario);
    let after = |step: &Step| {
        paper.take(&step.action).unwrap();
        let far = |recording: &Recording| match recording.far {
            Far::Phone(far) => (recording.phone, Some(far)),
            _ => (recording.phone, None),
        };
        let mut running: Vec<_> = paper.recordings().iter().map(far).collect();
        running.sort_unstable();
        running
    };
    scenario.steps.iter().map(after).collect()
}

#[test]
fn in_a_conference_every_recorded_member_has_the_bridge_until_two_are_left() {
    let scenario = scenario(&[
        "call: { from: customer, to: agent }",
        "answer: agent",
        "consult: { by: agent, to: expert }",
        "answer: expert",
        "conference: agent",
        "hold: customer",
        "hold: expert",
        "resume: expert",
        "hang up: customer",
        "hang up: agent",
    ]);
    let (agent, customer, expert) = (0, 1, 2);
    let expected: [&[(usize, Option<usize>)]; 10] = [
        &[],
        &[(agent, Some(customer))],
        &[],
        &[(agent, Some(expert)), (expert, Some(agent))],
        &[(agent, None), (expert, None)],
        &[(agent, None), (expert, None)],
        &[(agent, None)],
        &[(agent, None), (expert, None)],
        &[(agent, Some(expert)), (expert, Some(agent))],
        &[],
    ];
    assert_eq!(far_ends(&scenario), expected);
    assert_eq!(recordings_of(&scenario), 8);
}

#[test]
fn a_phone_that_picks_up_what_was_redirected_from_it_has_its_call_again() {
    let steps = [
        "call: { from: customer, to: agent }",
        "answer: agent",
        "redirect: { call of: agent, to: expert }",
        "pick up: agent",
        "hold: agent",
        "resume: agent",
        "hang up: agent",
    ];
    let text: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let scenario = parse(&format!(
        "scenario: x\nphones:\n  agent: {{ line: \"2000\", recording: automatic, pickup group: a }}\n  customer: {{ line: \
         \"1000\" }}\n  expert: {{ line: \"3000\", pickup group: a }}\nsteps:\n{text}"
    ));
    assert_eq!(running(&scenario.unwrap()), [0, 1, 0, 1, 0, 1, 0]);
}

/// Three recorded phones and these steps.
fn three(steps: &[&str]) -> Scenario {
    let text: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let phones: String = ["agent", "customer", "expert"]
        .iter()
        .enumerate()
        .map(|(no, name)| format!("  {name}: {{ line: \"200{no}\", recording: automatic }}\n"))
        .collect();
    parse(&format!("scenario: x\nphones:\n{phones}  other: {{ line: \"3000\" }}\nsteps:\n{text}")).unwrap()
}

#[test]
fn whoever_leaves_a_call_that_it_transfers_is_recorded_no_more() {
    let scenario = three(&[
        "call: { from: customer, to: agent }",
        "answer: agent",
        "transfer: { by: agent, to: expert }",
        "resume: agent",
        "hang up: agent",
        "answer: expert",
        "hang up: expert",
    ]);
    assert_eq!(running(&scenario), [0, 2, 0, 2, 0, 2, 0]);
    assert_eq!(recordings_of(&scenario), 6);
}

#[test]
fn a_target_that_consults_meanwhile_stays_with_its_consultation() {
    let scenario = three(&[
        "call: { from: customer, to: agent }",
        "answer: agent",
        "consult: { by: agent, to: expert }",
        "answer: expert",
        "consult: { by: expert, to: other }",
        "complete transfer: agent",
        "hang up: expert",
        "resume: expert",
        "hang up: expert",
    ]);
    let mut paper = Paper::of(&scenario);
    for step in &scenario.steps[..6] {
        paper.take(&step.action).unwrap();
    }
    assert_eq!((paper.display(2), paper.display(3)), ((PhoneState::RingingBack, true), (PhoneState::Ringing, false)));
}

#[test]
fn a_transferrer_that_leaves_its_place_in_a_conference_leaves_no_two() {
    let scenario = three(&[
        "call: { from: customer, to: agent }",
        "answer: agent",
        "consult: { by: agent, to: expert }",
        "answer: expert",
        "conference: agent",
        "transfer: { by: customer, to: other }",
        "hang up: customer",
        "hang up: other",
        "hang up: agent",
    ]);
    let mut paper = Paper::of(&scenario);
    let dropped = scenario.steps.iter().map(|step| {
        let drops = match step.action {
            Action::HangUp(phone) => paper.drops_to_two(phone),
            _ => false,
        };
        paper.take(&step.action).unwrap();
        drops
    });
    assert_eq!(dropped.collect::<Vec<_>>(), [false, false, false, false, false, false, false, true, false]);
}

#[test]
fn another_calls_transfer_begins_no_recording_that_the_recorder_ended() {
    let mut scenario = three(&[
        "call: { from: customer, to: agent }",
        "answer: agent",
        "recorder hangs up: both",
        "hang up: agent",
        "wait: 1s",
    ]);
    scenario.cluster.dialect.far_end_transfer = FarEndTransfer::Update;
    let mut paper = Paper::of(&scenario);
    for step in &scenario.steps[..3] {
        paper.take(&step.action).unwrap();
    }
    paper.settle(Change::Transfer);
    assert_eq!(paper.begun(), 2);
}

#[test]
fn steps_take_time_of_which_nobody_can_say_how_much() {
    let phones = "  agent: { line: \"2000\", forward: { no answer: expert, after: 5s } }\n  customer: { line: \"1000\" }\n  expert: \
                  { line: \"3000\" }\n  other: { line: \"4000\" }\n";
    let verdict = |steps: &[&str]| {
        let text: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        parse(&format!("scenario: x\nphones:\n{phones}steps:\n  - call: {{ from: customer, to: agent }}\n{text}"))
            .is_ok()
    };
    let busy = ["call: { from: other, to: expert }", "hang up: other"];
    assert!(verdict(&[&["wait: 2s"], &busy[..], &["answer: agent", "hang up: agent"]].concat()));
    assert!(!verdict(&[&["wait: 3s"], &busy[..], &["answer: agent", "hang up: agent"]].concat()));
    assert!(verdict(&[&["wait: 2s"], &busy[..], &["wait: 3s", "answer: expert", "hang up: expert"]].concat()));
}

/// What is wrong first with these steps, where parties are outside.
fn refused(steps: &[&str]) -> Option<String> {
    let head = "scenario: x\nphones:\n  agent: { line: \"2000\", security: non-secure, recording: automatic, recording media source: \
                gateway }\n  other: { line: \"3000\" }\noutside:\n  PSTN:\n    is: gateway\n    security: non-secure\n    \
                parties:\n      olga: { line: \"+1\" }\n      piet: { line: \"+2\" }\nsteps:\n";
    let text: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    parse(&format!("{head}{text}")).err().map(|wrong| wrong[0].message.clone())
}

#[test]
fn what_is_behind_a_trunk_takes_no_part_in_calls_of_the_cluster() {
    let made = ["call: { from: olga, to: agent }", "answer: agent", "conference outside: { by: olga, with: piet }"];
    let with = |step: &str| refused(&[&made[..], &[step]].concat());
    assert_eq!(with("leave outside: agent").as_deref(), Some("`agent` is in no conference outside here"));
    assert_eq!(with("call: { from: other, to: piet }").as_deref(), Some("`piet` is in a conference already"));
}

#[test]
fn what_a_gateway_forks_is_not_paused() {
    let call = ["call: { from: olga, to: agent }", "answer: agent"];
    for between in [&[][..], &["conference outside: { by: olga, with: piet }"]] {
        let steps = [&call[..], between, &["recorder pauses: both"]].concat();
        assert_eq!(refused(&steps).as_deref(), Some("a gateway forks this, which cannot be had to stop"));
    }
}

/// A parked call comes back after a minute, and goes on from there by the forwarding of the line.
#[test]
fn what_comes_back_from_park_rings_where_its_line_forwards_it_by_then() {
    let parked = |forward: &str, wait: &str| {
        let head = format!(
            "scenario: x\nphones:\n  agent: {{ line: \"2000\", recording: automatic{forward} }}\n  customer: {{ line:              \"1000\" }}\n  expert: {{ line: \"3000\" }}\nsteps:\n"
        );
        let steps = [
            "call: { from: customer, to: agent }",
            "answer: agent",
            "park: agent",
            wait,
            "wait: 1m",
            "hang up: customer",
        ];
        let scenario =
            parse(&format!("{head}  - {}\n", steps.join("\n  - "))).map_err(|wrong| wrong[0].message.clone())?;
        let mut paper = Paper::of(&scenario);
        scenario.steps[..5].iter().for_each(|step| paper.take(&step.action).unwrap());
        Ok::<_, String>((paper.shown(0), paper.shown(2)))
    };
    const FORWARD: &str = ", forward: { no answer: expert, after: 4s }";
    assert_eq!(parked("", "wait: 6s"), Ok((PhoneState::Ringing, PhoneState::Idle)));
    assert_eq!(parked(FORWARD, "wait: 2s"), Ok((PhoneState::Ringing, PhoneState::Idle)));
    assert_eq!(parked(FORWARD, "wait: 6s"), Ok((PhoneState::Idle, PhoneState::Ringing)));
    let doubtful = parked(FORWARD, "wait: 3500ms").unwrap_err();
    assert!(doubtful.contains("nobody can say whether the line of `agent` has forwarded"), "{doubtful}");
}

#[test]
fn a_call_that_comes_back_from_park_and_is_forwarded_to_a_busy_phone_stays_parked() {
    let head = "scenario: x\nphones:\n  agent: { line: \"2000\", forward: { no answer: customer, after: 4s } }\n  customer: { \
                line: \"1000\", recording: automatic }\nsteps:\n";
    let steps =
        ["call: { from: customer, to: agent }", "answer: agent", "park: agent", "wait: 62s", "wait: 5s", "wait: 1m"];
    let scenario = parse(&format!("{head}  - {}\n  - hang up: customer\n", steps.join("\n  - "))).unwrap();
    let mut paper = Paper::of(&scenario);
    let shown: Vec<_> = scenario
        .steps
        .iter()
        .map(|step| {
            paper.take(&step.action).unwrap();
            paper.shown(0)
        })
        .collect();
    use PhoneState::{Idle, Ringing};
    assert_eq!(shown[3..], [Ringing, Idle, Ringing, Idle]);
}

#[test]
fn a_call_that_comes_back_from_park_and_is_declined_stays_parked() {
    let steps = ["call: { from: customer, to: agent }", "answer: agent", "park: agent", "wait: 61s", "hang up: agent"];
    let scenario = scenario(&[&steps[..], &["wait: 61s", "answer: agent", "hang up: agent"]].concat());
    let mut paper = Paper::of(&scenario);
    let after = |step: &Step| {
        paper.take(&step.action).unwrap();
        (paper.shown(0), paper.shown(1))
    };
    let shown: Vec<_> = scenario.steps.iter().map(after).collect();
    use PhoneState::{Connected, Idle, Ringing};
    assert_eq!(
        shown[3..],
        [(Ringing, Connected), (Idle, Connected), (Ringing, Connected), (Connected, Connected), (Idle, Idle)]
    );
}
