//! A wallet: one customer's money in one currency.
//!
//! `command` says what may be asked, `event` what may happen and what follows from it, `rules`
//! decides; `settled` has all of that for payments that are settled at once, `reward` for rewards;
//! `pull` is what follows from money of the bank.
//! This file holds the state and writes events into it.
//!
//! Invariants, checked after every event: held is the sum of the holds; available = posted - held
//! stays at or above the limit (minus the credit limit) for every event that a command caused.

pub mod command;
pub mod event;
mod pull;
pub mod reward;
mod rules;
pub mod settled;

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{InvestmentId, ProviderId, Seq};
use crate::key::{Index, Key};
use crate::message::{Marks, Source};
use crate::money::{Amount, Total};
use crate::planted::{self, Bug};
use crate::time::Timestamp;

pub use command::Command;
pub use event::Event;

/// The most holds a wallet has at one time, pending investments and payments included.
pub const HOLDS_MAX: usize = 256;

/// The most deposits from the bank that a wallet expects at one time.
pub const EXPECTED_MAX: usize = 256;

/// What is said of a wallet when it is opened, and does not change.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Profile {
    /// The one currency of the wallet.
    pub currency: Currency,
    /// How far below zero the available balance may go; zero or positive.
    pub credit_limit: Amount,
    /// Whose it is, in the client's words.
    pub owner: Option<Box<str>>,
    /// Where the owner is written to.
    pub email: Option<Box<str>>,
    /// The account at the processor; without it, the wallet's id.
    pub bank_account: Option<Box<str>>,
}

/// Whether a wallet may pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub enum Status {
    /// It may.
    #[default]
    Active,
    /// It may only receive.
    Frozen,
}

impl Status {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
        }
    }
}

/// Money set aside.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Hold {
    /// Its name, given by who asked for it.
    pub id: Box<str>,
    /// How much; zero for an investment that the bank pays.
    pub amount: Amount,
}

/// Money that was asked for and has not come yet: a refund from a provider, or a pull from the
/// bank.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Expected {
    /// The decision that asked.
    pub asked: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// For a refund, the key it was asked under: the money's arrival closes it.
    pub key: Option<Key>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// The state of a wallet. Before `Opened` it has no profile. What most wallets never have is kept
/// apart, because there are millions of them in memory.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Wallet {
    profile: Option<Arc<Profile>>,
    status: Status,
    posted: Amount,
    held: Amount,
    rare: Option<Box<Rare>>,
}

/// What only wallets with holds, refunds or pulls have.
#[derive(Clone, Debug, Default, Encode, Decode)]
struct Rare {
    holds: Vec<Hold>,
    expected: Vec<Expected>,
    refunded: Index,
    marks: Marks,
}

static NOTHING_RARE: Rare =
    Rare { holds: Vec::new(), expected: Vec::new(), refunded: Index::EMPTY, marks: Marks::EMPTY };

/// What anyone may see of a wallet.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was said when it was opened.
    pub profile: Arc<Profile>,
    /// Whether it may pay.
    pub status: Status,
    /// Booked.
    pub posted: Amount,
    /// Set aside.
    pub held: Amount,
    /// The investments that are pending; `None` when there are none.
    pub pending_investments: Option<Arc<[Box<str>]>>,
    /// The payments that are pending, each under its id; `None` when there are none.
    pub pending_payments: Option<Arc<[Hold]>>,
}

impl Summary {
    /// What may be spent, not counting credit.
    ///
    /// # Panics
    /// Never: both are within the range that the rules hold.
    pub fn available(&self) -> Amount {
        self.posted.checked_sub(self.held).expect("the rules keep available within range")
    }
}

impl Wallet {
    /// The slot of a payment in the index of what was refunded.
    fn refund_slot(payment: Seq) -> u128 {
        u128::from(payment.0)
    }

    fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// What was refunded of each payment; older entries are on disk under the payment's slot.
    pub fn refunded(&self) -> &Index {
        &self.rare().refunded
    }

    /// The same, for forgetting what a save wrote.
    pub fn refunded_mut(&mut self) -> Option<&mut Index> {
        self.rare.as_deref_mut().map(|rare| &mut rare.refunded)
    }

    /// The holds, oldest first.
    pub fn holds(&self) -> &[Hold] {
        &self.rare().holds
    }

    /// The money that was asked for and has not come, oldest first.
    pub fn expected(&self) -> &[Expected] {
        &self.rare().expected
    }

    /// The ids of investments that are pending here: each has a hold under its id.
    pub fn pending_investments(&self) -> impl Iterator<Item = &str> {
        let ids = self.rare().holds.iter().map(|hold| &*hold.id);
        ids.filter(|id| InvestmentId::parse(id).is_some())
    }

    fn available(&self) -> Amount {
        if planted::is(Bug::HoldsNotCounted) {
            return self.posted;
        }
        self.posted.checked_sub(self.held).expect("checked after every event")
    }

