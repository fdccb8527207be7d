//! Money is neither made nor lost.
//!
//! Per currency: what all accounts hold is what the trial balance says, nothing is between two
//! entities, and the outside world's account is minus what came in and was not given out: by
//! deposits, by rewards, and by what third parties moved.
//!
//! Invariant: every sum is made twice, from the accounts and from what moved.

use std::collections::BTreeMap;

use super::super::case::{Case, is_debit};
use crate::facts::picture::{Advance, EntryKind, EntryState, SagaState};

pub(super) fn check(case: &Case<'_>, faults: &mut Vec<String>) {
    let (accounts, outside) = (accounts(case), outside(case));
    for line in &case.picture.books {
        let sum = line.accounts + line.external + line.in_transit;
        if sum != 0 {
            faults.push(format!("the books do not balance by {sum}: {line:?}"));
        }
        if line.in_transit != 0 && !hangs(case) {
            faults.push(format!("money got lost between two entities: {line:?}"));
        }
        let held = accounts.get(line.currency).copied().unwrap_or(0);
        if held != line.accounts {
            faults.push(format!("all accounts hold {held}: {line:?}"));
        }
        let came = outside.get(line.currency).copied().unwrap_or(0);
        if came != -line.external && !hangs(case) {
            faults.push(format!("{came} came from outside: {line:?}"));
        }
    }
}

/// An advance's account: below zero, what the customer still owes. What came a second time is there
/// until it is given back.
fn owed(advance: &Advance) -> i128 {
    let given = match advance.status {
        "pending" | "failed" => 0,
        _ => i128::from(advance.amount),
    };
    i128::from(advance.collected) + advance.overpaid - given
}

fn hangs(case: &Case<'_>) -> bool {
    let is_open = |state| matches!(state, SagaState::Running | SagaState::Undoing);
    case.picture.sagas.iter().any(|saga| is_open(saga.state))
}

/// What all accounts hold.
fn accounts(case: &Case<'_>) -> BTreeMap<&'static str, i128> {
    let mut sums = BTreeMap::new();
    for wallet in &case.picture.wallets {
        *sums.entry(wallet.currency).or_default() += i128::from(wallet.posted);
    }
    for provider in &case.picture.providers {
        let has = provider.accrued + provider.in_reimbursement;
        *sums.entry(provider.currency).or_default() += has;
    }
    for advance in &case.picture.advances {
        *sums.entry(advance.currency).or_default() += owed(advance);
    }
    for deal in &case.picture.deals {
        *sums.entry(deal.currency).or_default() += i128::from(deal.confirmed.0);
    }
    for saga in &case.picture.sagas {
        if let Some(currency) = case.currency_of(&saga.id).filter(|_| saga.held != 0) {
            *sums.entry(currency).or_default() += i128::from(saga.held);
        }
    }
    sums
}

/// What came from outside and was not given out again.
fn outside(case: &Case<'_>) -> BTreeMap<&'static str, i128> {
    let mut sums = BTreeMap::new();
    for outcome in &case.picture.outcomes {
        let amount = i128::from(outcome.amount);
        let came = match outcome.kind {
            "deposit.posted" if !case.is_pulled(outcome) => amount,
            "reward.granted" => amount,
            "reward.clawed-back" => -amount,
            _ => continue,
        };
        *sums.entry(outcome.currency).or_default() += came;
    }
    for provider in &case.picture.providers {
        let noted: i128 = provider.noted.iter().map(|line| i128::from(line.2)).sum();
        *sums.entry(provider.currency).or_default() += noted;
    }
    for advance in &case.picture.advances {
        let collected = i128::from(advance.collected) + advance.overpaid;
        *sums.entry(advance.currency).or_default() += collected;
    }
    for entry in &case.picture.entries {
        if entry.state != EntryState::Booked || is_debit(&entry.key) {
            continue;
        }
        let amount = i128::from(entry.amount);
        let came = match entry.kind {
            EntryKind::Pull => amount,
            EntryKind::Push | EntryKind::Refund => -amount,
        };
        *sums.entry(entry.currency).or_default() += came;
    }
    sums
}
