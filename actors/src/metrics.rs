//! What the engine counts, for Prometheus. Names end in their unit.
//!
//! Counted where it happens: records, groups and sync times by the committer, saves and residents
//! by the shards. Gauges are sums over shards, so each shard adds only the difference to what it
//! said before.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// The engine's counters.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Records made durable.
    pub records: IntCounter,
    /// Groups written.
    pub groups: IntCounter,
    /// Bytes of records made durable.
    pub bytes: IntCounter,
    /// Time of one append: write, flush and sync.
    pub sync_seconds: Histogram,
    /// Entities saved by checkpoints.
    pub saved: IntCounter,
    /// Checkpoints of shards that ended.
    pub checkpoints: IntCounter,
    /// Entities in memory.
    pub residents: IntGauge,
    /// Bytes of records in memory that have not gone to history.
    pub tail_bytes: IntGauge,
    /// Outcomes published.
    pub outcomes: IntCounter,
}

impl Metrics {
    /// Counters that `registry` shows.
    pub fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help).expect("the name is well-formed");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("the name is well-formed");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        let buckets =
            vec![0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0];
        let options = HistogramOpts::new(
            "bursar_journal_sync_seconds",
            "Time to write, flush and sync what was waiting",
        );
        let sync_seconds =
            Histogram::with_opts(options.buckets(buckets)).expect("the buckets ascend");
        registry.register(Box::new(sync_seconds.clone())).expect("each name is registered once");
        Self {
            records: counter("bursar_journal_records_total", "Records made durable"),
            groups: counter("bursar_journal_groups_total", "Groups written to the journal"),
            bytes: counter("bursar_journal_bytes_total", "Bytes of records made durable"),
            sync_seconds,
            saved: counter("bursar_checkpoint_entities_total", "Entities saved by checkpoints"),
            checkpoints: counter("bursar_checkpoints_total", "Checkpoints of shards that ended"),
            residents: gauge("bursar_residents", "Entities in memory"),
            tail_bytes: gauge(
                "bursar_tail_bytes",
                "Bytes of records in memory that have not gone to history",
            ),
            outcomes: counter("bursar_outcomes_total", "Outcomes published"),
        }
    }
}
