//! How late the harness was, from the ledger: what each packet's sender noted when it sent it.

use media::ledger::{Ledger, Nature, Stream};

use crate::outcome::Lateness;

/// Half of the 20 ms between two packets: closer ones were sent to catch up.
const HALF_PACKET_US: u64 = 10_000;
const MILLISECOND_US: u32 = 1000;

/// The lateness of all packets that were sent.
pub(super) fn of(ledger: &Ledger) -> Lateness {
    let rows = ledger.streams.iter().flat_map(|stream| &stream.rows);
    let mut late: Vec<u32> = rows.map(|row| row.late_us).collect();
    late.sort_unstable();
    Lateness {
        packets: late.len() as u64,
        p50_us: quantile(&late, 50),
        p95_us: quantile(&late, 95),
        p99_us: quantile(&late, 99),
        max_us: late.last().copied().unwrap_or_default(),
        over_1ms: (late.len() - late.partition_point(|us| *us <= MILLISECOND_US)) as u64,
        doubled: ledger.streams.iter().map(doubled).sum(),
    }
}

/// The smallest value that `percent` of the sorted values do not exceed.
fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn doubled(stream: &Stream) -> u64 {
    let genuine: Vec<u64> =
        stream.rows.iter().filter(|row| row.nature == Nature::Genuine).map(|row| row.sent_us).collect();
    genuine.windows(2).filter(|pair| pair[1].saturating_sub(pair[0]) < HALF_PACKET_US).count() as u64
}

#[cfg(test)]
mod tests {
    use media::codec::Codec;
    use media::ledger::{Row, StreamKind};

    use super::*;

    fn stream() -> Stream {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        Stream {
            phone: "SEP000000000001".to_owned(),
            kind: StreamKind::Voice,
            dialog: "1@phone".to_owned(),
            main_dialog: "1@phone".to_owned(),
            ssrc: 1,
            codec: Codec::Pcmu,
            suite: None,
            key_fingerprint: None,
            source: nowhere,
            destination: nowhere,
            clock: 8000,
            samples_per_packet: 160,
            started_us: 0,
            ended_us: 0,
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    }

    fn ledger(sent: &[(u64, u32)]) -> Ledger {
        let rows = sent.iter().map(|(sent_us, late_us)| Row { sent_us: *sent_us, late_us: *late_us, ..Row::base() });
        Ledger { streams: vec![Stream { rows: rows.collect(), ..stream() }] }
    }

    #[test]
    fn quantiles_are_of_packets_and_the_worst_is_kept() {
        let sent: Vec<(u64, u32)> = (1..=100).map(|n| (n * 20_000, n as u32 * 20)).collect();
        let late = of(&ledger(&sent));
        assert_eq!((late.packets, late.p50_us, late.p95_us, late.p99_us, late.max_us), (100, 1000, 1900, 1980, 2000));
        assert_eq!((late.over_1ms, late.doubled), (50, 0));
    }

    #[test]
    fn a_tick_that_was_caught_up_counts_as_doubled() {
        let late = of(&ledger(&[(0, 0), (40_000, 20_000), (40_010, 10), (60_000, 0)]));
        assert_eq!((late.doubled, late.over_1ms), (1, 1));
    }

    #[test]
    fn nothing_sent_is_not_late() {
        assert_eq!(of(&Ledger::default()), Lateness::default());
    }
}