    /// What was asked for and has not arrived. Into a wallet far below zero more may be on its way
    /// than the largest amount.
    fn on_its_way(&self) -> Total {
        let mut amounts = self.rare().expected.iter().map(|expected| expected.amount);
        let sum = amounts.try_fold(Total::ZERO, Total::checked_add);
        sum.expect("a total holds any number of amounts")
    }

    fn write(&mut self, event: &Event, seq: Seq) {
        match event {
            Event::Opened(profile) => self.profile = Some(Arc::clone(profile)),
            Event::Deposited(deposited) => self.posted = deposited.balance_after,
            Event::Paid(paid) => self.posted = paid.balance_after,
            Event::HoldPlaced { hold, .. } => self.place(hold),
            Event::HoldReleased { id } => drop(self.release_hold(id)),
            Event::Frozen => self.status = Status::Frozen,
            Event::Unfrozen => self.status = Status::Active,
            Event::RefundRequested(request) => {
                let total = u64::try_from(request.refunded_total.minor());
                let rare = self.rare_mut();
                rare.refunded.set(
                    Self::refund_slot(request.payment),
                    total.expect("a total of refunds is positive"),
                );
                let (amount, key) = (request.amount, request.key.clone());
                let effective_at = request.effective_at;
                rare.expected.push(Expected { asked: seq, amount, key, effective_at });
            }
            Event::RefundReceived(refund) => {
                self.arrived(refund.source, refund.refund);
                self.posted = refund.balance_after;
            }
            Event::Marked(_)
            | Event::MarkRefused { .. }
            | Event::Invested(_)
            | Event::Unmarked { .. }
            | Event::PullRequested(_)
            | Event::PullBooked(_)
            | Event::PullAbandoned { .. }
            | Event::PaymentHeld(_)
            | Event::PaymentPosted(_)
            | Event::PaymentFailed(_)
            | Event::Reward(_) => self.write_for_saga(event, seq),
        }
    }

    fn write_for_saga(&mut self, event: &Event, seq: Seq) {
        match event {
            Event::Marked(marked) => {
                self.rare_mut().marks.raise(marked.source);
                self.place(&marked.hold);
            }
            Event::MarkRefused { source, .. } => self.rare_mut().marks.raise(*source),
            Event::Invested(invested) => {
                self.rare_mut().marks.raise(invested.source);
                let held = self.release_hold(&invested.by.entity.id);
                assert_eq!(held, invested.amount, "{invested:?}: what was set aside is paid");
                self.posted = invested.balance_after;
            }
            Event::Unmarked { source, by } => {
                self.rare_mut().marks.raise(*source);
                self.release_hold(&by.entity.id);
            }
            Event::PullRequested(request) => {
                let (amount, effective_at) = (request.amount, request.effective_at);
                let expected = Expected { asked: seq, amount, key: None, effective_at };
                self.rare_mut().expected.push(expected);
            }
            Event::PullBooked(booked) => {
                self.arrived(booked.source, booked.deposit);
                self.posted = booked.balance_after;
            }
            Event::PullAbandoned { source, deposit, .. } => self.arrived(*source, *deposit),
            Event::PaymentHeld(held) => self.place(&held.hold(seq)),
            Event::PaymentPosted(posted) => self.write_posted(posted),
            Event::PaymentFailed(failed) => self.write_failed(failed),
            Event::Reward(event) => {
                self.rare_mut().marks.raise(event.source());
                self.posted = event.balance_after().unwrap_or(self.posted);
            }
            Event::Opened(_)
            | Event::Deposited(_)
            | Event::Paid(_)
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::Frozen
            | Event::Unfrozen
            | Event::RefundRequested(_)
            | Event::RefundReceived(_) => unreachable!("{event:?} is written before"),
        }
    }

    fn place(&mut self, hold: &Hold) {
        self.held = self.held.checked_add(hold.amount).expect("decided within range");
        self.rare_mut().holds.push(hold.clone());
    }

    /// Sets nothing aside under a name any more; how much it was.
    fn release_hold(&mut self, id: &str) -> Amount {
        let holds = &mut self.rare_mut().holds;
        let at = holds.iter().position(|hold| &*hold.id == id);
        let hold = holds.remove(at.expect("only a hold that stands is released"));
        self.held = self.held.checked_sub(hold.amount).expect("held is the holds' sum");
        hold.amount
    }

    /// What was expected has come, or will not.
    fn arrived(&mut self, source: Source, asked: Seq) {
        let rare = self.rare_mut();
        rare.marks.raise(source);
        rare.expected.retain(|expected| expected.asked != asked);
    }

    /// The invariants; broken ones are our fault, so the process stops.
    fn check(&self) {
        let sum = self
            .rare()
            .holds
            .iter()
            .try_fold(Amount::ZERO, |sum, hold| sum.checked_add(hold.amount));
        assert_eq!(sum, Some(self.held), "held must be the sum of the holds");
        assert!(self.posted.checked_sub(self.held).is_some(), "available must stay within range");
    }

    fn name_of(provider: &ProviderId) -> String {
        format!("provider {provider}")
    }
}
