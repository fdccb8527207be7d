//! An advance, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: the credit; the plan, divided a second time; its debits, each in
//! its order, and how each ended (`debits`); what the processor was asked, under which key, never
//! blindly (`calls`); what runs asked for and were answered, counted a second time (`work`).
//!
//! After every event collected + outstanding + written off is the amount, computed anew from the
//! debits; no part of the amount is asked for twice at one time, and none counts twice. After every
//! record each part that is not paid is asked for, or the advance was given up.
//!
//! Snapshots are read by their form on disk (`state`), field by field, not through the type that
//! wrote them. Which day it is in the configured time zone is only known within a day.

mod calls;
mod debits;
mod state;
pub(super) mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use bursar_domain::advance::{DebitStatus, Event, Profile, Status};
use bursar_domain::currency::Currency;
use bursar_domain::id::{AdvanceId, EntityId, Kind};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind, Source};
use bursar_domain::money::Amount;
use bursar_domain::plan::{Dates, Day};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::credit::Credit;
use bursar_domain::saga::{Failure, Subject};
use bursar_snapshots::codec::{self, CodecError};

use self::calls::Wish;
use self::debits::Debit;
use self::state::State;
use self::work::Work;
use super::cases::Part;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Marks, must_be, strange};
use super::sums::major;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// An advance as its records make it.
#[derive(Debug, Default)]
pub(super) struct Advance {
    profile: Option<Arc<Profile>>,
    status: Status,
    failure: Option<Failure>,
    dates: Option<Dates>,
    debits: Vec<Debit>,
    collected: i128,
    /// Collected twice, and not given back yet.
    overpaid: i128,
    written_off: i128,
    wishes: Vec<Wish>,
    calls: u32,
    work: Option<Work>,
    marks: Marks,
    /// What does not hold and was said so: it is told once, and not after every record.
    told: BTreeSet<String>,
}

impl Account for Advance {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Advance(events) => {
                self.check_beside(events, entry);
                for (index, event) in events.iter().enumerate() {
                    self.event(event, entry);
                    self.check_money(entry);
                    debits::check_followed(event, events.get(index + 1), entry);
                }
                self.check_end(entry);
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => {
                // A run may have written to an advance that nobody opened.
                if self.profile.is_none() && self.marks.is(&[]) {
                    entry.wrong("it was decided before the advance was opened");
                }
            }
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        state::differences(self, state)
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        let profile = self.profile.as_ref()?;
        let owed = if self.dates.is_some() { i128::from(profile.amount.minor()) } else { 0 };
        Some((profile.currency, self.collected + self.overpaid - owed))
    }

    fn waits(state: &State) -> Option<i64> {
        state::waits(state)
    }

    fn listed(state: &State) -> Option<i64> {
        state::listed(state)
    }
}

/// The advance whose record this is.
fn own_id(entry: &Entry<'_>) -> AdvanceId {
    AdvanceId::from_shared(Arc::clone(&entry.place.id.id))
}

/// The day of a record in UTC; the local one is the same, or one before or after.
fn day_of(entry: &Entry<'_>) -> i64 {
    entry.at.millis().div_euclid(DAY_MS)
}

