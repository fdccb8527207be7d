//! The rule of the waiting list, by arithmetic of its own.
//!
//! A deal's steps are gone through in order. What is free and who is seated is counted here; after
//! each decision the steps must be those that the rule gives: who fits gets a place at once, who
//! does not waits or is refused, a freed place goes to whoever waits longest and fits, and when
//! nothing is on its way any more nobody is left waiting.
//!
//! Invariant: nobody is admitted while an earlier one in line would fit.

use std::collections::BTreeMap;

use crate::facts::Number;
use crate::facts::picture::{Deal, DealStep, Ticket};

/// A deal being gone through.
pub(super) struct Line<'a> {
    deal: &'a Deal,
    tickets: u64,
    waiting: BTreeMap<u64, &'a Ticket>,
    places: BTreeMap<u64, &'a Ticket>,
    confirmed: BTreeMap<u64, &'a Ticket>,
    closed: bool,
    faults: Vec<String>,
}

/// Goes through a deal's steps; what is wrong with them.
pub(super) fn check(deal: &Deal) -> Vec<String> {
    let mut line = Line {
        deal,
        tickets: 0,
        waiting: BTreeMap::new(),
        places: BTreeMap::new(),
        confirmed: BTreeMap::new(),
        closed: false,
        faults: Vec::new(),
    };
    for chunk in deal.steps.chunk_by(|one, other| one.0 == other.0) {
        line.decision(chunk);
    }
    line.at_rest();
    line.faults
}

impl<'a> Line<'a> {
    fn fault(&mut self, what: impl std::fmt::Display) {
        self.faults.push(format!("d{}: {what}", self.deal.number));
    }

    fn free(&self) -> i128 {
        let taken = self.places.values().chain(self.confirmed.values());
        let taken: i128 = taken.map(|ticket| i128::from(ticket.amount)).sum();
        i128::from(self.deal.amount) - taken
    }

    fn is_seated(&self, wallet: Number) -> bool {
        self.places.values().chain(self.confirmed.values()).any(|ticket| ticket.wallet == wallet)
    }

    fn seats(&self) -> usize {
        let seated = self.places.values().chain(self.confirmed.values());
        let seated: std::collections::BTreeSet<_> = seated.map(|ticket| ticket.wallet).collect();
        seated.len()
    }

    fn fits(&self, ticket: &Ticket) -> bool {
        i128::from(ticket.amount) <= self.free()
            && (self.seats() < self.deal.investors_max || self.is_seated(ticket.wallet))
    }

    /// Who waits longest of those who fit.
    fn next(&self) -> Option<u64> {
        self.waiting.iter().find(|(_, ticket)| self.fits(ticket)).map(|(seq, _)| *seq)
    }

    /// All steps of one decision.
    fn decision(&mut self, steps: &'a [(u64, i64, DealStep)]) {
        let mut frees = false;
        for (seq, at_ms, step) in steps {
            match step {
                DealStep::Reserved(ticket)
                | DealStep::Waiting(ticket, _)
                | DealStep::NoPlace(ticket, _) => self.ticketed(*seq, *at_ms, ticket, step),
                DealStep::Promoted(investment) => self.promoted(*investment),
                DealStep::Confirmed(investment) => {
                    frees = true;
                    match self.places.remove(investment) {
                        Some(ticket) => drop(self.confirmed.insert(*investment, ticket)),
                        None => self.fault(format_args!("{investment} confirmed without a place")),
                    }
                }
                DealStep::Freed(investment) => {
                    frees = true;
                    if self.places.remove(investment).is_none() {
                        self.fault(format_args!("{investment} freed without a place"));
                    }
                }
                DealStep::LineRefused(investment) => {
                    if !self.places.is_empty() {
                        self.fault(format_args!(
                            "{investment} is sent away while {} are on their way",
                            self.places.len()
                        ));
                    }
                    self.leaves(*investment);
                }
                DealStep::Withdrawn(investment) => self.leaves(*investment),
                DealStep::Closed => self.closed = true,
                DealStep::Other => {}
            }
            self.bounds(*seq);
        }
        if frees {
            self.worked_off(steps[0].0);
        }
    }

