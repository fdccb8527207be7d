//! A statement: what a wallet's owner did at the bank, as far as it is remembered.
//!
//! Beside each wallet that sends bank lines stands one statement, under the wallet's id. It takes
//! lines in, each once (`window`, `judge`); looks at what it took in a decision of its own, off the
//! request path, and draws (`evaluate`); and keeps how its rewards stand (`rewards`). `line` says
//! what a line is; `command`, `event` and `rules` are as in every entity. This file holds the state.
//!
//! What is remembered is a window of days: a line before it is refused, so a line that was forgotten
//! cannot come again, and memory is bounded by the customer's own month.
//!
//! Invariants: one purchase is drawn at most once; what is drawn depends on the line, the campaign's
//! terms and the day's seed, never on when or how the line came; lines are looked at in the order in
//! which they were taken.

pub mod command;
mod evaluate;
pub mod event;
mod judge;
pub mod line;
pub mod rewards;
mod rules;
mod window;

use std::collections::VecDeque;

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{Seq, WalletId};
use crate::message::Marks;
use crate::plan::Day;

pub use command::{Command, Take};
pub use event::{Draw, Drawn, Entry, Event, Fate, Heard, Taken};
use line::LINES_SIZE_MAX;
pub use line::{Content, Line, LineAnswer, LineRefusal, LineStatus, LineVerdict, Submitted};
pub use rewards::{Reward, RewardStatus, Rewards};
use window::Window;

/// The most lines that are remembered of one wallet.
pub const WINDOW_LINES_MAX: usize = 50_000;

/// The most bytes of lines that wait to be looked at. With the lines and the rewards of a window they
/// make the state, which must fit a value on disk (16 MiB).
pub const UNDRAWN_SIZE_MAX: usize = 4 * 1024 * 1024;

/// Lines that were taken and not looked at.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Batch {
    /// The decision that took them.
    taken: Seq,
    /// The UTC date of it.
    today: Day,
    /// They.
    entries: Vec<Entry>,
}

impl Batch {
    /// No less than it has bytes on disk.
    fn size(&self) -> usize {
        self.entries.iter().map(|entry| entry.line.size()).sum()
    }

    fn dates(&self) -> impl Iterator<Item = Day> {
        self.entries.iter().map(|entry| entry.line.content().date)
    }
}

/// Whose statement it is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Owner {
    wallet: WalletId,
    currency: Currency,
}

/// The state of a statement. Before the first line it has no owner.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Statement {
    owner: Option<Owner>,
    window: Window,
    batches: VecDeque<Batch>,
    rewards: Rewards,
    marks: Marks,
}

/// What anyone may see of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The wallet's currency.
    pub currency: Currency,
    /// How many lines are remembered.
    pub lines: usize,
    /// How many batches were taken and not looked at.
    pub batches: usize,
    /// How many draws were won.
    pub rewards: usize,
}

impl Statement {
    /// Whether so much waits to be looked at that nothing more is taken for the moment.
    pub fn is_behind(&self) -> bool {
        // A decision has up to a hundred kilobytes, so few batches need no sum.
        self.batches.len() > UNDRAWN_SIZE_MAX / LINES_SIZE_MAX
            && self.batches.iter().map(Batch::size).sum::<usize>() > UNDRAWN_SIZE_MAX
    }

    /// How its rewards stand.
    pub fn rewards(&self) -> &Rewards {
        &self.rewards
    }
}