impl Advance {
    fn currency(&self) -> Option<Currency> {
        self.profile.as_ref().map(|profile| profile.currency)
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if self.profile.is_none() && !matches!(event, Event::Opened(_) | Event::Mistaken { .. }) {
            entry.wrong("it was decided before the advance was opened");
        }
        self.count(event);
        match event {
            Event::Opened(profile) => self.opened(profile, entry),
            Event::Activated { source, by, dates, amount, currency } => {
                self.check_whole((*amount, *currency), entry);
                self.activated((*source, by), *dates, entry);
            }
            Event::NotCredited { source, by, failure, amount, currency } => {
                self.check_whole((*amount, *currency), entry);
                self.not_credited((*source, by), failure, entry);
            }
            Event::Asked { source, by, task } => self.asked((*source, by), *task, entry),
            Event::Mistaken { source, by, lines } => self.mistaken((*source, by), *lines, entry),
            Event::Answered { by, tally } => self.answered(by, tally, entry),
            Event::AnsweredBeside { by } => work::answered_beside(by, entry),
            Event::Called(called) => self.called(called, entry),
            Event::Unanswered { .. } => self.unanswered(event, entry),
            Event::Deferred { debit, .. } => self.deferred(*debit, entry),
            Event::Submitted { debit, silent_on } => self.submitted(*debit, *silent_on, entry),
            Event::Staged { debits } => self.staged(debits, entry),
            Event::Succeeded { debit, at, amount, currency, transaction, counts } => {
                self.check_part(*debit, (*amount, *currency), entry);
                self.succeeded(*debit, (*amount, *at), transaction, *counts, entry);
            }
            Event::Failed { debit, amount, currency, failure, then } => {
                self.check_part(*debit, (*amount, *currency), entry);
                self.failed((*debit, *amount), failure, *then, entry);
            }
            Event::FellSilent { debit, amount, currency, days, then } => {
                self.check_part(*debit, (*amount, *currency), entry);
                self.fell_silent((*debit, *amount), *days, *then, entry);
            }
            Event::FoundFailed { debit } => {
                self.pass(*debit, DebitStatus::Silent, DebitStatus::Failed, entry);
            }
            Event::Cancelled { debit } => self.cancelled(*debit, entry),
            Event::Refunded { debit, amount, currency } => {
                self.check_part(*debit, (*amount, *currency), entry);
                self.refunded(*debit, *amount, entry);
            }
            Event::Ignored { .. } => {}
            Event::Completed { amount, currency } => {
                self.check_whole((*amount, *currency), entry);
                self.completed(*amount, entry);
            }
            Event::Defaulted { debit, written_off, amount, currency } => {
                self.check_whole((*amount, *currency), entry);
                self.defaulted(*debit, (*amount, *written_off), entry);
            }
        }
    }

    fn opened(&mut self, profile: &Arc<Profile>, entry: &mut Entry<'_>) {
        let Profile { account, amount, currency, plan } = (**profile).clone();
        if amount.minor() < i64::from(plan.installments()) {
            let amount = amount.to_major(currency);
            entry.wrong(format!("{amount} cannot be divided into {} debits", plan.installments()));
        }
        if self.profile.replace(Arc::clone(profile)).is_some() {
            entry.wrong("the advance was opened before");
        }
        let advance = own_id(entry);
        let saga = EntityId::saga(Arc::clone(&entry.place.id.id));
        entry.ledger.cases.owner(entry.place.id, &saga.id, Part::Pending);
        let subject = Subject::Advance(Credit { advance, account, amount, currency });
        entry.sent(&saga, &Body::Begin(Box::new(subject)));
    }

