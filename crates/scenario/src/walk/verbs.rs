//! The verbs of the walk. Each is one line; where it may stand the paper knows.

use super::dice::Dice;

/// How often a step is tried, and the step: `{a}` and `{b}` are two parties, `{time}` is a while, and so on in [`filled`]. What takes no
/// time by itself and must be heard is followed by a talk, as a second line.
const CHOICES: &[(u64, &str)] = &[
    (3, "talk: {time}"),
    (1, "wait: {time}"),
    // So long that what rings has certainly been forwarded.
    (1, "wait: 5s"),
    (4, "call: { from: {a}, to: {b} }"),
    (6, "answer: {a}"),
    (2, "hang up: {a}"),
    (3, "hold: {a}"),
    (4, "resume: {a}"),
    (2, "transfer: { by: {a}, to: {b} }"),
    (2, "consult: { by: {a}, to: {b} }"),
    (4, "complete transfer: {a}"),
    (3, "conference: {a}"),
    (2, "drop: { by: {a}, party: {b} }"),
    (3, "start recording: { on: {a}, by: {asker} }"),
    (6, "stop recording: {a}"),
    (1, "dtmf: { by: {a}, digits: \"{digits}\" }"),
    (1, "mute: {a}"),
    (1, "unmute: {a}"),
    (2, "park: {a}"),
    (1, "directed park: { by: {a}, at: 2 }"),
    (4, "retrieve: { by: {a}, parked by: {b} }"),
    (2, "pick up: {a}"),
    (2, "redirect: { call of: {a}, to: {b} }"),
    (3, "barge: {a}"),
    (3, "cBarge: {a}"),
    (1, "re-key: { on: {a}, ROC: {roc} }"),
    (1, "change SSRC: {a}"),
    (1, "restart sequence: {a}"),
    (1, "change codec: { on: {a}, to: {codec} }"),
    (1, "change ptime: { on: {a}, to: {ptime} }"),
    (1, "talk: 500ms\ninject: { on: {a}, what: {injected}, legs: {one leg}, for: 1s }\ntalk: 1500ms"),
    (1, "CUCM sends: { request: {request}, leg: {leg} }"),
    (1, "close connection: {closing}"),
    (1, "recorder pauses: {leg}\nwait: 1500ms"),
    (2, "recorder resumes: {leg}\ntalk: 500ms"),
    (1, "recorder hangs up: {leg}"),
    (1, "renumber: {renumbered}"),
    (1, "destination fails: {destination}"),
    (2, "destination returns: {destination}"),
    (3, "transfer outside: { from: {a}, to: {b}, told by: {told} }"),
    (3, "conference outside: { by: {a}, with: {b} }"),
    (4, "leave outside: {a}"),
    // What was said before has been heard.
    (1, "wait: 500ms\nfail node: { node: {node}, recorded media: {media}, connections: {lost} }"),
    (3, "restore node: {node}"),
];

/// What stands for a place, one of these each time.
const PLACES: &[(&str, &[&str])] = &[
    ("{asker}", &["user", "application", "silent application"]),
    ("{closing}", &["FIN", "RST"]),
    ("{codec}", &["PCMU", "PCMA", "G722"]),
    ("{destination}", &super::cluster::DESTINATIONS),
    ("{digits}", &["1", "0*9", "1234#", "42"]),
    ("{injected}", &["plain RTP", "flipped tag, every: 8", "replay, every: 8", "forged", "silence", "loss"]),
    ("{leg}", &["near", "far", "both"]),
    ("{lost}", &["FIN", "RST", "silent"]),
    ("{media}", &["goes on", "stops"]),
    ("{node}", &["1", "2"]),
    ("{one leg}", &["near", "far", "[near, far]"]),
    ("{ptime}", &["10ms", "20ms", "30ms", "40ms", "60ms"]),
    ("{renumbered}", &["restarted", "another cluster"]),
    ("{request}", &["INFO", "NOTIFY", "SUBSCRIBE", "OPTIONS", "UPDATE", "re-INVITE", "re-INVITE without offer", "BYE"]),
    ("{roc}", &["keep", "reset"]),
    ("{told}", &["re-INVITE", "UPDATE", "nothing"]),
];

/// The words of the verbs.
#[cfg(test)]
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    CHOICES.iter().filter_map(|(_, step)| step.split(':').next())
}

/// Any step of these parties, whether it can be taken or not.
pub(super) fn any(names: &[String], dice: &mut Dice) -> String {
    let all: u64 = CHOICES.iter().map(|(weight, _)| weight).sum();
    let mut at = dice.between(1, all);
    let chosen = CHOICES.iter().find(|(weight, _)| {
        let is_here = at <= *weight;
        at = at.saturating_sub(*weight);
        is_here
    });
    filled(chosen.map_or("wait: 1s", |(_, step)| step), names, dice)
}

fn filled(step: &str, names: &[String], dice: &mut Dice) -> String {
    let a = dice.one(names);
    let others: Vec<String> = names.iter().filter(|name| **name != a).cloned().collect();
    let b = if others.is_empty() { a.clone() } else { dice.one(&others) };
    let time = format!("{}ms", dice.between(2, 30) * 100);
    let step = step.replace("{a}", &a).replace("{b}", &b).replace("{time}", &time);
    PLACES.iter().fold(step, |step, (place, values)| step.replace(place, dice.one(values)))
}
