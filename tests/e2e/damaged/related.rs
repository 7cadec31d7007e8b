//! Lies in `recording.json` about a recording's place among the others: its call, who took part, what was alarming, why it
//! ended. The audio is whole in all of them.

use serde_json::{Value, json};

use super::Damage;
use super::bench::{Copy, Run};
use super::written::{list, put};

/// A lie about the last segment of a call that was on hold, and that both phones recorded.
const fn lie(name: &'static str, rule: &'static str, harm: fn(&Copy)) -> Damage {
    super::audio(name, rule, None, None, &[], harm).of(Run::Linked)
}

pub(super) const DAMAGES: &[Damage] = &[
    lie("a call of its own", "wrong-call", |copy| {
        copy.json(|json| json["call"]["id"] = json["id"].clone());
    }),
    lie("another call", "wrong-call", |copy| put(copy, "/call/id", json!("20260101-000000-000-1-0001"))),
    lie("a call that it joins", "wrong-call", |copy| put(copy, "/call/joins", json!(["20260101-000000-000-1-0001"]))),
    lie("another segment number", "wrong-segment", |copy| put(copy, "/segment/number", json!(3))),
    lie("no segment before", "wrong-segment", |copy| put(copy, "/segment/previous", Value::Null)),
    lie("the segment before at the other phone", "wrong-segment", |copy| {
        copy.json(|json| json["segment"]["previous"] = json["mirror"].clone());
    }),
    lie("no view from the other phone", "wrong-mirror", |copy| put(copy, "/mirror", Value::Null)),
    lie("the segment before as the view from the other phone", "wrong-mirror", |copy| {
        copy.json(|json| json["mirror"] = json["segment"]["previous"].clone());
    }),
    lie("a double of the other phone's recording", "wrong-duplicate", |copy| {
        copy.json(|json| json["duplicate_of"] = json["mirror"].clone());
    }),
    lie("a double of the segment before", "wrong-duplicate", |copy| {
        copy.json(|json| json["duplicate_of"] = json["segment"]["previous"].clone());
    }),
    // Who took part.
    participants("nobody took part", |copy| put(copy, "/participants", json!([]))),
    participants("one takes part alone", |copy| copy.json(|json| drop(list(json, "/participants").pop()))),
    participants("a third one", |copy| {
        copy.json(|json| {
            let mut third = json["participants"][1].clone();
            third["address"] = json!("3000");
            list(json, "/participants").push(third);
        });
    }),
    participants("near for far", |copy| copy.json(|json| list(json, "/participants").reverse())),
    participants("another number", |copy| put(copy, "/participants/1/address", json!("1001"))),
    participants("another device", |copy| put(copy, "/participants/0/device", json!("SEP0"))),
    participants("another name", |copy| put(copy, "/participants/0/name", json!("Eve"))),
    participants("a conference", |copy| put(copy, "/participants/1/conference", json!(true))),
    participants("there from before", |copy| put(copy, "/participants/1/from", json!("2026-01-01T00:00:00.000000Z"))),
    participants("away before the end", |copy| {
        copy.json(|json| json["participants"][1]["until"] = json["legs"][1]["first_packet"].clone());
    }),
    participants("there for ever", |copy| put(copy, "/participants/0/until", Value::Null)),
    // What was alarming.
    lie("nothing was alarming", "missing-alarm", |copy| put(copy, "/alarms", json!([]))),
    lie("the other leg was alarming", "missing-alarm", |copy| put(copy, "/alarms/0/side", json!("far")))
        .with(&["untrue-alarm"]),
    lie("said twice", "untrue-alarm", |copy| {
        copy.json(|json| {
            let alarm = json["alarms"][0].clone();
            list(json, "/alarms").push(alarm);
        });
    }),
    lie("a silence that was none", "untrue-alarm", |copy| alarm(copy, "no-media", "near")),
    lie("a leg that was there", "untrue-alarm", |copy| alarm(copy, "one-leg", "far")),
    lie("an alarm of nobody's", "unreadable-metadata", |copy| alarm(copy, "earthquake", "near")),
    lie("an alarm of yesterday", "untrue-alarm", |copy| {
        put(copy, "/alarms/0/at", json!("2025-12-31T00:00:00.000000Z"));
    }),
    // Why it ended.
    lie("ended by the recorder", "wrong-end", |copy| put(copy, "/legs/0/ended_by", json!("recorder"))),
    lie("another reason of the end", "wrong-end", |copy| put(copy, "/legs/0/end_reason", json!("I was bored"))),
    lie("another cause of the end", "wrong-end", |copy| put(copy, "/legs/1/end_reason", json!("Q.850;cause=47"))),
];

const fn participants(name: &'static str, harm: fn(&Copy)) -> Damage {
    lie(name, "wrong-participants", harm)
}

fn alarm(copy: &Copy, word: &str, side: &str) {
    copy.json(|json| {
        let at = json["legs"][1]["acknowledged"].clone();
        let alarm = json!({ "at": at, "word": word, "side": side, "text": "as I feel it" });
        list(json, "/alarms").push(alarm);
    });
}
