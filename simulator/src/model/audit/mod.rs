//! The full comparison, when the system is at rest.
//!
//! One file for each part: `records` (nothing that was said is gone, nothing is there that nobody
//! wished), `wallets` (what follows from each of a wallet's decisions, and its sums), `providers`,
//! `sagas` (all ended, and what third parties did for them), `books` (money is neither made nor
//! lost).
//!
//! Invariant: a check says what it compared; it never stops at the first fault.

mod advances;
mod books;
mod deals;
mod providers;
mod records;
mod rewards;
mod sagas;
mod wallets;

use super::answers::Answers;
use super::case::Case;
use super::stream::Stream;

/// Compares everything.
pub(super) fn audit(case: &Case<'_>, answers: &Answers, stream: &Stream, faults: &mut Vec<String>) {
    stream.compare(&case.picture.outcomes, faults);
    records::check(case, answers, faults);
    wallets::check(case, answers, faults);
    providers::check(case, answers, faults);
    deals::check(case, answers, faults);
    rewards::check(case, faults);
    advances::check(case, faults);
    sagas::check(case, faults);
    books::check(case, faults);
}
