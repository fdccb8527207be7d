//! Advances: what was given comes back once and no more.
//!
//! What is collected, still outstanding and written off make the amount. Of each part of the amount
//! one debit counts, and of each debit one attempt; what came twice is given back. What the
//! processor booked is at least what the advance knows of; what it has more is of debits that are
//! still silent or under way.
//!
//! Invariant: the processor's ledger decides what the customer has paid.

use std::collections::BTreeMap;

use super::super::case::Case;
use crate::facts::picture::{Advance, EntryKind, EntryState, SagaState};
use crate::facts::{Who, Wish, names};

pub(super) fn check(case: &Case<'_>, faults: &mut Vec<String>) {
    for advance in &case.picture.advances {
        sums(advance, faults);
        credit(case, advance, faults);
        debits(case, advance, faults);
        told(case, advance, faults);
    }
    for planned in case.operations() {
        if let Wish::Lend(wish) = &planned.wish
            && let Some(advance) =
                case.picture.advances.iter().find(|one| one.number == wish.advance)
            && case.is_only_wish(planned)
            && advance.amount != wish.money.amount
        {
            faults.push(format!("{}: given is {advance:?}", planned.describe()));
        }
    }
}

fn sums(advance: &Advance, faults: &mut Vec<String>) {
    let whole = match advance.status {
        "pending" | "failed" => 0,
        _ => advance.amount,
    };
    let sum = advance.collected + advance.outstanding + advance.written_off;
    let is_over = advance.outstanding == 0;
    let fair = match advance.status {
        "completed" => is_over && advance.written_off == 0,
        "defaulted" => is_over,
        "active" => !is_over,
        _ => sum == 0,
    };
    if sum != whole || !fair || advance.collected < 0 || advance.overpaid < 0 {
        faults.push(format!("the sums are wrong of {advance:?}"));
    }
}

/// It is active when the money is with the customer, and failed when it is not.
fn credit(case: &Case<'_>, advance: &Advance, faults: &mut Vec<String>) {
    let id = names::advance(advance.number);
    let fair = match case.ended(&id) {
        Some(SagaState::Done) => !matches!(advance.status, "pending" | "failed"),
        Some(SagaState::Failed | SagaState::Cancelled) => advance.status == "failed",
        Some(SagaState::Running | SagaState::Undoing) | None => true,
    };
    if !fair || case.saga(&id).is_none() {
        faults.push(format!("its credit ended as {:?}: {advance:?}", case.ended(&id)));
    }
}

/// Of each part one debit counts; the processor's ledger has what is known here.
fn debits(case: &Case<'_>, advance: &Advance, faults: &mut Vec<String>) {
    let id = names::advance(advance.number);
    let mut part_of: BTreeMap<u32, u32> = BTreeMap::new();
    let mut counted: BTreeMap<u32, (u32, i64)> = BTreeMap::new();
    for debit in &advance.debits {
        let part = debit.replaces.and_then(|before| part_of.get(&before)).copied();
        let part = part.unwrap_or(debit.number);
        part_of.insert(debit.number, part);
        let entry = counted.entry(part).or_default();
        entry.1 = debit.amount;
        entry.0 += u32::from(debit.status == "succeeded");
    }
    if let Some((part, (times, _))) = counted.iter().find(|(_, (times, _))| *times > 1) {
        faults.push(format!("part {part} was collected {times} times: {advance:?}"));
    }
    let collected: i64 =
        counted.values().filter(|(times, _)| *times > 0).map(|(_, amount)| *amount).sum();
    if collected != advance.collected {
        faults.push(format!("its debits have collected {collected}: {advance:?}"));
    }
    ledger(case, &id, advance, faults);
}

/// What the processor booked for each debit is what is known of it here.
fn ledger(case: &Case<'_>, id: &str, advance: &Advance, faults: &mut Vec<String>) {
    let mut booked: BTreeMap<u32, (i128, i128, usize)> = BTreeMap::new();
    for entry in case.debits(id).iter().filter(|entry| entry.state == EntryState::Booked) {
        let number = entry.key.split('/').nth(1).and_then(|part| names::number('d', part));
        let sums = booked.entry(number.unwrap_or(0)).or_default();
        match entry.kind {
            EntryKind::Pull => (sums.0, sums.2) = (sums.0 + i128::from(entry.amount), sums.2 + 1),
            EntryKind::Refund => sums.1 += i128::from(entry.amount),
            EntryKind::Push => faults.push(format!("a debit gave money: {entry:?}")),
        }
    }
    for debit in &advance.debits {
        let (pulled, returned, pulls) = booked.remove(&debit.number).unwrap_or_default();
        let amount = i128::from(debit.amount);
        let fair = pulls <= 1
            && match debit.status {
                "succeeded" => pulled == amount && returned == 0,
                "refunded" => pulled == amount && returned == amount,
                "refunding" => pulled == amount,
                "scheduled" | "cancelled" => pulled == 0 && returned == 0,
                // What is not known yet, or came after it was given up.
                _ => returned == 0,
            };
        if !fair {
            faults.push(format!(
                "{id}: {pulls} times {pulled} pulled and {returned} given back for {debit:?}"
            ));
        }
    }
    for (number, sums) in booked {
        faults.push(format!("{id}: the processor has {sums:?} for debit {number}"));
    }
}

/// What listeners were told is how it stands.
fn told(case: &Case<'_>, advance: &Advance, faults: &mut Vec<String>) {
    let who = Some(Who::Advance(advance.number));
    let outcomes = case.picture.outcomes.iter();
    let of_it = outcomes.filter(|outcome| super::super::case::about(outcome) == who);
    let (mut succeeded, mut refunded) = (0_i128, 0_i128);
    let mut last = "pending";
    for outcome in of_it {
        match outcome.kind {
            "advance.debit.succeeded" => succeeded += i128::from(outcome.amount),
            "advance.debit.refunded" => refunded += i128::from(outcome.amount),
            "advance.active" => last = "active",
            "advance.failed" => last = "failed",
            "advance.completed" => last = "completed",
            "advance.defaulted" => last = "defaulted",
            _ => {}
        }
    }
    let kept = i128::from(advance.collected) + advance.overpaid;
    if last != advance.status || succeeded - refunded != kept {
        faults.push(format!("told {last}, {succeeded} less {refunded}: {advance:?}"));
    }
}
