//! What may be asked of a provider.
//!
//! A command carries everything its decision needs. Which of the submitted activities are known
//! from long ago only the disk can say: that comes in as a [`Lookup`] that the host has filled.
//! The content mark covers what the client sent, never what was looked up.

use std::collections::HashMap;

use crate::key::ContentMark;
use crate::provider::activity::{ActivityLine, LINES_MAX, LINES_SIZE_MAX};
use crate::provider::{Profile, Settlement};
use crate::wallet::command::Lookup;

/// Of some slots, those that are on disk, with the marks of the activities' content.
pub type Remembered = HashMap<u128, u64>;

/// Submitted activities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activities {
    /// The lines, at most [`LINES_MAX`] and [`LINES_SIZE_MAX`] bytes.
    pub lines: Vec<ActivityLine>,
    /// What the disk knows of [`crate::provider::Provider::slots_to_ask`]; need not be asked when
    /// that is empty.
    pub known: Lookup<Remembered>,
}

impl Activities {
    /// A call with some lines.
    pub const fn new(lines: Vec<ActivityLine>) -> Self {
        Self { lines, known: Lookup::Open }
    }

    /// Cuts any number of lines into as few calls as the bounds allow, in order: a decision has
    /// to fit one group of the journal.
    pub fn cut(lines: impl IntoIterator<Item = ActivityLine>) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        let mut room = 0;
        for line in lines {
            let size = line.activity.size();
            match calls.last_mut() {
                Some(call) if call.lines.len() < LINES_MAX && size <= room => {
                    call.lines.push(line);
                    room -= size;
                }
                Some(_) | None => {
                    calls.push(Self::new(vec![line]));
                    room = LINES_SIZE_MAX - size;
                }
            }
        }
        calls
    }

    /// What a disk knows of a slot.
    pub(super) fn remembered(&self, slot: u128) -> Option<u64> {
        match &self.known {
            Lookup::Found(known) => known.get(&slot).copied(),
            Lookup::Missing => None,
            Lookup::Open => unreachable!("the host asks for the slots first"),
        }
    }
}

/// What may be asked of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Register it.
    Register(Profile),
    /// Pay it this way from the next period on; and try again if it is on hold.
    Settle(Settlement),
    /// Note what it did for members.
    Activities(Activities),
}

impl Command {
    /// The mark of what the client asked for.
    pub fn content(&self) -> u64 {
        let mut mark;
        match self {
            Self::Register(profile) => {
                mark = ContentMark::of("register-provider");
                mark.text(&profile.name);
                mark.text(profile.currency.code());
                profile.settlement.mark(&mut mark);
                mark.text(&profile.account);
            }
            Self::Settle(settlement) => {
                mark = ContentMark::of("settle-provider");
                settlement.mark(&mut mark);
            }
            Self::Activities(activities) => {
                mark = ContentMark::of("activities");
                for line in &activities.lines {
                    mark.number(line.activity.mark().cast_signed());
                    mark.text(line.currency.code());
                }
            }
        }
        mark.finish()
    }
}
