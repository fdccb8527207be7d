//! From samples to figures: medians with their spread, and latencies.
//!
//! Shared machines are noisy, so a figure is the median of several slices, and its spread is shown
//! beside it. A ratio is taken within each round, of two slices seconds apart, before the median:
//! a neighbour that slows the machine for a minute then slows both sides of it. Latencies are
//! recorded in microseconds to three digits.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The median of some samples, with the least and the greatest of them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Series {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
}

impl Series {
    /// The series of these samples, of which there is at least one.
    pub(crate) fn of(samples: &[f64]) -> Self {
        assert!(!samples.is_empty(), "a figure needs a sample");
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Self { median, least: sorted[0], greatest: sorted[sorted.len() - 1] }
    }

    /// The series of the ratios of samples taken in the same round.
    pub(crate) fn of_ratios(numerators: &[f64], denominators: &[f64]) -> Self {
        assert_eq!(numerators.len(), denominators.len(), "rounds have both sides");
        let ratios: Vec<f64> = numerators
            .iter()
            .zip(denominators)
            .map(|(above, below)| ratio(*above, *below))
            .collect();
        Self::of(&ratios)
    }
}

/// A ratio; nought when there is nothing to divide by.
pub(crate) fn ratio(above: f64, below: f64) -> f64 {
    if below > 0.0 { above / below } else { 0.0 }
}

/// A number of things per second.
pub(crate) fn rate(count: u64, elapsed: Duration) -> f64 {
    ratio(count as f64, elapsed.as_secs_f64())
}

/// Latencies in microseconds.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Longest latency that is told apart, in microseconds.
    const LONGEST_US: u64 = 60_000_000;

    /// No latency yet.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, Self::LONGEST_US, 3);
        Self(histogram.expect("the bounds are constants the histogram takes"))
    }

    /// Records one, in microseconds.
    pub(crate) fn record(&mut self, microseconds: u64) {
        self.0.saturating_record(microseconds.max(1));
    }

    /// Records all of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many were recorded.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share of all stay under, in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// The longest, in milliseconds.
    pub(crate) fn longest_ms(&self) -> f64 {
        self.0.max() as f64 / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_or_between_the_middle_two() {
        let odd = Series::of(&[3.0, 1.0, 2.0]);
        assert_eq!(odd, Series { median: 2.0, least: 1.0, greatest: 3.0 });
        let even = Series::of(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!(even, Series { median: 2.5, least: 1.0, greatest: 4.0 });
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratios = Series::of_ratios(&[1.0, 10.0, 2.0], &[2.0, 20.0, 4.0]);
        assert_eq!(ratios, Series { median: 0.5, least: 0.5, greatest: 0.5 });
    }

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut latencies = Latencies::new();
        for _ in 0..99 {
            latencies.record(1_000);
        }
        latencies.record(50_000);
        assert!((latencies.quantile_ms(0.5) - 1.0).abs() < 0.01);
        assert!((latencies.longest_ms() - 50.0).abs() < 0.1);
    }
}
