//! A deal, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: the tickets, dense and ascending; who has a place and a seat
//! (`room`), never more than the deal takes; who waits, and whether the line is worked off in order
//! and nobody is passed over (`line`); the money that came with each confirmation; how those who got
//! no place left the line. Every place begins a saga, and every saga's word on it is answered.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.

mod line;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::deal::{Event, Profile, Waiting};
use bursar_domain::id::{DealId, EntityId, InvestmentId, Kind, Seq, ShardId, WalletId};
use bursar_domain::key::Index;
use bursar_domain::message::{Answer, Asker, Body};
use bursar_domain::money::{Amount, Total};
use bursar_domain::record::{Record, Verdict};
use bursar_snapshots::codec::{self, CodecError};
use bursar_snapshots::store::IndexKind;

use self::room::Room;
use super::cases::Part;
use super::entity::{Account, Saved};
use super::ledger::{Balance, Entry, Marks, check_money, compare, same, strange};
use super::side::{Side, Values};
use super::sums::major;

/// A deal's state as it is on disk: profile, whether it is closed (0 or 1), last ticket, seats,
/// places, line, reserved, confirmed, how many are confirmed, how many seats are, posted, whether it
/// is unfinished, who left the line, received messages.
pub(super) type State = (
    Option<Arc<Profile>>,
    u32,
    u64,
    BTreeMap<WalletId, (u32, u32)>,
    BTreeMap<Seq, (WalletId, Amount)>,
    BTreeMap<Seq, Waiting>,
    Amount,
    Amount,
    u32,
    u16,
    Total,
    bool,
    Index,
    Vec<(ShardId, Seq)>,
);

/// A deal as its records make it.
#[derive(Debug, Default)]
pub(super) struct Deal {
    profile: Option<Arc<Profile>>,
    is_closed: bool,
    last_ticket: u64,
    room: Room,
    line: BTreeMap<Seq, Waiting>,
    /// Nobody in line fits; that stays so until a place is freed.
    nobody_fits: bool,
    posted: Balance,
    confirmed_count: u32,
    is_unfinished: bool,
    left: Values,
    marks: Marks,
}

/// The investment that a decision of this deal gave a ticket.
fn investment(seq: Seq, entry: &Entry<'_>) -> InvestmentId {
    InvestmentId { deal: DealId::from_shared(Arc::clone(&entry.place.id.id)), seq }
}

impl Account for Deal {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Deal(events) => {
                for event in events {
                    self.event(event, entry);
                }
                self.check_line(events, entry);
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_be_open(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (profile, gate, ticket, seats, places, line, reserved, confirmed, ..) = state;
        let (.., confirmed_count, seats_confirmed, posted, unfinished, _, marks) = state;
        let room = &self.room;
        let mut list = Vec::new();
        let what = "the profile is not what the deal was opened with";
        same(&mut list, profile, &self.profile, what);
        compare(&mut list, "closed", &(*gate == 1), &self.is_closed);
        compare(&mut list, "last_ticket", ticket, &self.last_ticket);
        same(&mut list, seats, &room.seats, "the seats are not those that the records gave");
        same(&mut list, places, &room.places, "the places are not those that the records gave");
        same(&mut list, line, &self.line, "the line is not what the records left of it");
        if let Some(currency) = self.currency() {
            let mut money = |field: &str, saved: i128, found: i128| {
                compare(&mut list, field, &major(saved, currency), &major(found, currency));
            };
            money("reserved", i128::from(reserved.minor()), room.reserved);
            money("confirmed", i128::from(confirmed.minor()), room.confirmed);
            money("posted", posted.minor(), self.posted.sum());
        }
        compare(&mut list, "confirmed_count", confirmed_count, &self.confirmed_count);
        let seats = room.seats_confirmed();
        compare(&mut list, "seats_confirmed", &usize::from(*seats_confirmed), &seats);
        compare(&mut list, "unfinished", unfinished, &self.is_unfinished);
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.posted.sum()))
    }

    fn side<'a>(&'a self, state: Option<&'a State>) -> Option<Side<'a>> {
        Some(Side {
            kind: IndexKind::Left,
            of: "investment",
            says: "as how it left the line",
            values: &self.left,
            saved: state.map(|state| &state.12),
        })
    }
}

