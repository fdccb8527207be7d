//! A picture with its tables put in order for the auditor, and what the clients heard beside it.
//!
//! Every check reads from here: a member's decisions by position, sagas by id, the third parties'
//! entries by what they were asked for, outcomes by what they are about.
//!
//! Invariant: a table is filled once, in the order of the picture; nothing here judges.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::picture::{
    DealStep, Entry, EntryKind, EntryState, Paper, Picture, Record, Saga, SagaState,
};
use crate::facts::{Number, Outcome, Place, Planned, Who, names};

/// A case.
pub(super) struct Case<'a> {
    /// The system at rest.
    pub(super) picture: &'a Picture,
    planned: &'a [Option<Planned>],
    records: BTreeMap<(Who, u64), &'a Record>,
    places: BTreeMap<Place, &'a Record>,
    keys: BTreeMap<(Who, Number), Vec<u64>>,
    sagas: BTreeMap<&'a str, &'a Saga>,
    compensations: BTreeMap<&'a str, &'a Saga>,
    entries: BTreeMap<&'a str, Vec<&'a Entry>>,
    /// What the processor was asked for the debits of advances.
    debits: BTreeMap<&'a str, Vec<&'a Entry>>,
    papers: BTreeMap<&'a str, Vec<&'a Paper>>,
    /// The tickets of investments that the bank pays.
    from_bank: BTreeSet<(Number, u64)>,
    by_key: Vec<Vec<Number>>,
    outcomes: BTreeMap<(Who, u64), Vec<&'a Outcome>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(picture: &'a Picture, planned: &'a [Option<Planned>]) -> Self {
        let mut case = Self {
            picture,
            planned,
            records: BTreeMap::new(),
            places: BTreeMap::new(),
            keys: BTreeMap::new(),
            sagas: BTreeMap::new(),
            compensations: BTreeMap::new(),
            entries: BTreeMap::new(),
            debits: BTreeMap::new(),
            papers: BTreeMap::new(),
            from_bank: BTreeSet::new(),
            by_key: vec![Vec::new(); planned.len()],
            outcomes: BTreeMap::new(),
        };
        for record in &picture.records {
            case.places.insert(record.place, record);
            if let Some(who) = record.who {
                case.records.insert((who, record.place.seq), record);
                if let Some(key) = record.key {
                    case.keys.entry((who, key)).or_default().push(record.place.seq);
                }
            }
        }
        for saga in &picture.sagas {
            let table = if saga.undoes { &mut case.compensations } else { &mut case.sagas };
            table.insert(&saga.id, saga);
        }
        for entry in &picture.entries {
            let table = if is_debit(&entry.key) { &mut case.debits } else { &mut case.entries };
            table.entry(asked_for(&entry.key)).or_default().push(entry);
        }
        for paper in &picture.papers {
            case.papers.entry(asked_for(&paper.key)).or_default().push(paper);
        }
        for deal in &picture.deals {
            for (seq, _, step) in &deal.steps {
                if let DealStep::Reserved(ticket) | DealStep::Waiting(ticket, _) = step
                    && ticket.from_bank
                {
                    case.from_bank.insert((deal.number, *seq));
                }
            }
        }
        for planned in planned.iter().flatten() {
            if let Some(key) = planned.key {
                case.by_key[key as usize].push(planned.number);
            }
        }
        for outcome in &picture.outcomes {
            if let Some(about) = about(outcome) {
                case.outcomes.entry((about, outcome.seq)).or_default().push(outcome);
            }
        }
        case
    }

    /// An operation of the plan.
    pub(super) fn planned(&self, number: Number) -> Option<&'a Planned> {
        self.planned.get(number as usize)?.as_ref()
    }

    /// All operations of the plan.
    pub(super) fn operations(&self) -> impl Iterator<Item = &'a Planned> {
        self.planned.iter().flatten()
    }

    /// Whether nobody else wished anything of the member of an operation under another content.
    pub(super) fn is_only_wish(&self, planned: &Planned) -> bool {
        let who = planned.wish.who();
        self.operations().filter(|other| other.wish.who() == who).count() == 1
    }

    /// Whether a payment's money went to the provider's bank at once.
    pub(super) fn is_settled_at_once(&self, outcome: &Outcome) -> bool {
        let wallet = outcome.wallet.unwrap_or_default();
        self.saga(&format!("pay_{}_{}", outcome.seq, names::wallet(wallet))).is_some()
    }

    /// A member's decision.
    pub(super) fn record(&self, who: Who, seq: u64) -> Option<&'a Record> {
        self.records.get(&(who, seq)).copied()
    }

    /// The decision at a place.
    pub(super) fn at(&self, place: Place) -> Option<&'a Record> {
        self.places.get(&place).copied()
    }

    /// The members' decisions, each member's in order.
    pub(super) fn records(&self) -> impl Iterator<Item = (Who, u64, &'a Record)> {
        self.records.iter().map(|((who, seq), record)| (*who, *seq, *record))
    }

    /// The operations that can have led to a member's decision: those that were sent to it under
    /// the decision's key.
    pub(super) fn wished(&self, who: Who, seq: u64) -> Vec<&'a Planned> {
        let record = self.record(who, seq);
        let Some(key) = record.and_then(|record| record.key) else { return Vec::new() };
        let numbers = self.by_key.get(key as usize).map(Vec::as_slice).unwrap_or_default();
        let planned = numbers.iter().filter_map(|number| self.planned(*number));
        planned.filter(|planned| planned.wish.who() == Some(who)).collect()
    }

    /// All keys, with the decisions under them in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = (Who, Number, &[u64])> {
        self.keys.iter().map(|((who, key), seqs)| (*who, *key, seqs.as_slice()))
    }

    /// A member's decisions under a key, in order.
    pub(super) fn under_key(&self, who: Who, key: Option<Number>) -> Vec<u64> {
        let Some(key) = key else { return Vec::new() };
        self.keys.get(&(who, key)).cloned().unwrap_or_default()
    }

    /// Whether a deposit was pulled from the bank.
    pub(super) fn is_pulled(&self, outcome: &Outcome) -> bool {
        let wallet = outcome.wallet.unwrap_or_default();
        self.saga(&format!("txn_{}_{}", outcome.seq, names::wallet(wallet))).is_some()
    }

    /// Whether an investment is paid by the bank.
    pub(super) fn is_from_bank(&self, outcome: &Outcome) -> bool {
        let ticket = outcome.ticket.map(|(deal, _)| (deal, outcome.seq));
        ticket.is_some_and(|ticket| self.from_bank.contains(&ticket))
    }

    /// The documents that were asked for under the keys of a saga.
    pub(super) fn papers(&self, id: &str) -> &[&'a Paper] {
        self.papers.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a saga has begun and not ended.
    pub(super) fn is_under_way(&self, id: &str) -> bool {
        self.saga(id).is_some() && self.ended(id).is_none()
    }

    /// The currency of what a saga brings about.
    pub(super) fn currency_of(&self, id: &str) -> Option<&'static str> {
        let (_, deal) = names::made("inv", id)?;
        let deal = names::number('d', deal)?;
        let deals = &self.picture.deals;
        deals.iter().find(|one| one.number == deal).map(|deal| deal.currency)
    }

    /// How much a saga takes from a bank account when it comes about, and how much it brings to one.
    pub(super) fn moves(&self, id: &str) -> [i128; 2] {
        let amount = |who, seq, kind| {
            let told = self.told(who, seq).iter().find(|outcome| outcome.kind == kind);
            told.map_or(0, |outcome| i128::from(outcome.amount))
        };
        let wallet = |prefix| {
            let (seq, owner) = names::made(prefix, id)?;
            Some((Who::Wallet(names::number('w', owner)?), seq))
        };
        if let Some((who, seq)) = wallet("pay") {
            [0, amount(who, seq, "payment.posted")]
        } else if let Some((who, seq)) = wallet("txn") {
            [amount(who, seq, "deposit.posted"), 0]
        } else if let Some((seq, provider)) = names::made("rmb", id)
            && let Some(provider) = names::number('p', provider)
        {
            [0, amount(Who::Provider(provider), seq, "reimbursement.paid")]
        } else if let Some(number) = names::number('a', id) {
            let advances = &self.picture.advances;
            let advance = advances.iter().find(|advance| advance.number == number);
            [0, advance.map_or(0, |advance| i128::from(advance.amount))]
        } else if let Some((seq, deal)) = names::made("inv", id)
            && let Some(deal) = names::number('d', deal)
            && self.from_bank.contains(&(deal, seq))
        {
            [amount(Who::Deal(deal), seq, "investment.confirmed"), 0]
        } else {
            [0, 0]
        }
    }

    /// What listeners were told of what a member decided at a position.
    pub(super) fn told(&self, who: Who, seq: u64) -> &[&'a Outcome] {
        self.outcomes.get(&(who, seq)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The saga of an id.
    pub(super) fn saga(&self, id: &str) -> Option<&'a Saga> {
        self.sagas.get(id).copied()
    }

    /// What the processor was asked for the debits of an advance.
    pub(super) fn debits(&self, advance: &str) -> &[&'a Entry] {
        self.debits.get(advance).map(Vec::as_slice).unwrap_or_default()
    }

    /// What third parties have under the keys of a saga.
    pub(super) fn entries(&self, id: &str) -> &[&'a Entry] {
        self.entries.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whose debits the processor was asked for.
    pub(super) fn debited(&self) -> impl Iterator<Item = &'a str> {
        self.debits.keys().copied()
    }

    /// Whatever third parties were asked for.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().copied()
    }

    /// How much of a kind is booked under the keys of a saga or advance, and in how many entries.
    pub(super) fn booked(&self, id: &str, kind: EntryKind) -> (i128, usize) {
        let booked = |entry: &&&Entry| entry.kind == kind && entry.state == EntryState::Booked;
        let entries = self.entries(id).iter().filter(booked);
        entries.fold((0, 0), |(sum, count), entry| (sum + i128::from(entry.amount), count + 1))
    }

    /// Whether a third party's silence explains that what was begun has not ended.
    pub(super) fn is_excused(&self, id: &str) -> bool {
        self.entries(id).iter().any(|entry| entry.state == EntryState::Pending)
    }

    /// Whether a saga ended, and how; `None` when it never began or is under way.
    pub(super) fn ended(&self, id: &str) -> Option<SagaState> {
        let state = self.saga(id)?.state;
        match state {
            SagaState::Running | SagaState::Undoing => None,
            SagaState::Done | SagaState::Failed | SagaState::Cancelled => Some(state),
        }
    }
}

/// What a third party was asked for under a key: the id before the first slash.
fn asked_for(key: &str) -> &str {
    key.split_once('/').map_or(key, |(id, _)| id)
}

/// Whether a key is that of a debit of an advance, or of giving one back: `a3/d1/1`.
pub(super) fn is_debit(key: &str) -> bool {
    let second = key.split('/').nth(1).unwrap_or_default();
    names::number('d', second).is_some()
}

/// Whose decision an outcome's position is.
pub(super) fn about(outcome: &Outcome) -> Option<Who> {
    if let Some((deal, _)) = outcome.ticket {
        Some(Who::Deal(deal))
    } else if let Some((advance, _)) = outcome.advance {
        Some(Who::Advance(advance))
    } else if outcome.reward.is_some() {
        outcome.wallet.map(Who::Statement)
    } else if let Some(wallet) = outcome.wallet {
        Some(Who::Wallet(wallet))
    } else {
        outcome.provider.map(Who::Provider)
    }
}