    /// The advance's own saga, or its compensation, says how the credit ended; once.
    fn credit_ends(&mut self, by: &Asker, part: Part, status: Status, entry: &mut Entry<'_>) {
        if by.entity.id != entry.place.id.id {
            entry.wrong(format!("{} asks, which is not about this advance", by.entity));
        }
        if self.status != Status::Pending {
            let status = self.status.as_str();
            entry.wrong(format!("the credit ends, and the advance is {status}"));
        }
        self.status = status;
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, part);
        entry.replied(by, Answer::Done);
    }

    fn activated(&mut self, (source, by): (Source, &Asker), dates: Dates, entry: &mut Entry<'_>) {
        must_be(Kind::Saga, by, entry);
        self.marks.receive(source, &Body::Activate { by: by.clone() }, entry);
        self.credit_ends(by, Part::Kept, Status::Active, entry);
        let Some(profile) = self.profile.clone() else { return };
        let plan = profile.plan;
        if dates.every != plan.every() || !is_first(dates, plan.first_due(), day_of(entry)) {
            entry.wrong(format!("the plan begins on {}, which it does not say", dates.first));
        }
        self.dates = Some(dates);
        self.debits = (0..plan.installments()).map(Debit::scheduled).collect();
        entry.returned(profile.currency, profile.amount);
        self.tell(OutcomeKind::AdvanceActive, None, profile.amount, None, entry);
    }

    fn not_credited(
        &mut self,
        (source, by): (Source, &Asker),
        failure: &Failure,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Compensation, by, entry);
        let body = Body::NotCredited { by: by.clone(), failure: failure.clone() };
        self.marks.receive(source, &body, entry);
        self.credit_ends(by, Part::Undone, Status::Failed, entry);
        self.failure = Some(failure.clone());
        let amount = self.profile.as_ref().map_or(Amount::ZERO, |profile| profile.amount);
        self.tell(OutcomeKind::AdvanceFailed, None, amount, Some(failure.clone()), entry);
    }

    /// Money of the whole advance.
    fn check_whole(&self, money: (Amount, Currency), entry: &mut Entry<'_>) {
        let Some(profile) = &self.profile else { return };
        if money != (profile.amount, profile.currency) {
            let (amount, currency) = money;
            entry.wrong(format!(
                "it is about {} {currency}; the advance is of {} {}",
                amount.to_major(currency),
                profile.amount.to_major(profile.currency),
                profile.currency
            ));
        }
    }

    /// Tells of what does not hold, if it was not told before.
    fn once(&mut self, what: impl Into<String>, entry: &mut Entry<'_>) {
        let what = what.into();
        if self.told.insert(what.clone()) {
            entry.wrong(what);
        }
    }

    /// What was collected, what is outstanding and what is written off is the amount; each part of
    /// it counts once, and is asked for once at a time.
    fn check_money(&mut self, entry: &mut Entry<'_>) {
        let (Some(profile), Some(_)) = (self.profile.clone(), self.dates) else { return };
        let mut unpaid = 0;
        let mut paid = 0;
        for instalment in 0..profile.plan.installments() {
            let part = i128::from(self.part(instalment).minor());
            let chain = self.debits.iter().filter(|debit| debit.instalment == instalment);
            let (mut counted, mut on_the_way) = (0, 0);
            for debit in chain {
                counted += u32::from(debit.status == DebitStatus::Succeeded);
                on_the_way += u32::from(debit.is_ahead() || debit.is_out());
            }
            if counted > 1 {
                let what = format!("part {instalment} of the amount counts {counted} times");
                self.once(what, entry);
            }
            if on_the_way > 1 {
                self.once(format!("part {instalment} is asked for {on_the_way} times"), entry);
            }
            *if counted > 0 { &mut paid } else { &mut unpaid } += part;
        }
        let amount = i128::from(profile.amount.minor());
        let expected = match self.status {
            Status::Defaulted => (paid, amount - paid),
            Status::Pending | Status::Active | Status::Failed | Status::Completed => (paid, 0),
        };
        if (self.collected, self.written_off) != expected || paid + unpaid != amount {
            let text = |minor| major(minor, profile.currency);
            let what = format!(
                "{} is collected and {} written off; the debits come to {} and {}",
                text(self.collected),
                text(self.written_off),
                text(expected.0),
                text(expected.1)
            );
            self.once(what, entry);
        }
    }

    /// What a decision leaves: whatever is owed is asked for, and nothing else.
    fn check_end(&mut self, entry: &mut Entry<'_>) {
        let (Some(profile), Some(_)) = (self.profile.clone(), self.dates) else { return };
        for instalment in 0..profile.plan.installments() {
            let mut chain = self.debits.iter().filter(|debit| debit.instalment == instalment);
            let is_over = self.is_needless(instalment);
            if !is_over && !chain.clone().any(|debit| debit.is_ahead() || debit.is_out()) {
                self.once(format!("nobody asks for part {instalment} of the amount"), entry);
            } else if is_over && chain.any(Debit::is_ahead) {
                self.once(format!("part {instalment} is asked for, and nobody owes it"), entry);
            }
        }
        let is_whole = self.collected == i128::from(profile.amount.minor());
        if is_whole != (self.status == Status::Completed) {
            let status = self.status.as_str();
            self.once(format!("it is {status}, which is not what was collected of it"), entry);
        }
        self.check_wishes(entry);
        if self.work.is_some() && !self.wishes.iter().any(Wish::is_calling) {
            self.once("a run waits for its answer, and nothing is under way for it", entry);
        }
    }

    fn tell(
        &self,
        kind: OutcomeKind,
        debit: Option<u32>,
        amount: Amount,
        failure: Option<Failure>,
        entry: &mut Entry<'_>,
    ) {
        let Some(currency) = self.currency() else { return };
        let advance = own_id(entry);
        let outcome = Outcome {
            kind,
            at: entry.at,
            wallet: None,
            seq: entry.place.seq,
            provider: None,
            payment: None,
            amount,
            currency,
            balance_after: Amount::ZERO,
            description: None,
            effective_at: None,
            about: Some(About::Advance { advance, debit, failure }),
        };
        entry.told(&outcome);
    }
}

/// Whether a plan that was activated on a day begins as it says: on its first day, or one period
/// after the credit.
fn is_first(dates: Dates, first_due: Option<Day>, today: i64) -> bool {
    let after_credit = |day: i64| {
        let credited_on = i32::try_from(day).ok().and_then(Day::from_days)?;
        Dates { first: credited_on, every: dates.every }.nth(1)
    };
    match first_due {
        Some(day) => dates.first == day,
        None => {
            (today - 1..=today + 1).any(|day| after_credit(day).unwrap_or(Day::MAX) == dates.first)
        }
    }
}
