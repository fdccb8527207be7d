//! What was answered: one answer for each key for ever, and one decision for each answer.
//!
//! A key belongs to the entity that it was sent to. Its first recorded answer is the answer; each
//! later one must be the same record at the same position, and a wish with other content under it
//! must be refused.
//!
//! Invariant: nothing here depends on whether an answer was lost: the model knows what was heard.

use std::collections::BTreeMap;

use crate::facts::{Granted, Number, Place, Planned, Said, Who};

/// An answer that stands for ever.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// The operation that heard it first.
    pub(super) number: Number,
    /// When its sending reached the mailbox, where it was decided by that sending.
    pub(super) arrival: Option<u64>,
    /// What was said.
    pub(super) said: Said,
}

/// All that was heard.
#[derive(Debug)]
pub(super) struct Answers {
    /// By key: whom it was sent to, and what stands.
    keys: Vec<Vec<(Who, Standing)>>,
    /// What was said without a key, by operation.
    keyless: Vec<Option<Said>>,
    /// Whose a decision is.
    places: BTreeMap<Place, Number>,
    /// Who has which ticket of a deal, and when the sending that got it arrived, where known.
    tickets: BTreeMap<(Who, u64), (Number, Option<u64>)>,
}

impl Answers {
    pub(super) fn new(count: usize) -> Self {
        Self {
            keys: vec![Vec::new(); count],
            keyless: vec![None; count],
            places: BTreeMap::new(),
            tickets: BTreeMap::new(),
        }
    }

    pub(super) fn hear(
        &mut self,
        planned: &Planned,
        arrival: u64,
        said: &Said,
        faults: &mut Vec<String>,
    ) {
        if let Said::Strange(what) = said {
            faults.push(format!("{}: not an answer to it: {what}", planned.describe()));
            return;
        }
        let (Some(place), Some(fingerprint)) = (said.place(), fingerprint(said)) else { return };
        let Some(key) = planned.key else {
            self.keyless[planned.number as usize] = Some(said.clone());
            self.take(place, planned, faults);
            return;
        };
        let who = planned.wish.who().expect("only members are asked under a key");
        let arrival = (!is_replayed(said)).then_some(arrival);
        let known = &mut self.keys[key as usize];
        if let Some((_, standing)) = known.iter_mut().find(|(one, _)| *one == who) {
            if standing.said.place() != Some(place)
                || self::fingerprint(&standing.said) != Some(fingerprint)
            {
                faults.push(format!(
                    "{}: two answers to one key: {:?}, and before to #{}: {:?}",
                    planned.describe(),
                    said,
                    standing.number,
                    standing.said
                ));
            }
            if arrival.is_some() {
                if standing.arrival.is_some() {
                    faults.push(format!("{}: decided twice: {said:?}", planned.describe()));
                }
                standing.arrival = arrival;
            }
            return;
        }
        if let Some(ticket) = ticket(said) {
            self.ticket(who, ticket, planned, arrival, faults);
        }
        let known = &mut self.keys[key as usize];
        known.push((who, Standing { number: planned.number, arrival, said: said.clone() }));
        self.take(place, planned, faults);
    }

    /// A ticket is one operation's, and tickets are in the order in which sendings arrived.
    fn ticket(
        &mut self,
        who: Who,
        ticket: u64,
        planned: &Planned,
        arrival: Option<u64>,
        faults: &mut Vec<String>,
    ) {
        if let Some((other, _)) = self.tickets.insert((who, ticket), (planned.number, arrival)) {
            faults.push(format!(
                "{}: its ticket {ticket} of {who} is also #{other}'s",
                planned.describe()
            ));
        }
        let Some(arrival) = arrival else { return };
        let arrived = |(place, (number, at)): (&(Who, u64), &(Number, Option<u64>))| {
            (place.0 == who).then_some(())?;
            at.map(|at| (place.1, *number, at))
        };
        let before = self.tickets.range(..(who, ticket)).rev().take(8).find_map(arrived);
        let after = self.tickets.range((who, ticket + 1)..).take(8).find_map(arrived);
        let late = before.filter(|(_, _, at)| *at > arrival);
        let early = after.filter(|(_, _, at)| *at < arrival);
        if let Some((other, number, at)) = late.or(early) {
            faults.push(format!(
                "{}: ticket {ticket} of {who} for arrival {arrival}, but ticket {other} for \
                 #{number}, which arrived as {at}",
                planned.describe()
            ));
        }
    }

    /// A decision is one operation's.
    fn take(&mut self, place: Place, planned: &Planned, faults: &mut Vec<String>) {
        if let Some(other) = self.places.insert(place, planned.number) {
            faults.push(format!(
                "{}: its decision {place} was given to #{other} before",
                planned.describe()
            ));
        }
    }

    /// The operation that a key's decision answered, if anyone heard it.
    pub(super) fn number(&self, who: Who, key: Number) -> Option<Number> {
        let known = self.keys.get(key as usize)?;
        known.iter().find(|(one, _)| *one == who).map(|(_, standing)| standing.number)
    }

    /// What was said without a key, by operation.
    pub(super) fn keyless(&self) -> impl Iterator<Item = (Number, &Said)> {
        let said = self.keyless.iter().enumerate();
        said.filter_map(|(number, said)| {
            Some((Number::try_from(number).expect("a plan is small"), said.as_ref()?))
        })
    }

    /// All answers that stand, by key.
    pub(super) fn standing(&self) -> impl Iterator<Item = (Who, Number, &Standing)> {
        let keys = self.keys.iter().enumerate();
        keys.flat_map(|(key, known)| {
            let key = Number::try_from(key).expect("a plan is small");
            known.iter().map(move |(who, standing)| (*who, key, standing))
        })
    }
}

fn fingerprint(said: &Said) -> Option<u64> {
    match said {
        Said::Accepted(accepted) => Some(accepted.fingerprint),
        Said::Refused(refused) => refused.recorded.map(|(_, fingerprint)| fingerprint),
        Said::Unchanged | Said::Overloaded | Said::Strange(_) => None,
    }
}

fn ticket(said: &Said) -> Option<u64> {
    let Said::Accepted(accepted) = said else { return None };
    match accepted.granted {
        Granted::Reserved { ticket }
        | Granted::Waiting { ticket, .. }
        | Granted::NoPlace { ticket, .. } => Some(ticket),
        Granted::Opened
        | Granted::Deposited { .. }
        | Granted::PullRequested { .. }
        | Granted::Paid { .. }
        | Granted::PaymentHeld { .. }
        | Granted::Refunded { .. }
        | Granted::Done
        | Granted::Judged(_) => None,
    }
}

fn is_replayed(said: &Said) -> bool {
    match said {
        Said::Accepted(accepted) => accepted.replayed,
        Said::Refused(refused) => refused.replayed,
        Said::Unchanged | Said::Overloaded | Said::Strange(_) => false,
    }
}
