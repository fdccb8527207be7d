//! A campaign: a budget that is given away by draws over bank transactions, first come first served.
//!
//! Statements draw by themselves (`draw`, `catalogue`) and tell the campaign what was drawn; it alone
//! decides which wins its budget still holds, in the order in which it hears of them. It counts and
//! caps, and holds no money: a reward is booked from outside when the wallet has it.
//!
//! `terms` says what was announced, `merchants` whose purchases fit, `draw` how anyone checks a draw,
//! `catalogue` which campaign a purchase is drawn in; `command`, `event` and `rules` are as in every
//! entity. This file holds the state.
//!
//! Invariants: granted is never over the budget; wins are decided in the order in which they came,
//! also over a pause; terms never change.

pub mod catalogue;
pub mod command;
pub mod draw;
pub mod event;
pub mod merchants;
mod rules;
pub mod terms;

use std::collections::VecDeque;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::id::Seq;
use crate::message::Marks;
use crate::money::{Amount, Total};

pub use catalogue::{Catalogue, Purchase};
pub use command::Command;
pub use event::{Decided, Decision, Event, News, RewardNews, Win};
pub use merchants::{Merchant, Merchants};
pub use terms::{SharedTerms, Terms};

/// The most wins that wait while a campaign pauses.
pub const WAITING_MAX: usize = 20_000;

/// How many of them are decided at a time.
pub const ADMITTED_MAX: usize = 256;

/// What has happened so far, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Counts {
    /// Purchases drawn.
    pub draws: u64,
    /// Draws that won.
    pub wins: u64,
    /// Wins that are granted, taken back or not.
    pub rewards: u64,
    /// Wins for which the budget had not enough left.
    pub exhausted: u64,
    /// Wins that came to nothing for another reason.
    pub failed: u64,
    /// What was taken back.
    pub taken_back: Total,
}

impl Default for Counts {
    fn default() -> Self {
        let taken_back = Total::ZERO;
        Self { draws: 0, wins: 0, rewards: 0, exhausted: 0, failed: 0, taken_back }
    }
}

/// The state of a campaign. Before it is announced it has no terms.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Campaign {
    terms: Option<SharedTerms>,
    paused: bool,
    granted: Amount,
    counts: Counts,
    waiting: VecDeque<Decided>,
    marks: Marks,
}

/// What anyone may see of a campaign.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was announced.
    pub terms: SharedTerms,
    /// Whether it grants nothing for now.
    pub paused: bool,
    /// What is granted and not taken back.
    pub granted: Amount,
    /// What has happened.
    pub counts: Counts,
    /// How many wins wait.
    pub waiting: usize,
}

impl Summary {
    /// What is left of the budget.
    ///
    /// # Panics
    /// Never: granted is never over the budget.
    pub fn remaining(&self) -> Amount {
        self.terms.budget.checked_sub(self.granted).expect("granted is never over the budget")
    }
}

impl Campaign {
    /// What was announced.
    pub fn terms(&self) -> Option<&SharedTerms> {
        self.terms.as_ref()
    }

    /// What is granted and not taken back.
    pub fn granted(&self) -> Amount {
        self.granted
    }

    /// What has happened.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether it grants nothing for now.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// The wins that wait, the oldest first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &Decided> {
        self.waiting.iter()
    }

    fn write(&mut self, event: &Event, _: Seq) {
        match event {
            Event::Announced(terms) => self.terms = Some(Arc::clone(terms)),
            Event::Counted(event) => {
                self.counts.draws += u64::from(event.draws);
                for decided in &event.wins {
                    self.counts.wins += 1;
                    self.decided(decided);
                }
                assert_eq!(self.granted, event.granted_after, "{event:?}: a wrong sum");
            }
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Admitted(event) => {
                for decided in &event.wins {
                    let first = self.waiting.pop_front().expect("only what waits is admitted");
                    assert_eq!(first.win, decided.win, "the oldest first");
                    self.decided(decided);
                }
                assert_eq!(self.granted, event.granted_after, "{event:?}: a wrong sum");
                assert_eq!(event.more, !self.waiting.is_empty(), "it goes on to the end");
            }
            Event::Ungranted(event) => {
                self.free(event.win.amount);
                self.counts.rewards -= 1;
                self.counts.failed += 1;
            }
            Event::TakenBack { amount, .. } => {
                self.free(*amount);
                let taken_back = self.counts.taken_back.checked_add(*amount);
                self.counts.taken_back = taken_back.expect("a total holds any number of amounts");
            }
            Event::NothingWaits { .. } => {}
        }
    }

    fn decided(&mut self, decided: &Decided) {
        match decided.decision {
            Decision::Granted => {
                let granted = self.granted.checked_add(decided.win.amount);
                self.granted = granted.expect("never over the budget");
                self.counts.rewards += 1;
            }
            Decision::Exhausted => self.counts.exhausted += 1,
            Decision::TurnedAway => self.counts.failed += 1,
            Decision::Waits => self.waiting.push_back(decided.clone()),
        }
    }

    fn free(&mut self, amount: Amount) {
        let granted = self.granted.checked_sub(amount).filter(|granted| !granted.is_negative());
        self.granted = granted.expect("only what was granted is given back");
    }

    /// The invariants; broken ones are our fault, so the process stops.
    fn check(&self) {
        let budget = self.terms.as_ref().map_or(Amount::ZERO, |terms| terms.budget);
        assert!(self.granted <= budget, "granted is never over the budget");
        assert!(self.waiting.len() <= WAITING_MAX, "the line is bounded");
    }
}
