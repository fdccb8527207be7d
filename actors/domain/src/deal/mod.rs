//! A deal: investments up to an amount and a number of investors, first come first served.
//!
//! `command` says what may be asked, `event` what may happen and what follows from it, `rules`
//! decides; this file holds the state and writes events into it.
//!
//! A seat is a wallet that has a place or is confirmed, however often it invests. Who has no place
//! waits in line, and who waits longest is asked first when a place is freed.
//!
//! Invariants, checked after every event: reserved + confirmed is at most the amount; seats are at
//! most the ceiling; tickets are dense; the money that came is the sum of what was confirmed.

pub mod command;
pub mod event;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{Seq, WalletId};
use crate::key::Index;
use crate::message::Marks;
use crate::money::{Amount, Total};
use crate::planted::{self, Bug};
use crate::time::Timestamp;

pub use command::Command;
pub use event::{Decision, Event, Waiting};

/// The most investors that a deal may have.
pub const INVESTORS_MAX: u16 = 200;

/// How many may wait in line.
pub const LINE_MAX: usize = 20_000;

/// What is said of a deal when it is opened, and does not change.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Profile {
    /// Its name.
    pub name: Box<str>,
    /// Its one currency.
    pub currency: Currency,
    /// The most that it takes, positive.
    pub amount: Amount,
    /// The most investors: distinct wallets, 1 to 200.
    pub investors_max: u16,
    /// The least of one investment.
    pub investment_min: Option<Amount>,
    /// The most of one investment.
    pub investment_max: Option<Amount>,
    /// Before this, nothing is taken.
    pub opens_at: Option<Timestamp>,
    /// From this on, nothing is taken.
    pub closes_at: Option<Timestamp>,
}

/// A place that is not confirmed yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Place {
    wallet: WalletId,
    amount: Amount,
}

/// How many investments of a wallet take its seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
struct Seat {
    reserved: u32,
    confirmed: u32,
}

/// Whether new requests are taken, apart from the times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
enum Gate {
    #[default]
    Open,
    Closed,
}

/// How an investment left the line without a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// It was cancelled.
    Withdrawn,
    /// There was no seat left.
    Full,
    /// The amount did not fit any more.
    TooMuch,
}

impl Left {
    const fn number(self) -> u64 {
        match self {
            Self::Withdrawn => 1,
            Self::Full => 2,
            Self::TooMuch => 3,
        }
    }

    /// From a number of the index of those who left.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Withdrawn),
            2 => Some(Self::Full),
            3 => Some(Self::TooMuch),
            _ => None,
        }
    }
}

/// The state of a deal. Before `Opened` it has no profile.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Deal {
    profile: Option<Arc<Profile>>,
    gate: Gate,
    last_ticket: u64,
    seats: BTreeMap<WalletId, Seat>,
    places: BTreeMap<Seq, Place>,
    line: BTreeMap<Seq, Waiting>,
    reserved: Amount,
    confirmed: Amount,
    confirmed_count: u32,
    seats_confirmed: u16,
    posted: Total,
    /// Whether the last decision left more to do.
    unfinished: bool,
    left: Index,
    marks: Marks,
}

/// What anyone may see of a deal.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was said when it was opened.
    pub profile: Arc<Profile>,
    /// Whether it was closed by hand.
    pub closed: bool,
    /// The last ticket that was given; 0 before the first.
    pub last_ticket: u64,
    /// Wallets that have a seat.
    pub seats_taken: usize,
    /// Wallets whose seat is for good.
    pub seats_confirmed: usize,
    /// The sum of investments on their way.
    pub reserved: Amount,
    /// How many they are.
    pub reserved_count: usize,
    /// The sum of confirmed investments.
    pub confirmed: Amount,
    /// How many they are.
    pub confirmed_count: u32,
    /// How many wait in line.
    pub waiting: usize,
}

impl Summary {
    /// What can still be reserved.
    pub fn remaining(&self) -> Amount {
        let taken = self.reserved.checked_add(self.confirmed);
        let remaining = taken.and_then(|taken| self.profile.amount.checked_sub(taken));
        remaining.expect("the rules keep to the amount")
    }
}

/// Where an investment stands, as far as its deal knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It waits, at this position of the line, from 1.
    Waiting(usize),
    /// It left the line without a place.
    Left(Left),
    /// It left the line perhaps, long ago: the index on disk knows.
    AskDisk,
    /// Neither: it has or had a place, or was refused at once.
    Beyond,
}

