//! Investments: one row for each ticket of a deal, with how it stands.
//!
//! What never had a place is told by its deal; from a place on, its saga knows, as for the HTTP API.
//! Deals are read first. Of each ticket that had a place, its time is kept until its saga comes by,
//! and all of it while the deal has heard nothing more, because the saga may not have begun yet.
//!
//! Memory: some 100 bytes for each ticket that ever had a place, of which a deal gives few.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::deal::event::Ticketed;
use bursar_domain::deal::{Decision, Event, Waiting};
use bursar_domain::entity::Entity;
use bursar_domain::id::{DealId, EntityId, InvestmentId, Kind, Seq};
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::investment::Investment;
use bursar_domain::saga::{End, Phase, Saga, Subject};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};
use crate::http::investments::current::Status;

/// The table.
pub(super) static TABLE: Table = Table {
    name: "investments",
    about: "a ticket of a deal, with how it stands",
    kinds: &[Kind::Deal, Kind::Saga],
    columns: &COLUMNS,
    by: "decided_at",
    order: "those that never had a place, by deal; then the others, by id",
    begin: || Box::new(Investments::default()),
};

static COLUMNS: [Column; 11] = [
    text("id").distinct(),
    time("decided_at"),
    text("deal"),
    text("wallet"),
    int("ticket"),
    text("status"),
    money("amount"),
    text("currency"),
    text("funding"),
    time("ended_at").or_null(),
    text("failure").or_null(),
];

/// Where in the table of tickets one stands: its deal, and its decision there.
type Place = (Arc<str>, Seq);

#[derive(Default)]
struct Investments {
    /// The tickets of the deal that have no place so far.
    waiting: BTreeMap<Seq, (Timestamp, Investment)>,
    /// The tickets of all deals that have or had a place.
    placed: BTreeMap<Place, Placed>,
    /// The saga so far, and when it ended.
    saga: Saga,
    ended_at: Option<Timestamp>,
}

/// A ticket that has or had a place.
struct Placed {
    at: Timestamp,
    /// Until the deal knows that its saga has come to an end.
    open: Option<Box<Investment>>,
}

/// How a ticket stands.
struct Standing<'a> {
    status: Status,
    ended_at: Option<Timestamp>,
    failure: Option<&'a str>,
}

impl Fill for Investments {
    fn wants(&self, id: &EntityId) -> bool {
        id.kind == Kind::Deal || InvestmentId::parse(&id.id).is_some()
    }

    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        if let Verdict::Deal(events) = &record.verdict {
            for event in events {
                self.at_deal(source.seq, record, event, rows);
            }
        }
        if let Verdict::Saga(events) = &record.verdict {
            for event in events {
                self.saga.apply(event, source.seq);
            }
            if matches!(self.saga.phase(), Phase::Ended(_)) {
                self.ended_at.get_or_insert(record.at);
            }
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        if id.kind == Kind::Saga {
            return self.end_saga(rows);
        }
        let standing = Standing { status: Status::Waitlisted, ended_at: None, failure: None };
        for (at, ticket) in std::mem::take(&mut self.waiting).into_values() {
            put(&ticket, at, &standing, rows);
        }
    }

    /// Those whose sagas have not begun.
    fn ended(&mut self, rows: &mut Rows) {
        let standing = Standing { status: Status::Reserved, ended_at: None, failure: None };
        for placed in std::mem::take(&mut self.placed).into_values() {
            if let Some(ticket) = placed.open {
                put(&ticket, placed.at, &standing, rows);
            }
        }
    }
}

impl Investments {
    fn at_deal(&mut self, seq: Seq, record: &Record, event: &Event, rows: &mut Rows) {
        let deal = &record.entity.id;
        let mut left = |place: &Waiting, status, failure: Option<&str>| {
            let (at, ticket) = waits(&mut self.waiting, place.investment);
            let standing = Standing { status, ended_at: Some(record.at), failure };
            put(&ticket, at, &standing, rows);
        };
        if let Event::Withdrawn { place, .. } = event {
            left(place, Status::Cancelled, None);
        }
        if let Event::LineRefused { places, .. } = event {
            for (place, failure) in places {
                left(place, Status::Refused, Some(&failure.code));
            }
        }
        if let Event::Ticketed(ticketed) = event {
            let (at, ticket) = (record.at, investment(deal, seq, ticketed));
            match &ticketed.decision {
                Decision::Reserved => self.place(at, ticket),
                Decision::Waiting(_) => drop(self.waiting.insert(seq, (at, ticket))),
                Decision::Refused { rejection, .. } => {
                    let failure = Some(rejection.code.as_str());
                    let standing =
                        Standing { status: Status::Refused, ended_at: Some(at), failure };
                    put(&ticket, at, &standing, rows);
                }
            }
        }
        if let Event::Promoted { places, .. } = event {
            for place in places {
                let (at, ticket) = waits(&mut self.waiting, place.investment);
                self.place(at, ticket);
            }
        }
        if let Event::Confirmed { investment, .. } | Event::Freed { investment, .. } = event {
            let placed = self.placed.get_mut(&(Arc::clone(deal), *investment));
            placed.expect("only a place is confirmed or freed").open = None;
        }
    }

    fn place(&mut self, at: Timestamp, ticket: Investment) {
        let place = (ticket.id.deal.shared(), ticket.id.seq);
        self.placed.insert(place, Placed { at, open: Some(Box::new(ticket)) });
    }

    fn end_saga(&mut self, rows: &mut Rows) {
        let saga = std::mem::take(&mut self.saga);
        let ended_at = self.ended_at.take();
        let Some(Subject::Investment(investment)) = saga.subject() else { return };
        let InvestmentId { deal, seq } = &investment.id;
        // Missing only at a position that no export told: a saga begins with a place.
        let Some(placed) = self.placed.remove(&(deal.shared(), *seq)) else { return };
        let failure = match saga.phase() {
            Phase::Undoing(failure) => failure.as_ref(),
            Phase::Ended(End::Failed(failure)) => Some(failure),
            Phase::Running | Phase::Ended(End::Done | End::Cancelled) => None,
        };
        let standing = Standing {
            status: Status::of_saga(&saga),
            ended_at,
            failure: failure.map(|failure| &*failure.code),
        };
        put(investment, placed.at, &standing, rows);
    }
}

fn put(ticket: &Investment, at: Timestamp, standing: &Standing<'_>, rows: &mut Rows) {
    let Some(row) = rows.row(at) else { return };
    row.shown(&ticket.id)
        .time(at)
        .text(ticket.id.deal.as_str())
        .text(ticket.wallet.as_str())
        .count(ticket.ticket)
        .text(standing.status.as_str())
        .money(ticket.amount.minor(), ticket.currency)
        .text(ticket.currency.code())
        .text(ticket.funding.as_str())
        .time_or_null(standing.ended_at)
        .text_or_null(standing.failure)
        .end();
}

/// A ticket that leaves the line.
fn waits(
    waiting: &mut BTreeMap<Seq, (Timestamp, Investment)>,
    investment: Seq,
) -> (Timestamp, Investment) {
    waiting.remove(&investment).expect("only who waits leaves the line")
}

/// What was asked for, as its saga would know it.
fn investment(deal: &Arc<str>, seq: Seq, ticketed: &Ticketed) -> Investment {
    Investment {
        id: InvestmentId { deal: DealId::from_shared(Arc::clone(deal)), seq },
        ticket: ticketed.ticket,
        wallet: ticketed.wallet.clone(),
        amount: ticketed.amount,
        currency: ticketed.currency,
        funding: ticketed.funding,
    }
}
