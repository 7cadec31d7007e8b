//! Moments as texts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Microseconds of Unix time.
pub(crate) fn unix_us(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
    }
}

/// RFC 3339 in UTC with microseconds.
pub(crate) fn rfc3339(unix_us: i64) -> String {
    format_with("%Y-%m-%dT%H:%M:%S%.6fZ", unix_us)
}

/// The day in UTC, `2019-08-27`.
pub(crate) fn day(unix_us: i64) -> String {
    format_with("%Y-%m-%d", unix_us)
}

/// The start of a recording's name, `20190827-152743-120`.
pub(crate) fn stamp(unix_us: i64) -> String {
    format!("{}-{:03}", format_with("%Y%m%d-%H%M%S", unix_us), unix_us.rem_euclid(1_000_000) / 1000)
}

/// The moment so many microseconds after another.
pub(crate) fn after(started: SystemTime, us: u64) -> i64 {
    unix_us(started + Duration::from_micros(us.min(1 << 50)))
}

fn format_with(pattern: &str, unix_us: i64) -> String {
    match Timestamp::from_microsecond(unix_us) {
        Ok(at) => at.strftime(pattern).to_string(),
        Err(_) => format!("unix-{unix_us}"),
    }
}

/// The Unix time of a Date header such as `Mon, 26 Aug 2019 15:27:43 GMT` (RFC 3261 §20.17), in seconds.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let zone = text.trim().strip_suffix("GMT")?.trim_end();
    let timestamp = jiff::fmt::rfc2822::parse(&format!("{zone} +0000")).ok()?;
    Some(timestamp.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        let us = 1_566_919_663_120_045;
        assert_eq!(rfc3339(us), "2019-08-27T15:27:43.120045Z");
        assert_eq!(day(us), "2019-08-27");
        assert_eq!(stamp(us), "20190827-152743-120");
        assert_eq!(unix_us(UNIX_EPOCH + Duration::from_micros(us as u64)), us);
        assert_eq!(rfc3339(i64::MAX), format!("unix-{}", i64::MAX));
    }
}