impl Deal {
    /// Where an investment with a ticket stands.
    pub fn standing(&self, investment: Seq) -> Standing {
        use crate::key::Known;
        if self.line.contains_key(&investment) {
            return Standing::Waiting(self.line.range(..=investment).count());
        }
        match self.left.get(u128::from(investment.0)) {
            Known::Value(number) => {
                Standing::Left(Left::from_number(number).expect("written by `leave`"))
            }
            Known::AskDisk => Standing::AskDisk,
            Known::Never => Standing::Beyond,
        }
    }

    /// Who left the line; older entries are on disk under the investment's position.
    pub fn left_mut(&mut self) -> &mut Index {
        &mut self.left
    }

    fn is_seated(&self, wallet: &WalletId) -> bool {
        self.seats.contains_key(wallet)
    }

    fn seat(&mut self, investment: Seq, wallet: &WalletId, amount: Amount) {
        self.seats.entry(wallet.clone()).or_default().reserved += 1;
        self.reserved = self.reserved.checked_add(amount).expect("at most the deal's amount");
        self.places.insert(investment, Place { wallet: wallet.clone(), amount });
    }

    /// Takes an investment out of those that are on their way.
    fn unseat(&mut self, investment: Seq) -> Place {
        let place = self.places.remove(&investment).expect("only a place is confirmed or freed");
        let seat = self.seats.get_mut(&place.wallet).expect("a place has a seat");
        seat.reserved -= 1;
        self.reserved = self.reserved.checked_sub(place.amount).expect("it was added");
        place
    }

    fn leave(&mut self, investment: Seq, left: Left) {
        self.line.remove(&investment).expect("only who waits leaves the line");
        self.left.set(u128::from(investment.0), left.number());
    }

    fn write(&mut self, event: &Event, seq: Seq) {
        match event {
            Event::Opened(profile) => self.profile = Some(Arc::clone(profile)),
            Event::Ticketed(ticketed) => {
                assert_eq!(ticketed.ticket, self.last_ticket + 1, "tickets are dense");
                self.last_ticket = ticketed.ticket;
                match &ticketed.decision {
                    Decision::Reserved => self.seat(seq, &ticketed.wallet, ticketed.amount),
                    Decision::Waiting(_) => {
                        let waiting = Waiting {
                            investment: seq,
                            ticket: ticketed.ticket,
                            wallet: ticketed.wallet.clone(),
                            amount: ticketed.amount,
                            funding: ticketed.funding,
                        };
                        self.line.insert(seq, waiting);
                    }
                    Decision::Refused { .. } => {}
                }
            }
            Event::Promoted { places, .. } => {
                for place in places {
                    self.line.remove(&place.investment).expect("only who waits moves up");
                    self.seat(place.investment, &place.wallet, place.amount);
                }
            }
            Event::Confirmed { source, investment, amount, balance_after, .. } => {
                self.marks.raise(*source);
                let place = self.unseat(*investment);
                assert_eq!(place.amount, *amount, "the money is what was reserved");
                let seat = self.seats.get_mut(&place.wallet).expect("a place has a seat");
                seat.confirmed += 1;
                self.seats_confirmed += u16::from(seat.confirmed == 1);
                self.confirmed = self.confirmed.checked_add(*amount).expect("at most the amount");
                self.confirmed_count += 1;
                self.posted = *balance_after;
            }
            Event::Freed { source, investment, .. } => {
                self.marks.raise(*source);
                let wallet = self.unseat(*investment).wallet;
                let is_empty = self.seats.get(&wallet).is_some_and(|seat| *seat == Seat::default());
                if is_empty && !planted::is(Bug::SeatNotFreed) {
                    self.seats.remove(&wallet);
                }
            }
            Event::LineRefused { places, .. } => {
                for (place, failure) in places {
                    let full = &*failure.code == crate::code::Code::DealFull.as_str();
                    let left = if full { Left::Full } else { Left::TooMuch };
                    self.leave(place.investment, left);
                }
            }
            Event::Withdrawn { place, .. } => self.leave(place.investment, Left::Withdrawn),
            Event::Closed => self.gate = Gate::Closed,
            Event::Unfinished => self.unfinished = true,
            Event::Continued { source } => {
                self.marks.raise(*source);
                self.unfinished = false;
            }
        }
    }

    /// The invariants; broken ones are our fault, so the process stops.
    fn check(&self) {
        let Some(profile) = &self.profile else { return };
        let taken = self.reserved.checked_add(self.confirmed);
        assert!(taken.is_some_and(|taken| taken <= profile.amount), "never over the amount");
        assert!(self.seats.len() <= usize::from(profile.investors_max), "never too many seats");
        assert!(self.line.len() <= LINE_MAX, "the line is bounded");
        assert_eq!(self.posted, Total::from(self.confirmed), "the money is what was confirmed");
    }
}
