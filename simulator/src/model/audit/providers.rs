//! What each provider has, by what was told and what it noted.
//!
//! What it received less what it gave back, with what it is owed for activities, is accrued, on its
//! way or paid out. An activity counts once for ever, as someone wished it. A reimbursement is told
//! once, as its saga ended.
//!
//! Invariant: sums are made from the stream and the wishes, never from the provider's own account.

use std::collections::{BTreeMap, BTreeSet};

use super::super::answers::Answers;
use super::super::case::Case;
use crate::facts::picture::{Provider, SagaState};
use crate::facts::{Granted, Number, Said, Who, Wish, names};

pub(super) fn check(case: &Case<'_>, answers: &Answers, faults: &mut Vec<String>) {
    let mut received: BTreeMap<Number, i128> = BTreeMap::new();
    let mut paid: BTreeMap<Number, i128> = BTreeMap::new();
    for outcome in &case.picture.outcomes {
        let Some(provider) = outcome.provider else { continue };
        let amount = i128::from(outcome.amount);
        match outcome.kind {
            "payment.posted" => {
                *received.entry(provider).or_default() += amount;
                if case.is_settled_at_once(outcome) {
                    *paid.entry(provider).or_default() += amount;
                }
            }
            "refund.posted" => *received.entry(provider).or_default() -= amount,
            "reimbursement.paid" => *paid.entry(provider).or_default() += amount,
            _ => {}
        }
    }
    for provider in &case.picture.providers {
        let number = provider.number;
        let noted: i128 = provider.noted.iter().map(|line| i128::from(line.2)).sum();
        let expected = received.remove(&number).unwrap_or(0) + noted;
        let has = provider.accrued + provider.in_reimbursement + provider.reimbursed;
        if has != expected {
            faults.push(format!("p{number}: told {expected} in all, has {has}: {provider:?}"));
        }
        let paid = paid.remove(&number).unwrap_or(0);
        if paid != provider.reimbursed {
            faults.push(format!("p{number}: told that {paid} was paid out: {provider:?}"));
        }
        activities(case, provider, faults);
    }
    for (provider, sum) in received {
        faults.push(format!("p{provider} was told {sum} and does not exist"));
    }
    heard(case, answers, faults);
    reimbursements(case, faults);
}

/// Each activity once, and as someone wished it.
fn activities(case: &Case<'_>, provider: &Provider, faults: &mut Vec<String>) {
    let mut wished = BTreeSet::new();
    for planned in case.operations() {
        if let Wish::Activities(wish) = &planned.wish
            && wish.provider == provider.number
        {
            wished.extend(wish.lines.iter().map(|line| (line.number, line.money.amount)));
        }
    }
    let mut seen = BTreeSet::new();
    for (seq, number, amount) in &provider.noted {
        if !seen.insert(number) {
            faults.push(format!("p{} noted x{number} again at {seq}", provider.number));
        }
        if !wished.contains(&(*number, *amount)) {
            faults.push(format!(
                "p{} noted x{number} of {amount}: nobody wished it",
                provider.number
            ));
        }
    }
}

/// What was said to be new is noted where it was said.
fn heard(case: &Case<'_>, answers: &Answers, faults: &mut Vec<String>) {
    for (number, said) in answers.keyless() {
        let (Some(planned), Said::Accepted(accepted)) = (case.planned(number), said) else {
            continue;
        };
        let (Wish::Activities(wish), Granted::Judged(words)) = (&planned.wish, &accepted.granted)
        else {
            continue;
        };
        let providers = &case.picture.providers;
        let provider = providers.iter().find(|one| one.number == wish.provider);
        let noted = provider.map(|provider| provider.noted.as_slice()).unwrap_or_default();
        let of_it = noted.iter().filter(|line| line.0 == accepted.place.seq);
        let of_it: Vec<_> = of_it.map(|line| (line.1, line.2)).collect();
        let new = wish.lines.iter().zip(words).filter(|(_, word)| **word == "new");
        let new: Vec<_> = new.map(|(line, _)| (line.number, line.money.amount)).collect();
        if of_it != new {
            faults.push(format!("{}: said new {new:?}, noted {of_it:?}", planned.describe()));
        }
    }
}

/// A reimbursement is told as its saga ended, and nothing is in reimbursement without one.
fn reimbursements(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut open = BTreeSet::new();
    for saga in case.picture.sagas.iter().filter(|saga| !saga.undoes) {
        let Some((seq, provider)) = names::made("rmb", &saga.id) else { continue };
        let Some(provider) = names::number('p', provider) else { continue };
        let told = case.told(Who::Provider(provider), seq);
        let kinds: Vec<_> = told.iter().map(|outcome| outcome.kind).collect();
        let expected = match saga.state {
            SagaState::Done => "reimbursement.paid",
            SagaState::Failed | SagaState::Cancelled => "reimbursement.returned",
            SagaState::Running | SagaState::Undoing => {
                open.insert(provider);
                continue;
            }
        };
        if kinds != [expected] {
            faults.push(format!("{}: told {kinds:?}, expected one {expected}", saga.id));
        }
    }
    for provider in &case.picture.providers {
        if provider.in_reimbursement != 0 && !open.contains(&provider.number) {
            faults.push(format!("in reimbursement, and nothing is under way: {provider:?}"));
        }
    }
}
