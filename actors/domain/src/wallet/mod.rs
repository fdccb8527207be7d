//! A wallet: one customer's money in one currency.
//!
//! `command` says what may be asked, `event` what may happen and what follows from it, `rules`
//! decides; this file holds the state and writes events into it.
//!
//! Invariants, checked after every event: held is the sum of the holds; available = posted - held
//! stays at or above the limit (minus the credit limit) for every event that a command caused.

pub mod command;
pub mod event;
mod rules;

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{ProviderId, Seq};
use crate::key::{Index, Key};
use crate::message::Marks;
use crate::money::Amount;
use crate::time::Timestamp;

pub use command::Command;
pub use event::Event;

/// The most holds a wallet has at one time.
pub const HOLDS_MAX: usize = 256;

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
    /// How much, positive.
    pub amount: Amount,
}

/// A refund that was asked of a provider and has not come back yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PendingRefund {
    /// The decision that asked.
    pub refund: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// The key it was asked under: the money's arrival closes it.
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

/// What only wallets with holds or refunds have.
#[derive(Clone, Debug, Default, Encode, Decode)]
struct Rare {
    holds: Vec<Hold>,
    refunds: Vec<PendingRefund>,
    refunded: Index,
    marks: Marks,
}

static NOTHING_RARE: Rare =
    Rare { holds: Vec::new(), refunds: Vec::new(), refunded: Index::EMPTY, marks: Marks::EMPTY };

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

    /// The refunds that wait for a provider, oldest first.
    pub fn pending_refunds(&self) -> &[PendingRefund] {
        &self.rare().refunds
    }

    fn available(&self) -> Amount {
        self.posted.checked_sub(self.held).expect("checked after every event")
    }

    /// What was asked back and has not arrived.
    fn on_its_way(&self) -> Amount {
        let mut amounts = self.rare().refunds.iter().map(|pending| pending.amount);
        let sum = amounts.try_fold(Amount::ZERO, Amount::checked_add);
        sum.expect("room was checked with each request")
    }

    fn write(&mut self, event: &Event, seq: Seq) {
        match event {
            Event::Opened(profile) => self.profile = Some(Arc::clone(profile)),
            Event::Deposited(deposited) => self.posted = deposited.balance_after,
            Event::Paid(paid) => self.posted = paid.balance_after,
            Event::HoldPlaced { hold, .. } => {
                self.held = self.held.checked_add(hold.amount).expect("decided within range");
                self.rare_mut().holds.push(hold.clone());
            }
            Event::HoldReleased { id } => {
                let holds = &mut self.rare_mut().holds;
                let at = holds.iter().position(|hold| hold.id == *id);
                let hold = holds.remove(at.expect("only a hold that stands is released"));
                self.held = self.held.checked_sub(hold.amount).expect("held is the holds' sum");
            }
            Event::Frozen => self.status = Status::Frozen,
            Event::Unfrozen => self.status = Status::Active,
            Event::RefundRequested(request) => {
                let total = u64::try_from(request.refunded_total.minor());
                let rare = self.rare_mut();
                rare.refunded.set(
                    Self::refund_slot(request.payment),
                    total.expect("a total of refunds is positive"),
                );
                rare.refunds.push(PendingRefund {
                    refund: seq,
                    amount: request.amount,
                    key: request.key.clone(),
                    effective_at: request.effective_at,
                });
            }
            Event::RefundReceived(refund) => {
                let rare = self.rare_mut();
                rare.refunds.retain(|pending| pending.refund != refund.refund);
                rare.marks.raise(refund.source);
                self.posted = refund.balance_after;
            }
        }
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
