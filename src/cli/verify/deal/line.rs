//! The line of a deal, and whether it is worked off fairly.
//!
//! Whoever gets a place must fit, and nobody before them in line may: not at a ticket that is
//! reserved at once, and not while the line is worked off, where each in their turn is asked with
//! the room that those before them left. When a decision says that it is done, nobody who still
//! waits may fit; when it says that it is unfinished, that is asked of the next one.
//!
//! Once nobody in line fits, nobody does until a place is freed; so most tickets need no look at
//! the line at all.

use bursar_domain::code::Code;
use bursar_domain::deal::Waiting;
use bursar_domain::deal::event::{Decision, Event, Ticketed};
use bursar_domain::id::Seq;
use bursar_domain::message::{About, Body, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::saga::investment::Investment;
use bursar_domain::saga::{Failure, Subject};

use super::Deal;
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money};

/// How someone left the line, as it stands in the index.
const WITHDRAWN: u64 = 1;
const FULL: u64 = 2;
const TOO_MUCH: u64 = 3;

fn name(waiting: &Waiting) -> String {
    format!("investment {} (ticket {})", waiting.investment, waiting.ticket)
}

impl Deal {
    pub(super) fn ticketed(&mut self, event: &Ticketed, entry: &mut Entry<'_>) {
        let Ticketed { ticket, wallet, amount, currency, funding, decision } = event;
        check_money(*amount, *currency, self.currency(), entry);
        if *ticket != self.last_ticket + 1 {
            entry.wrong(format!("the ticket is {ticket}; the last one was {}", self.last_ticket));
        }
        self.last_ticket = *ticket;
        self.check_bounds(*amount, entry);
        let waiting = Waiting {
            investment: entry.place.seq,
            ticket: *ticket,
            wallet: wallet.clone(),
            amount: *amount,
            funding: *funding,
        };
        match decision {
            Decision::Reserved => {
                self.check_time(entry);
                if !self.nobody_fits
                    && let Some(earlier) = self.room.first(self.line.values())
                {
                    let earlier = name(earlier);
                    entry.wrong(format!("it got a place; {earlier} waited for one that fits"));
                }
                self.take(&waiting, entry);
            }
            Decision::Waiting(position) => {
                self.check_time(entry);
                self.check_no_place(&waiting, entry);
                self.line.insert(waiting.investment, waiting);
                if usize::try_from(*position) != Ok(self.line.len()) {
                    let length = self.line.len();
                    entry.wrong(format!("it waits as number {position}; {length} are in line"));
                }
                self.check_hope(entry);
            }
            Decision::Refused { rejection, .. } => {
                let code = rejection.code;
                if [Code::DealFull, Code::AmountExceedsRemaining, Code::WaitingListFull]
                    .contains(&code)
                {
                    self.check_no_place(&waiting, entry);
                }
                let failure = Failure::new(code.as_str(), rejection.detail.clone());
                self.tell(OutcomeKind::InvestmentRefused, &waiting, Some(failure), entry);
            }
        }
    }

    fn check_bounds(&self, amount: Amount, entry: &mut Entry<'_>) {
        let Some(profile) = &self.profile else { return };
        let is_least = profile.investment_min.is_none_or(|least| amount >= least);
        let is_most = profile.investment_max.is_none_or(|most| amount <= most);
        if !(is_least && is_most) {
            let amount = amount.to_major(profile.currency);
            entry.wrong(format!("the deal takes no investment of {amount}"));
        }
    }

    /// Only an open deal gives places, in the line or in it.
    fn check_time(&self, entry: &mut Entry<'_>) {
        let Some(profile) = &self.profile else { return };
        let is_early = profile.opens_at.is_some_and(|at| entry.at < at);
        let is_late = profile.closes_at.is_some_and(|at| entry.at >= at);
        if is_early || is_late || self.is_closed {
            entry.wrong("it was taken while the deal was not open");
        }
    }

    /// Whoever has to wait, or is refused for want of room, must not fit, unless someone before
    /// them in line does.
    fn check_no_place(&self, waiting: &Waiting, entry: &mut Entry<'_>) {
        let fits = self.room.fits(&waiting.wallet, waiting.amount);
        let is_first = self.nobody_fits || self.room.first(self.line.values()).is_none();
        if fits && is_first {
            entry.wrong("it got no place, although there was one and nobody was before it");
        }
    }

    /// Gives a place, and begins the investment's saga.
    fn take(&mut self, waiting: &Waiting, entry: &mut Entry<'_>) {
        let Some(currency) = self.currency() else { return };
        if !self.room.fits(&waiting.wallet, waiting.amount) {
            let (what, free) = (name(waiting), self.room.in_words(currency));
            entry.wrong(format!("{what} got a place that was not there: {free}"));
        }
        self.room.take(waiting.investment, &waiting.wallet, waiting.amount);
        let id = super::investment(waiting.investment, entry);
        let to = id.saga();
        entry.ledger.cases.deal(&to.id, Part::Pending);
        let subject = Subject::Investment(Investment {
            id,
            ticket: waiting.ticket,
            wallet: waiting.wallet.clone(),
            amount: waiting.amount,
            currency,
            funding: waiting.funding,
        });
        entry.sent(&to, &Body::Begin(Box::new(subject)));
    }

