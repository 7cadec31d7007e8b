//! The machine: processors, limits, buffers, clocks.

use std::fs::read_to_string;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant, SystemTime};

use super::Check;

/// Open files that a run of 32 scenarios at once takes, with some to spare.
const FILES: u64 = 4096;
/// A receive buffer that holds half a second of a hundred streams.
const BUFFER: u64 = 1 << 20;
/// A timer that is this late makes a run inconclusive.
const LATE: Duration = Duration::from_millis(10);
/// One that is this late makes packets leave in pairs.
const LATISH: Duration = Duration::from_millis(2);
/// How often a millisecond is waited for.
const TICKS: usize = 300;

pub(super) fn checks() -> Vec<Check> {
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    let buffer = |name| read_to_string(format!("/proc/sys/net/core/{name}")).ok();
    let source = read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource").ok();
    let (late, steps) = ticks();
    vec![
        processors(available_parallelism().map_or(1, usize::from)),
        open_files(&limits),
        buffers("rmem_max", buffer("rmem_max").as_deref()),
        buffers("wmem_max", buffer("wmem_max").as_deref()),
        clock_source(source.as_deref()),
        timer(late),
        wall_clock(steps),
        time_sync(),
    ]
}

fn processors(count: usize) -> Check {
    match count {
        1 => Check::warn("processors", "1; media may be late beside a busy recorder: run with `--jobs 4`"),
        count => Check::ok("processors", count.to_string()),
    }
}

/// The soft limit of a process's open files, from `/proc/self/limits`.
fn open_files(limits: &str) -> Check {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    match words.as_slice() {
        ["unlimited", ..] => Check::ok("open files", "unlimited"),
        [soft, hard, ..] => match soft.parse::<u64>() {
            Ok(count) if count < 256 => {
                Check::fail("open files", format!("{soft}; set `ulimit -n {FILES}` (hard limit {hard})"))
            }
            Ok(count) if count < FILES => Check::warn(
                "open files",
                format!("{soft}; for many scenarios at once set `ulimit -n {FILES}` (hard limit {hard})"),
            ),
            _ => Check::ok("open files", *soft),
        },
        _ => Check::warn("open files", "the limit is not known: there is no /proc/self/limits; see `ulimit -n`"),
    }
}

fn buffers(name: &'static str, text: Option<&str>) -> Check {
    let Some(bytes) = text.and_then(|text| text.trim().parse::<u64>().ok()) else {
        return Check::warn("UDP buffers", format!("net.core.{name} is not known"));
    };
    if bytes < BUFFER {
        let told = format!(
            "net.core.{name} is {bytes}; packets may be dropped in bursts: `sysctl -w net.core.{name}={BUFFER}`"
        );
        return Check::warn("UDP buffers", told);
    }
    Check::ok("UDP buffers", format!("net.core.{name} is {bytes}"))
}

fn clock_source(text: Option<&str>) -> Check {
    match text.map(str::trim) {
        Some(name @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page" | "xen")) => {
            Check::ok("clock source", name)
        }
        Some(name) => {
            Check::warn("clock source", format!("{name} is slow to read; figures of lateness are coarse with it"))
        }
        None => Check::warn("clock source", "not known"),
    }
}

/// How late a wait of a millisecond ends, for 95 of 100; and by how much the wall clock went another way than the monotonic one.
fn ticks() -> (Duration, Duration) {
    let (began, wall) = (Instant::now(), SystemTime::now());
    let mut late: Vec<Duration> = Vec::with_capacity(TICKS);
    for _ in 0..TICKS {
        let before = Instant::now();
        sleep(Duration::from_millis(1));
        late.push(before.elapsed().saturating_sub(Duration::from_millis(1)));
    }
    let (went, by_wall) = (began.elapsed(), wall.elapsed().unwrap_or_default());
    late.sort_unstable();
    (late[TICKS * 95 / 100], went.abs_diff(by_wall))
}

fn timer(late: Duration) -> Check {
    let ms = late.as_secs_f64() * 1000.0;
    let said = format!("95 of 100 waits end at most {ms:.2} ms late");
    let help = "close what else runs, give the machine more processors, or run with a smaller `--jobs`";
    match late {
        late if late >= LATE => Check::fail("timer", format!("{said}; runs will be inconclusive: {help}")),
        late if late >= LATISH => Check::warn("timer", format!("{said}; {help}")),
        _ => Check::ok("timer", said),
    }
}

fn wall_clock(steps: Duration) -> Check {
    let said = format!("wall and monotonic clock differ by {:.2} ms over {TICKS} waits", steps.as_secs_f64() * 1000.0);
    if steps > Duration::from_millis(5) {
        return Check::warn(
            "clock",
            format!("{said}: it is being set; wait until it is in step, or times in metadata will be off"),
        );
    }
    Check::ok("clock", said)
}

/// Whether the machine's clock follows another: a recorder on another machine writes down times of its own.
fn time_sync() -> Check {
    let signs = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid", "/var/run/ntp.pid"];
    match signs.iter().find(|sign| std::path::Path::new(sign).exists()) {
        Some(sign) => Check::ok("time sync", format!("({sign})")),
        None => {
            let said = "no sign of NTP; that matters only to a recorder on another machine: `timedatectl` or `chronyc tracking`";
            Check::ok("time sync", said)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn limits_that_are_too_small_say_what_to_set() {
        let limits = |soft: &str| {
            format!("Limit   Soft Limit  Hard Limit  Units\nMax open files            {soft}      524288     files\n")
        };
        assert_eq!(open_files(&limits("20000")).health, Health::Ok);
        assert_eq!(open_files(&limits("unlimited")).health, Health::Ok);
        let few = open_files(&limits("1024"));
        assert!(few.health == Health::Warn && few.said.contains("`ulimit -n 4096` (hard limit 524288)"), "{few:?}");
        assert_eq!(open_files(&limits("64")).health, Health::Fail);
        assert_eq!(open_files("").health, Health::Warn);
    }

    #[test]
    fn small_buffers_say_how_to_enlarge_them() {
        let small = buffers("rmem_max", Some("212992\n"));
        assert!(
            small.health == Health::Warn && small.said.contains("`sysctl -w net.core.rmem_max=1048576`"),
            "{small:?}"
        );
        assert_eq!(buffers("rmem_max", Some("4194304\n")).health, Health::Ok);
        assert_eq!(buffers("rmem_max", None).health, Health::Warn);
    }

    #[test]
    fn clocks_and_timers_are_judged_by_the_harness_own_limits() {
        assert_eq!(timer(Duration::from_micros(80)).health, Health::Ok);
        assert_eq!(timer(Duration::from_millis(3)).health, Health::Warn);
        assert_eq!(timer(Duration::from_millis(10)).health, Health::Fail);
        assert_eq!(wall_clock(Duration::from_micros(3)).health, Health::Ok);
        assert_eq!(wall_clock(Duration::from_secs(2)).health, Health::Warn);
        assert_eq!(
            (clock_source(Some("tsc\n")).health, clock_source(Some("hpet\n")).health),
            (Health::Ok, Health::Warn)
        );
        assert_eq!((processors(1).health, processors(2).health), (Health::Warn, Health::Ok));
    }
}
