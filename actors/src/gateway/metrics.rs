//! What the gateways count, for Prometheus. Names end in their unit.
//!
//! One series per party, so a party that is slow or refuses shows at once; waiting calls also by
//! lane, because a lane that starves is hidden in a sum. Gauges are set from the gateway's rules
//! after each turn, counters move where something happens.

use bursar_domain::call::{Lane, Party};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::core::GatewayCore;
use super::transport::Attempt;

/// The counters of all gateways.
#[derive(Clone, Debug)]
pub struct Metrics {
    waiting: IntGaugeVec,
    in_flight: IntGaugeVec,
    breaker: IntGaugeVec,
    wait_seconds: HistogramVec,
    attempts: IntCounterVec,
    over_full: IntCounterVec,
}

impl Metrics {
    /// Counters that `registry` shows.
    pub fn new(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels);
            let gauge = gauge.expect("the name is well-formed");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels);
            let counter = counter.expect("the name is well-formed");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let buckets = vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];
        let options = HistogramOpts::new(
            "bursar_gateway_wait_seconds",
            "Time from a call's arrival to its first attempt",
        );
        let wait_seconds = HistogramVec::new(options.buckets(buckets), &["party"]);
        let wait_seconds = wait_seconds.expect("the buckets ascend");
        registry.register(Box::new(wait_seconds.clone())).expect("each name is registered once");
        Self {
            waiting: gauge("bursar_gateway_waiting", "Calls that wait", &["party", "lane"]),
            in_flight: gauge("bursar_gateway_in_flight", "Calls on their way", &["party"]),
            breaker: gauge(
                "bursar_gateway_breaker",
                "Circuit breaker: 0 closed, 1 open, 2 half open",
                &["party"],
            ),
            wait_seconds,
            attempts: counter(
                "bursar_gateway_attempts_total",
                "Attempts that ended, by what they brought back",
                &["party", "result"],
            ),
            over_full: counter(
                "bursar_gateway_over_full_total",
                "Calls that came while the queue was full, and were accepted",
                &["party"],
            ),
        }
    }

    /// The counters of one party.
    pub fn of(&self, party: Party) -> PartyMetrics {
        let label = [party.as_str()];
        PartyMetrics {
            waiting: Lane::ALL
                .map(|lane| self.waiting.with_label_values(&[party.as_str(), lane.as_str()])),
            in_flight: self.in_flight.with_label_values(&label),
            breaker: self.breaker.with_label_values(&label),
            wait_seconds: self.wait_seconds.with_label_values(&label),
            over_full: self.over_full.with_label_values(&label),
            attempts: self.attempts.clone(),
            party,
        }
    }
}

/// The counters of one gateway.
#[derive(Clone, Debug)]
pub struct PartyMetrics {
    waiting: [IntGauge; 3],
    in_flight: IntGauge,
    breaker: IntGauge,
    over_full: IntCounter,
    attempts: IntCounterVec,
    party: Party,
    /// Time from a call's arrival to its first attempt.
    pub wait_seconds: Histogram,
}

impl PartyMetrics {
    /// Counts an attempt that ended.
    pub fn ended(&self, attempt: &Attempt) {
        self.attempts.with_label_values(&[self.party.as_str(), attempt.as_str()]).inc();
    }

    /// Shows how the gateway stands.
    pub fn show(&self, core: &GatewayCore) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (shown, waiting) in self.waiting.iter().zip(core.waiting()) {
            shown.set(gauge(waiting));
        }
        self.in_flight.set(gauge(core.in_flight()));
        self.breaker.set(core.breaker().number());
        self.over_full.inc_by(core.counts().over_full.saturating_sub(self.over_full.get()));
    }
}