impl Deal {
    fn currency(&self) -> Option<Currency> {
        self.profile.as_ref().map(|profile| profile.currency)
    }

    fn must_be_open(&self, entry: &mut Entry<'_>) {
        if self.profile.is_none() {
            entry.wrong("it was decided before the deal was opened");
        }
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if !matches!(event, Event::Opened(_)) {
            self.must_be_open(entry);
        }
        match event {
            Event::Opened(profile) => self.opened(profile, entry),
            Event::Ticketed(event) => self.ticketed(event, entry),
            Event::Promoted { places, currency } => {
                self.check_currency(*currency, entry);
                self.promoted(places, entry);
            }
            Event::Confirmed { source, by, investment, amount, currency, balance_after } => {
                let (by, investment, currency) = (by.clone(), *investment, *currency);
                let body = Body::Confirm { by, investment, amount: *amount, currency };
                self.marks.receive(*source, &body, entry);
                self.confirmed(event, *balance_after, entry);
            }
            Event::Freed { source, by, investment } => {
                let body = Body::Free { by: by.clone(), investment: *investment };
                self.marks.receive(*source, &body, entry);
                self.freed(by, *investment, entry);
            }
            Event::LineRefused { places, currency } => {
                self.check_currency(*currency, entry);
                self.line_refused(places, entry);
            }
            Event::Withdrawn { place, currency } => {
                self.check_currency(*currency, entry);
                self.withdrawn(place, entry);
            }
            Event::Closed => self.is_closed = true,
            Event::Unfinished => {
                self.is_unfinished = true;
                let to = entry.place.id;
                entry.sent(to, &Body::Continue);
            }
            Event::Continued { source } => {
                self.marks.receive(*source, &Body::Continue, entry);
                self.is_unfinished = false;
            }
        }
    }

    fn opened(&mut self, profile: &Arc<Profile>, entry: &mut Entry<'_>) {
        if self.profile.replace(Arc::clone(profile)).is_some() {
            entry.wrong("the deal was opened before");
        }
        self.room.amount = i128::from(profile.amount.minor());
        self.room.seats_max = usize::from(profile.investors_max);
        self.nobody_fits = true;
    }

    fn check_currency(&self, currency: Currency, entry: &mut Entry<'_>) {
        if let Some(own) = self.currency().filter(|own| *own != currency) {
            entry.wrong(format!("it is about {currency}; the deal is in {own}"));
        }
    }

    fn confirmed(&mut self, event: &Event, balance_after: Total, entry: &mut Entry<'_>) {
        let Event::Confirmed { by, investment, amount, currency, .. } = event else { return };
        check_money(*amount, *currency, self.currency(), entry);
        match self.room.confirm(*investment) {
            None => entry.wrong(format!("investment {investment} is confirmed and had no place")),
            Some((_, reserved)) if reserved != *amount => entry.wrong(format!(
                "{} were reserved for investment {investment}, and {} came",
                reserved.to_major(*currency),
                amount.to_major(*currency)
            )),
            Some(_) => {}
        }
        self.confirmed_count += 1;
        let change = i128::from(amount.minor());
        self.posted.step(change, balance_after.minor(), *currency, entry);
        entry.paid_in(*currency, *amount);
        answer(by, Kind::Saga, *investment, Part::Kept, entry);
    }

    fn freed(&mut self, by: &Asker, investment: Seq, entry: &mut Entry<'_>) {
        if self.room.free_place(investment).is_none() {
            entry.wrong(format!("investment {investment} is freed and had no place"));
        }
        self.nobody_fits = false;
        answer(by, Kind::Compensation, investment, Part::Undone, entry);
    }
}

/// Answers who asked, which must be the investment's own saga or compensation.
fn answer(by: &Asker, kind: Kind, investment: Seq, part: Part, entry: &mut Entry<'_>) {
    let EntityId { id, .. } = self::investment(investment, entry).saga();
    if by.entity.kind != kind || by.entity.id != id {
        entry.wrong(format!("{} asks about investment {investment}", by.entity));
    }
    entry.ledger.cases.deal(&id, part);
    entry.replied(by, Answer::Done);
}
