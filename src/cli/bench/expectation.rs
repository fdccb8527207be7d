//! What is expected of a server on two cores with the generator on the same two.
//!
//! One place for all the numbers, so that a report, the documentation and a change of mind name
//! the same ones. Ratios hold on any machine with a disk that syncs some thousand times a second;
//! the absolute ones were set for two cores.

use std::time::Duration;

/// Single durable payments, as a share of the ceiling's throughput.
pub(crate) const PAYMENTS_TO_CEILING: f64 = 0.55;
/// 99 of 100 payments at half the saturation's rate are answered within this, in milliseconds.
pub(crate) const HALF_LOAD_P99_MS: f64 = 10.0;
/// One hot wallet, as a share of payments spread over many.
pub(crate) const HOT_TO_SPREAD: f64 = 0.9;
/// Tickets of one hot deal, as a share of the ceiling's throughput.
pub(crate) const TICKETS_TO_CEILING: f64 = 0.5;
/// 99 of 100 tickets are answered within this while sagas run, in milliseconds.
pub(crate) const TICKET_P99_MS: f64 = 20.0;
/// The processor takes so many calls in any one second.
pub(crate) const PROCESSOR_PER_SECOND: f64 = 200.0;
/// The same as a setting.
pub(crate) const PROCESSOR_RATE: u32 = 200;
/// Reads of a wallet, as a share of the ceiling's throughput.
pub(crate) const READS_TO_CEILING: f64 = 0.8;
/// Durable payments per second by batches.
pub(crate) const BATCH_PER_SECOND: f64 = 150_000.0;
/// The sizes that figure is for: lines a call, and wallets they are spread over.
pub(crate) const BATCH_SIZES: (u64, u64) = (10_000, 100_000);
/// Wallets (and payments) of the two scenarios that are about a million of them.
pub(crate) const MILLION: u64 = 1_000_000;
/// A million wallets are opened by batch within this.
pub(crate) const OPENED_WITHIN: Duration = Duration::from_mins(1);
/// Resident memory for one wallet, in bytes.
pub(crate) const BYTES_PER_WALLET: f64 = 1.5 * 1024.0;
/// Resident memory with a ceiling of a tenth of the wallets, as a share of that without: the tenth,
/// and what does not depend on the number of residents.
pub(crate) const CAPPED_TO_RESIDENT: f64 = 0.35;
/// Ready again with a million wallets and a million payments behind it.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(2);
/// Of a million advances, the hundred thousand that are due are selected and staged within this.
pub(crate) const STAGED_WITHIN: Duration = Duration::from_secs(30);
/// Entities in memory meanwhile, for each advance that is due.
pub(crate) const RESIDENTS_TO_DUE: f64 = 1.1;
/// What is due goes out at this share of the processor's limit, at least.
pub(crate) const PACED_TO_LIMIT: f64 = 0.9;
/// A report of a million lines is read, and what is new in it applied, within this.
pub(crate) const REPORT_WITHIN: Duration = Duration::from_secs(30);
/// How much more memory ten times the lines may take, in bytes: what an allocator keeps back.
pub(crate) const REPORT_GROWTH_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// Durable activities per second, new or known.
pub(crate) const ACTIVITIES_PER_SECOND: f64 = 100_000.0;
/// Bank lines taken in durably per second, in batches.
pub(crate) const LINES_PER_SECOND: f64 = 100_000.0;
/// The sizes that figure is for: lines a call, and lines in all.
pub(crate) const LINES_SIZES: (u64, u64) = (500, MILLION);
/// The same batches again, of which every line is known, as a share of the rate of the first time.
pub(crate) const AGAIN_TO_FIRST: f64 = 2.0;
/// Bank lines a second on average, and at the height of a spike.
pub(crate) const SPIKE_PER_SECOND: (u64, u64) = (1_000, 5_000);
/// The rate rises to that within this.
pub(crate) const SPIKE_WITHIN: Duration = Duration::from_mins(1);
/// 99 of 100 calls are answered within this meanwhile, in milliseconds.
pub(crate) const SPIKE_P99_MS: f64 = 50.0;
/// Every line is evaluated within this after its answer.
pub(crate) const EVALUATED_WITHIN: Duration = Duration::from_secs(2);
/// Rows of an export to Parquet per second.
pub(crate) const EXPORT_PER_SECOND: f64 = 500_000.0;
/// Rows from which on that figure is meant; it was set for ten million.
pub(crate) const EXPORTED_ROWS: u64 = MILLION;
/// How much more memory ten times the rows may take, in bytes: what an allocator keeps back.
pub(crate) const EXPORT_GROWTH_BYTES: f64 = 32.0 * 1024.0 * 1024.0;
