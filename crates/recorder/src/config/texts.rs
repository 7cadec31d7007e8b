//! How suites and durations are written.

/// Suites by their SDP names.
pub(super) mod names {
    use media::srtp::Suite;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(suites: &[Suite], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(suites.iter().map(|suite| suite.name()))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Suite>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let known = |name: &String| {
            Suite::parse(name).ok_or_else(|| {
                let all = Suite::ALL.map(Suite::name).join(", ");
                serde::de::Error::custom(format!("got suite {name:?}, expected one of {all}"))
            })
        };
        names.iter().map(known).collect()
    }
}

/// Durations as texts.
pub(super) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", duration.as_millis()))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("got {text:?}, expected a duration such as \"250ms\", \"3s\", \"5m\""))
        })
    }

    /// A day is the longest that makes sense here.
    pub(in crate::config) fn parse(text: &str) -> Option<Duration> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let milliseconds = match text[digits..].trim() {
            "ms" => number,
            "s" => number.checked_mul(1000)?,
            "m" => number.checked_mul(60_000)?,
            "h" => number.checked_mul(3_600_000)?,
            _ => return None,
        };
        (milliseconds <= 86_400_000).then(|| Duration::from_millis(milliseconds))
    }
}