    /// Those who leave the line for a place: each in turn, and nobody is passed over who fits.
    pub(super) fn promoted(&mut self, places: &[Waiting], entry: &mut Entry<'_>) {
        let mut next = places.iter().peekable();
        let last = places.iter().map(|place| place.investment).max().unwrap_or_default();
        let turns: Vec<Seq> = self.line.range(..=last).map(|(seq, _)| *seq).collect();
        let mut passed_over = None;
        for seq in turns {
            if let Some(place) = next.next_if(|place| place.investment == seq) {
                self.leave(place, entry);
                self.promote(place, entry);
            } else if passed_over.is_none()
                && let Some(waiting) = self.line.get(&seq)
                && self.room.fits(&waiting.wallet, waiting.amount)
            {
                passed_over = Some(name(waiting));
            }
        }
        if let Some(name) = passed_over {
            entry.wrong(format!("{name} was passed over: in its turn there was a place for it"));
        }
        for place in next {
            entry.wrong(format!("{} is promoted out of its turn", name(place)));
            self.line.remove(&place.investment);
            self.promote(place, entry);
        }
    }

    fn promote(&mut self, place: &Waiting, entry: &mut Entry<'_>) {
        self.take(place, entry);
        self.tell(OutcomeKind::InvestmentReserved, place, None, entry);
    }

    /// Someone leaves the line, as they stood there.
    fn leave(&mut self, place: &Waiting, entry: &mut Entry<'_>) {
        match self.line.remove(&place.investment) {
            None => entry.wrong(format!("{} does not stand in line", name(place))),
            Some(waiting) if waiting != *place => {
                entry.wrong(format!("{} stands in line with other terms", name(place)));
            }
            Some(_) => {}
        }
    }

    fn left(&mut self, investment: Seq, how: u64, entry: &Entry<'_>) {
        self.left.entry(investment).or_default().push((entry.place.seq, how));
    }

    /// Those who can no longer get a place: only when nothing is on its way that could free one.
    pub(super) fn line_refused(&mut self, places: &[(Waiting, Failure)], entry: &mut Entry<'_>) {
        if !self.room.places.is_empty() {
            let count = self.room.places.len();
            entry.wrong(format!("the line is refused while {count} investments are on their way"));
        }
        for (place, failure) in places {
            if self.line.keys().next() != Some(&place.investment) {
                entry.wrong(format!("{} is refused out of its turn", name(place)));
            }
            self.leave(place, entry);
            if self.room.fits(&place.wallet, place.amount) {
                entry.wrong(format!("{} is refused, and there was a place for it", name(place)));
            }
            let is_seated = self.room.has_seat(&place.wallet);
            let code = if is_seated { Code::AmountExceedsRemaining } else { Code::DealFull };
            if *failure.code != *code.as_str() {
                let what = name(place);
                entry.wrong(format!("{what} is refused as {}, not as {code}", failure.code));
            }
            let is_full = *failure.code == *Code::DealFull.as_str();
            self.left(place.investment, if is_full { FULL } else { TOO_MUCH }, entry);
            self.tell(OutcomeKind::InvestmentRefused, place, Some(failure.clone()), entry);
        }
    }

    pub(super) fn withdrawn(&mut self, place: &Waiting, entry: &mut Entry<'_>) {
        self.leave(place, entry);
        self.left(place.investment, WITHDRAWN, entry);
        self.tell(OutcomeKind::InvestmentCancelled, place, None, entry);
    }

    /// After all events of a record: has it worked off what it had to?
    pub(super) fn check_line(&mut self, events: &[Event], entry: &mut Entry<'_>) {
        let works = |event: &Event| {
            matches!(event, Event::Confirmed { .. } | Event::Freed { .. } | Event::Continued { .. })
        };
        if events.iter().any(|event| matches!(event, Event::Unfinished)) {
            self.nobody_fits = false;
        } else if events.iter().any(works) && !self.nobody_fits {
            if let Some(waiting) = self.room.first(self.line.values()) {
                let what = name(waiting);
                entry.wrong(format!("{what} is left in line, and there is a place for it"));
            }
            self.nobody_fits = true;
        }
        if events.iter().any(works) {
            self.check_hope(entry);
        }
    }

    /// Whoever waits, waits for something: a place on its way may be freed.
    fn check_hope(&self, entry: &mut Entry<'_>) {
        if !self.line.is_empty() && self.room.places.is_empty() && !self.is_unfinished {
            let count = self.line.len();
            entry.wrong(format!("{count} wait in line, and nothing is on its way any more"));
        }
    }

    fn tell(
        &self,
        kind: OutcomeKind,
        place: &Waiting,
        failure: Option<Failure>,
        entry: &mut Entry<'_>,
    ) {
        let Some(currency) = self.currency() else { return };
        let deal = super::investment(place.investment, entry).deal;
        let outcome = Outcome {
            kind,
            at: entry.at,
            wallet: Some(place.wallet.clone()),
            seq: place.investment,
            provider: None,
            payment: None,
            amount: place.amount,
            currency,
            balance_after: Amount::ZERO,
            description: None,
            effective_at: None,
            about: Some(About::Investment { deal, ticket: place.ticket, failure }),
        };
        entry.told(&outcome);
    }
}
