//! Deals: the waiting list, and what follows from each ticket.
//!
//! A ticket's wish is the one that was sent; what listeners were told of it is what its end says: a
//! place that was given from the line, then confirmed, failed or cancelled as its saga ended; or
//! refused, or withdrawn. Documents exist exactly of what came about.
//!
//! Invariant: who has a place at rest has a saga that is under way.

use std::collections::BTreeMap;

use super::super::answers::Answers;
use super::super::case::Case;
use super::super::line;
use crate::facts::picture::{Deal, DealStep, SagaState, Ticket};
use crate::facts::{Number, Who, Wish, names};

pub(super) fn check(case: &Case<'_>, answers: &Answers, faults: &mut Vec<String>) {
    for deal in &case.picture.deals {
        faults.extend(line::check(deal));
        for (seq, (ticket, path)) in paths(deal) {
            let name = format!("inv_{seq}_{}", names::deal(deal.number));
            told(case, (deal.number, seq), &name, &path, faults);
            wished(case, answers, deal.number, seq, ticket, faults);
            papers(case, &name, faults);
        }
    }
    letters(case, faults);
}

/// What happened to a ticket, in words.
#[derive(Default)]
struct Path {
    /// What listeners must have been told so far.
    told: Vec<&'static str>,
    /// Whether it got a place, so that a saga ends it.
    placed: bool,
}

fn paths(deal: &Deal) -> BTreeMap<u64, (&Ticket, Path)> {
    let mut paths: BTreeMap<u64, (&Ticket, Path)> = BTreeMap::new();
    for (seq, _, step) in &deal.steps {
        match step {
            DealStep::Reserved(ticket) => {
                let path = Path { told: Vec::new(), placed: true };
                paths.insert(*seq, (ticket, path));
            }
            DealStep::Waiting(ticket, _) => drop(paths.insert(*seq, (ticket, Path::default()))),
            DealStep::NoPlace(ticket, _) => {
                let path = Path { told: vec!["investment.refused"], placed: false };
                paths.insert(*seq, (ticket, path));
            }
            DealStep::Promoted(of) => adds(&mut paths, *of, "investment.reserved", true),
            DealStep::LineRefused(of) => adds(&mut paths, *of, "investment.refused", false),
            DealStep::Withdrawn(of) => adds(&mut paths, *of, "investment.cancelled", false),
            DealStep::Confirmed(_) | DealStep::Freed(_) | DealStep::Closed | DealStep::Other => {}
        }
    }
    paths
}

fn adds(paths: &mut BTreeMap<u64, (&Ticket, Path)>, of: u64, told: &'static str, placed: bool) {
    if let Some((_, path)) = paths.get_mut(&of) {
        path.told.push(told);
        path.placed = placed;
    }
}

/// What listeners were told of an investment.
fn told(
    case: &Case<'_>,
    (deal, seq): (Number, u64),
    name: &str,
    path: &Path,
    faults: &mut Vec<String>,
) {
    let mut expected = path.told.clone();
    if path.placed {
        match case.ended(name) {
            Some(SagaState::Done) => expected.push("investment.confirmed"),
            Some(SagaState::Failed) => expected.push("investment.failed"),
            Some(SagaState::Cancelled) => expected.push("investment.cancelled"),
            Some(SagaState::Running | SagaState::Undoing) | None => {
                if case.saga(name).is_none() {
                    faults.push(format!("{name} has a place and nobody brings it about"));
                }
            }
        }
    } else if case.saga(name).is_some() {
        faults.push(format!("{name} has no place, and yet it was begun"));
    }
    let told = case.told(Who::Deal(deal), seq);
    let kinds: Vec<_> = told.iter().map(|outcome| outcome.kind).collect();
    // While it is under way, its end may have been told or not.
    let is_open = path.placed && case.ended(name).is_none();
    let fits = kinds == expected || (is_open && kinds.starts_with(&expected));
    if !fits {
        faults.push(format!("{name}: told {kinds:?}, expected {expected:?}"));
    }
}

/// The ticket is what someone wished.
fn wished(
    case: &Case<'_>,
    answers: &Answers,
    deal: Number,
    seq: u64,
    ticket: &Ticket,
    faults: &mut Vec<String>,
) {
    let who = Who::Deal(deal);
    let key = case.record(who, seq).and_then(|record| record.key);
    let heard = key.and_then(|key| answers.number(who, key));
    let wished = match heard.and_then(|number| case.planned(number)) {
        Some(planned) => vec![planned],
        None => case.wished(who, seq),
    };
    let is_it = |wish: &Wish| match wish {
        Wish::Invest(invest) => {
            invest.wallet == ticket.wallet
                && invest.money.amount == ticket.amount
                && invest.from_bank == ticket.from_bank
        }
        Wish::OpenWallet(_)
        | Wish::Deposit(_)
        | Wish::Pull(_)
        | Wish::Pay(_)
        | Wish::Refund(_)
        | Wish::Freeze(_)
        | Wish::Register(_)
        | Wish::OpenDeal(_)
        | Wish::Withdraw(_)
        | Wish::Cancel(_)
        | Wish::CloseDeal(_)
        | Wish::Settle(_)
        | Wish::Activities(_)
        | Wish::Announce(_)
        | Wish::Pause(_)
        | Wish::Lines(_)
        | Wish::Lend(_)
        | Wish::Ring(_) => false,
    };
    if !wished.iter().any(|planned| is_it(&planned.wish)) {
        faults.push(format!("{who} gave a ticket at {seq} that nobody wished: {ticket:?}"));
    }
}

/// Documents exist of what came about, and of nothing else.
fn papers(case: &Case<'_>, name: &str, faults: &mut Vec<String>) {
    let valid = case.papers(name).iter().filter(|paper| paper.valid).count();
    let expected = match case.ended(name) {
        Some(SagaState::Done) => 1,
        Some(SagaState::Failed | SagaState::Cancelled) => 0,
        Some(SagaState::Running | SagaState::Undoing) | None => return,
    };
    if valid != expected {
        faults.push(format!("{name}: {valid} documents are valid, expected {expected}"));
    }
}

/// Nobody is written to about what did not come about.
fn letters(case: &Case<'_>, faults: &mut Vec<String>) {
    for letter in &case.picture.letters {
        let id = letter.key.split('/').next().unwrap_or_default();
        let came = case.ended(id) == Some(SagaState::Done);
        if letter.taken > 0 && !came && !case.is_under_way(id) {
            faults.push(format!("a mail about {id}, which did not come about: {letter:?}"));
        }
    }
}
