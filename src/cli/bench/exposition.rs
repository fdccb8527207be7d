//! What the server says about its journal, read from `/metrics` (Prometheus' text format).
//!
//! Counters only ever grow, so a phase is the difference of two readings. Series of one name with
//! different labels (one per shard) are added up. A server that does not report a counter leaves
//! the figures made from it out of the report; it does not fail the run.

use std::io;
use std::net::SocketAddr;

use super::client;
use super::measurement::ratio;

/// The journal's counters at one time, or how much they grew.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Journal {
    /// Records committed.
    pub(crate) records: f64,
    /// Commits: groups of records.
    pub(crate) groups: f64,
    /// Bytes of them.
    pub(crate) bytes: f64,
    sync_seconds: f64,
    syncs: f64,
}

impl Journal {
    /// Reads the counters; `None` if the server does not report them.
    pub(crate) fn read(address: SocketAddr) -> io::Result<Option<Self>> {
        let answer = client::call(address, "GET", "/metrics")?;
        if answer.status != 200 {
            return Ok(None);
        }
        Ok(Self::parse(&answer.body))
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self {
            records: total(text, "bursar_journal_records_total")?,
            groups: total(text, "bursar_journal_groups_total")?,
            bytes: total(text, "bursar_journal_bytes_total")?,
            sync_seconds: total(text, "bursar_journal_sync_seconds_sum").unwrap_or_default(),
            syncs: total(text, "bursar_journal_sync_seconds_count").unwrap_or_default(),
        })
    }

    /// What was added since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            records: self.records - earlier.records,
            groups: self.groups - earlier.groups,
            bytes: self.bytes - earlier.bytes,
            sync_seconds: self.sync_seconds - earlier.sync_seconds,
            syncs: self.syncs - earlier.syncs,
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            groups: self.groups + other.groups,
            bytes: self.bytes + other.bytes,
            sync_seconds: self.sync_seconds + other.sync_seconds,
            syncs: self.syncs + other.syncs,
        }
    }

    /// Records that shared one sync.
    pub(crate) fn records_per_group(self) -> f64 {
        ratio(self.records, self.groups)
    }

    /// Bytes of the journal for one record.
    pub(crate) fn bytes_per_record(self) -> f64 {
        ratio(self.bytes, self.records)
    }

    /// The mean time of a sync, if the server reports it.
    pub(crate) fn sync_ms(self) -> Option<f64> {
        (self.syncs > 0.0).then(|| 1_000.0 * self.sync_seconds / self.syncs)
    }
}

/// The sum of all series of a name; `None` if there is none.
fn total(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split_ascii_whitespace().next()?.parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE bursar_journal_records_total counter
bursar_journal_records_total{shard=\"0\"} 30
bursar_journal_records_total{shard=\"1\"} 10
bursar_journal_records_total_of_something_else 99
bursar_journal_groups_total 4
bursar_journal_bytes_total 8000
bursar_journal_sync_seconds_sum 0.002
bursar_journal_sync_seconds_count 4
";

    #[test]
    fn series_of_one_name_add_up() {
        let journal = Journal::parse(TEXT).expect("all counters are there");
        assert!((journal.records_per_group() - 10.0).abs() < 1e-9);
        assert!((journal.bytes_per_record() - 200.0).abs() < 1e-9);
        assert!((journal.sync_ms().expect("there were syncs") - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_missing_counter_is_no_journal() {
        assert_eq!(Journal::parse("bursar_journal_records_total 1\n"), None);
    }
}
