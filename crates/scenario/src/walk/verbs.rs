//! The verbs of the walk. Each is one line; where it may stand the paper knows.

use super::dice::Dice;

/// How often a step is tried, and the step: `{a}` and `{b}` are two phones, `{time}` is a while, and so on in [`filled`].
const CHOICES: &[(u64, &str)] = &[
    (3, "talk: {time}"),
    (1, "wait: {time}"),
    (4, "call: { from: {a}, to: {b} }"),
    (6, "answer: {a}"),
    (2, "hang up: {a}"),
    (3, "hold: {a}"),
    (4, "resume: {a}"),
    (2, "transfer: { by: {a}, to: {b} }"),
    (2, "consult: { by: {a}, to: {b} }"),
    (4, "complete transfer: {a}"),
    (3, "conference: {a}"),
    (3, "start recording: { on: {a}, by: {asker} }"),
    (6, "stop recording: {a}"),
    (1, "dtmf: { by: {a}, digits: \"{digits}\" }"),
    (1, "mute: {a}"),
    (1, "unmute: {a}"),
    (2, "park: {a}"),
    (4, "retrieve: { by: {a}, parked by: {b} }"),
    (2, "pick up: {a}"),
    (2, "redirect: { call of: {a}, to: {b} }"),
    (3, "barge: {a}"),
    (3, "cBarge: {a}"),
    (1, "re-key: { on: {a}, ROC: {roc} }"),
    (1, "change SSRC: {a}"),
    (1, "CUCM sends: { request: {request} }"),
];

const ASKERS: [&str; 3] = ["user", "application", "silent application"];
const REQUESTS: [&str; 5] = ["INFO", "NOTIFY", "OPTIONS", "UPDATE", "re-INVITE"];
const ROLL_OVERS: [&str; 2] = ["keep", "reset"];
const KEYS: [&str; 4] = ["1", "0*9", "1234#", "42"];

/// The words of the verbs.
#[cfg(test)]
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    CHOICES.iter().filter_map(|(_, step)| step.split(':').next())
}

/// Any step of these phones, whether it can be taken or not.
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
    let places = [
        ("{a}", a.as_str()),
        ("{b}", b.as_str()),
        ("{time}", time.as_str()),
        ("{asker}", dice.one(&ASKERS)),
        ("{request}", dice.one(&REQUESTS)),
        ("{roc}", dice.one(&ROLL_OVERS)),
        ("{digits}", dice.one(&KEYS)),
    ];
    places.iter().fold(step.to_owned(), |step, (place, value)| step.replace(place, value))
}
