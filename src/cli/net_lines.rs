//! How good the way to the server is: a table and rows for people, a line for programs.

use serde::Serialize;

use super::json::versioned;
use super::line::Line;
use crate::client::{LinkQuality, Micros, Stats};

/// What stands above the rows.
#[must_use]
pub fn row_head() -> String {
    let (rtt, var, loss, again, copies) = ("rtt ms", "+/- ms", "loss %", "sent again", "copies B");
    format!("{rtt:>10}{var:>10}{loss:>10}{:>10}{:>10}{again:>12}{copies:>12}{:>8}{:>8}", "sent", "lost", "paths", "unsent")
}

#[derive(Serialize)]
struct NetLine {
    online: bool,
    connect_us: u64,
    connections: u64,
    path_changes: u64,
    unsent: u64,
    #[serde(flatten)]
    measured: Option<Measured>,
}

/// What is known of a connection only.
#[derive(Serialize)]
struct Measured {
    rtt_us: u64,
    rtt_var_us: u64,
    rtt_min_us: u64,
    loss_per_mille: u16,
    packets_sent: u64,
    packets_received: u64,
    packets_lost: u64,
    bytes_sent: u64,
    bytes_received: u64,
    bytes_resent: u64,
    probes: u64,
    copies: u64,
    redundant_bytes: u64,
    datagram_bytes: u16,
    window_bytes: u64,
}

impl Measured {
    fn of(stats: &Stats) -> Self {
        Self {
            rtt_us: stats.rtt.as_micros(),
            rtt_var_us: stats.rtt_var.as_micros(),
            rtt_min_us: stats.rtt_min.as_micros(),
            loss_per_mille: stats.loss_per_mille,
            packets_sent: stats.counts.packets_sent,
            packets_received: stats.counts.packets_received,
            packets_lost: stats.counts.packets_lost,
            bytes_sent: stats.counts.bytes_sent,
            bytes_received: stats.counts.bytes_received,
            bytes_resent: stats.counts.bytes_resent,
            probes: stats.counts.probes_sent,
            copies: stats.counts.copies_sent,
            redundant_bytes: stats.counts.redundant_bytes_sent,
            datagram_bytes: stats.datagram_len,
            window_bytes: stats.congestion_window_len,
        }
    }
}

/// For programs.
pub(super) fn json(quality: &LinkQuality) -> String {
    let line = NetLine {
        online: quality.stats.is_some(),
        connect_us: quality.connect_delay.as_micros(),
        connections: quality.connection_count,
        path_changes: quality.path_change_count,
        unsent: quality.unsent_count,
        measured: quality.stats.as_ref().map(Measured::of),
    };
    versioned("net", line)
}

/// For people.
pub(super) fn human(line: &Line<'_>) -> String {
    match line {
        Line::Net(quality) => table(quality),
        Line::NetRow(quality) => row(quality),
        _ => unreachable!("the caller has looked"),
    }
}

/// A table.
fn table(quality: &LinkQuality) -> String {
    let mut rows = vec![(
        "connected",
        match (&quality.stats, quality.connection_count) {
            (Some(_), _) => format!("in {} ms", millis(quality.connect_delay)),
            (None, _) => "no; trying again".to_owned(),
        },
    )];
    if let Some(stats) = &quality.stats {
        let counts = &stats.counts;
        let (rtt, var, min) = (millis(stats.rtt), millis(stats.rtt_var), millis(stats.rtt_min));
        rows.push(("round trip", format!("{rtt} ms, +/- {var} ms, at best {min} ms")));
        let loss = per_cent(stats.loss_per_mille);
        rows.push(("loss", format!("{loss} % lately; {} of {} packets", counts.packets_lost, counts.packets_sent)));
        rows.push(("sent again", format!("{} bytes; {} probes", counts.bytes_resent, counts.probes_sent)));
        rows.push((
            "copies",
            format!("{} lines, {} bytes; {} of each now", counts.copies_sent, counts.redundant_bytes_sent, stats.copies),
        ));
        rows.push(("sent", format!("{} packets, {} bytes", counts.packets_sent, counts.bytes_sent)));
        rows.push(("received", format!("{} packets, {} bytes", counts.packets_received, counts.bytes_received)));
        rows.push(("datagrams", format!("up to {} bytes", stats.datagram_len)));
        rows.push(("window", format!("{} bytes", stats.congestion_window_len)));
    }
    rows.push(("connections", quality.connection_count.to_string()));
    rows.push(("path changes", quality.path_change_count.to_string()));
    rows.push(("unsent", format!("{} messages", quality.unsent_count)));
    let lines: Vec<String> = rows.into_iter().map(|(what, value)| format!("{what:<14}{value}")).collect();
    lines.join("\n")
}

/// One row under [`row_head`].
fn row(quality: &LinkQuality) -> String {
    let LinkQuality { path_change_count: paths, unsent_count: unsent, .. } = quality;
    let Some(stats) = &quality.stats else {
        return format!("{:>10}{paths:>72}{unsent:>8}", "offline");
    };
    let counts = &stats.counts;
    let (rtt, var, rate) = (millis(stats.rtt), millis(stats.rtt_var), per_cent(stats.loss_per_mille));
    let (sent, lost) = (counts.packets_sent, counts.packets_lost);
    let (again, copies) = (counts.bytes_resent, counts.redundant_bytes_sent);
    format!("{rtt:>10}{var:>10}{rate:>10}{sent:>10}{lost:>10}{again:>12}{copies:>12}{paths:>8}{unsent:>8}")
}

/// Milliseconds with one digit behind the point.
fn millis(span: Micros) -> String {
    let tenths = span.as_micros() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn per_cent(per_mille: u16) -> String {
    format!("{}.{}", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality() -> LinkQuality {
        let mut stats = Stats { rtt: Micros::new(50_349), rtt_var: Micros::new(1_200), loss_per_mille: 12, ..Stats::default() };
        (stats.counts.packets_sent, stats.counts.packets_lost) = (240, 3);
        LinkQuality {
            stats: Some(stats),
            connect_delay: Micros::new(101_000),
            connection_count: 2,
            path_change_count: 1,
            unsent_count: 4,
        }
    }

    #[test]
    fn people_read_milliseconds_and_per_cent() {
        let table = table(&quality());
        for part in ["in 101.0 ms", "50.3 ms, +/- 1.2 ms", "1.2 % lately; 3 of 240 packets", "unsent        4 messages"] {
            assert!(table.contains(part), "no {part} in\n{table}");
        }
        let offline = LinkQuality { stats: None, ..quality() };
        for quality in [quality(), offline] {
            assert_eq!(row(&quality).len(), row_head().len(), "{}", row(&quality));
        }
    }

    #[test]
    fn programs_read_what_is_known() {
        let line = json(&quality());
        for part in [r#""type":"net","online":true,"connect_us":101000"#, r#""rtt_us":50349"#, r#""unsent":4"#] {
            assert!(line.contains(part), "no {part} in {line}");
        }
        let offline = json(&LinkQuality { stats: None, ..quality() });
        assert!(offline.contains(r#""online":false"#) && !offline.contains("rtt"), "{offline}");
    }
}