    fn ticketed(&mut self, seq: u64, at_ms: i64, ticket: &'a Ticket, step: &DealStep) {
        self.tickets += 1;
        if ticket.ticket != self.tickets {
            self.fault(format_args!(
                "ticket {} at {seq}, after {}",
                ticket.ticket,
                self.tickets - 1
            ));
        }
        let (opens_ms, closes_ms) = self.deal.open_ms;
        let is_open = !self.closed && (opens_ms..closes_ms).contains(&at_ms);
        let fits = self.fits(ticket);
        match step {
            DealStep::Reserved(_) => {
                if !is_open || !fits {
                    self.fault(format_args!(
                        "{ticket:?} at {seq} got a place: open {is_open}, fits {fits}, {} free",
                        self.free()
                    ));
                }
                self.places.insert(seq, ticket);
            }
            DealStep::Waiting(_, position) => {
                let expected = self.waiting.len() + 1;
                if !is_open || fits || *position as usize != expected {
                    self.fault(format_args!(
                        "{ticket:?} at {seq} waits at {position} of {expected}: open {is_open}, \
                         fits {fits}"
                    ));
                }
                self.waiting.insert(seq, ticket);
            }
            DealStep::NoPlace(_, code) => {
                let fair = match *code {
                    "deal-not-open" => at_ms < opens_ms,
                    "deal-closed" => self.closed || at_ms >= closes_ms,
                    "wallet-frozen" => is_open,
                    "deal-full" | "amount-exceeds-remaining" => is_open && !fits,
                    _ => false,
                };
                if !fair {
                    self.fault(format_args!(
                        "{ticket:?} at {seq} got {code}: open {is_open}, fits {fits}, {} free",
                        self.free()
                    ));
                }
            }
            DealStep::Promoted(_)
            | DealStep::Confirmed(_)
            | DealStep::Freed(_)
            | DealStep::LineRefused(_)
            | DealStep::Withdrawn(_)
            | DealStep::Closed
            | DealStep::Other => unreachable!("only tickets come here"),
        }
    }

    fn promoted(&mut self, investment: u64) {
        let next = self.next();
        if next != Some(investment) {
            self.fault(format_args!("{investment} moved up, it was the turn of {next:?}"));
        }
        match self.waiting.remove(&investment) {
            Some(ticket) => drop(self.places.insert(investment, ticket)),
            None => self.fault(format_args!("{investment} moved up and did not wait")),
        }
    }

    fn leaves(&mut self, investment: u64) {
        if self.waiting.remove(&investment).is_none() {
            self.fault(format_args!("{investment} left the line and was not in it"));
        }
    }

    /// Never over the amount, never too many seats.
    fn bounds(&mut self, seq: u64) {
        if self.free() < 0 || self.seats() > self.deal.investors_max {
            self.fault(format_args!("{} free and {} seats at {seq}", self.free(), self.seats()));
        }
    }

    /// After a place was freed or confirmed nobody is left in line who fits, and nobody who waits
    /// for nothing.
    fn worked_off(&mut self, seq: u64) {
        if let Some(next) = self.next() {
            self.fault(format_args!("{next} fits after {seq} and was left waiting"));
        }
        if self.places.is_empty() && !self.waiting.is_empty() {
            self.fault(format_args!("{} wait for nothing after {seq}", self.waiting.len()));
        }
    }

    /// The deal's own sums are those of its steps.
    fn at_rest(&mut self) {
        let sum = |tickets: &BTreeMap<u64, &Ticket>| -> i128 {
            tickets.values().map(|ticket| i128::from(ticket.amount)).sum()
        };
        let counted = (
            self.tickets,
            self.seats(),
            (sum(&self.places), self.places.len()),
            (sum(&self.confirmed), self.confirmed.len()),
            self.waiting.len(),
            self.closed,
        );
        let deal = self.deal;
        let says = (
            deal.last_ticket,
            deal.seats,
            (i128::from(deal.reserved.0), deal.reserved.1),
            (i128::from(deal.confirmed.0), deal.confirmed.1),
            deal.waiting,
            deal.closed,
        );
        if counted != says {
            self.fault(format_args!("says {says:?}, its steps give {counted:?}"));
        }
    }
}
