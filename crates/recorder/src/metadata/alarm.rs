//! What is alarming about a recording.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Side;
use crate::config::Config;

/// Something alarming about a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// When it was noticed.
    pub at: String,
    /// What is wrong; `word` in the file.
    #[serde(rename = "word")]
    pub trouble: Trouble,
    /// On which side; none where it is about both.
    pub side: Option<Side>,
    /// In words.
    pub text: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// A leg without a genuine packet for [`Thresholds::no_media_ms`].
    NoMedia,
    /// A recording without its second leg for [`Thresholds::one_leg_ms`].
    OneLeg,
    /// [`Thresholds::auth_failures`] packets of a leg failed authentication.
    AuthenticationFailures,
}

impl Trouble {
    /// A stable lower-case word, as in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoMedia => "no-media",
            Self::OneLeg => "one-leg",
            Self::AuthenticationFailures => "authentication-failures",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// From when on something is alarming: what the recorder went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Milliseconds of a leg without a genuine packet.
    pub no_media_ms: u64,
    /// Milliseconds of a recording without its second leg.
    pub one_leg_ms: u64,
    /// Packets of a leg that fail authentication.
    pub auth_failures: u64,
}

impl Thresholds {
    /// Those of a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            no_media_ms: ms(config.no_media_after),
            one_leg_ms: ms(config.one_leg_after),
            auth_failures: config.auth_failures,
        }
    }
}

/// Those of a recorder that was told none.
impl Default for Thresholds {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_words() {
        for trouble in [Trouble::NoMedia, Trouble::OneLeg, Trouble::AuthenticationFailures] {
            assert_eq!(serde_json::to_value(trouble).unwrap(), trouble.word());
        }
        let alarm = Alarm { at: "now".into(), trouble: Trouble::OneLeg, side: Some(Side::Far), text: "why".into() };
        let text = serde_json::to_string(&alarm).unwrap();
        assert_eq!(text, r#"{"at":"now","word":"one-leg","side":"far","text":"why"}"#);
        assert_eq!(serde_json::from_str::<Alarm>(&text).unwrap(), alarm);
        assert!(serde_json::from_str::<Alarm>(&text.replace("one-leg", "half-a-leg")).is_err());
    }

    #[test]
    fn without_a_word_in_the_configuration_the_thresholds_are_those_of_the_manual() {
        let of_manual = Thresholds { no_media_ms: 10_000, one_leg_ms: 10_000, auth_failures: 50 };
        assert_eq!(Thresholds::default(), of_manual);
    }
}
