//! What each provider has, by what was told.
//!
//! What it received less what it gave back, with what it is owed for activities, is accrued, on its
//! way or paid out.
//!
//! Invariant: sums are made from the stream, never from the provider's own account.

use std::collections::BTreeMap;

use super::super::case::Case;
use crate::facts::Number;

pub(super) fn check(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut sums: BTreeMap<Number, i128> = BTreeMap::new();
    for outcome in &case.picture.outcomes {
        let Some(provider) = outcome.provider else { continue };
        let sum = sums.entry(provider).or_default();
        match outcome.kind {
            "payment.posted" => *sum += i128::from(outcome.amount),
            "refund.posted" => *sum -= i128::from(outcome.amount),
            _ => {}
        }
    }
    for provider in &case.picture.providers {
        let expected = sums.remove(&provider.number).unwrap_or(0);
        let has = provider.accrued + provider.in_reimbursement + provider.reimbursed;
        if has != expected {
            faults.push(format!(
                "p{}: told {expected} in all, has {has}: {provider:?}",
                provider.number
            ));
        }
    }
    for (provider, sum) in sums {
        faults.push(format!("p{provider} was told {sum} and does not exist"));
    }
}
