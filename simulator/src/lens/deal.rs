//! A deal at rest: how it stands, and all that happened in it, step by step.
//!
//! The steps come from its records, in the order of its decisions; one record may hold several.
//!
//! Invariant: a step names an investment by the decision that gave its ticket.

use bursar_domain::deal::event::Ticketed;
use bursar_domain::deal::{Decision, Event, Summary, Waiting};
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::investment::Funding;
use bursar_domain::time::Timestamp;

use super::outcome::member;
use crate::facts::picture::{Deal, DealStep, Ticket};

/// A step with its decision and instant.
pub(super) type Placed = (u64, i64, DealStep);

/// How it stands; its steps are added.
pub(super) fn deal(entity: &EntityId, summary: &Summary, steps: Vec<Placed>) -> Deal {
    let profile = &summary.profile;
    Deal {
        number: member('d', &entity.id),
        currency: profile.currency.code(),
        amount: profile.amount.minor(),
        investors_max: profile.investors_max.into(),
        open_ms: (
            profile.opens_at.map_or(i64::MIN, Timestamp::millis),
            profile.closes_at.map_or(i64::MAX, Timestamp::millis),
        ),
        closed: summary.closed,
        last_ticket: summary.last_ticket,
        seats: summary.seats_taken,
        reserved: (summary.reserved.minor(), summary.reserved_count),
        confirmed: (summary.confirmed.minor(), summary.confirmed_count as usize),
        waiting: summary.waiting,
        steps,
    }
}

/// The steps of a record.
pub(super) fn steps(seq: Seq, record: &Record, into: &mut Vec<Placed>) {
    let Verdict::Deal(events) = &record.verdict else { return };
    let mut push = |step| into.push((seq.0, record.at.millis(), step));
    for event in events {
        match event {
            Event::Ticketed(event) => push(ticketed(event)),
            Event::Promoted { places, .. } => {
                for place in places {
                    push(DealStep::Promoted(place.investment.0));
                }
            }
            Event::Confirmed { investment, .. } => push(DealStep::Confirmed(investment.0)),
            Event::Freed { investment, .. } => push(DealStep::Freed(investment.0)),
            Event::LineRefused { places, .. } => {
                let refused = |(place, _): &(Waiting, _)| DealStep::LineRefused(place.investment.0);
                for place in places {
                    push(refused(place));
                }
            }
            Event::Withdrawn { place, .. } => push(DealStep::Withdrawn(place.investment.0)),
            Event::Closed => push(DealStep::Closed),
            Event::Opened(_) | Event::Unfinished | Event::Continued { .. } => {
                push(DealStep::Other);
            }
        }
    }
}

fn ticketed(event: &Ticketed) -> DealStep {
    let ticket = Ticket {
        ticket: event.ticket,
        wallet: member('w', event.wallet.as_str()),
        amount: event.amount.minor(),
        from_bank: event.funding == Funding::Bank,
    };
    match &event.decision {
        Decision::Reserved => DealStep::Reserved(ticket),
        Decision::Waiting(position) => DealStep::Waiting(ticket, *position),
        Decision::Refused { rejection, .. } => DealStep::NoPlace(ticket, rejection.code.as_str()),
    }
}
