//! An advance: money given now and collected by scheduled debits.
//!
//! `command` says what may be asked, `event` what may happen and `effect` what follows from it
//! outside; `debit` is one debit, `key` its name at the processor, `wish` what the processor was
//! asked and has not answered. `rules` takes what comes in, `report` and `settle` decide what an
//! outcome means, `submit` asks the processor; `state` writes events and holds the invariants. This
//! file has the state itself.
//!
//! Each debit that fails is replaced by another one at the end of the plan; all that ask for the
//! same part of the amount are a chain, and one of them counts. Money that comes a second time for
//! a chain is given back, so the customer never pays more than the advance.
//!
//! Invariants, checked after every event: collected + outstanding + written off = amount; each part
//! of the amount is collected, or exactly one debit is on its way for it, or it is written off.

pub mod command;
mod debit;
mod effect;
mod event;
mod key;
mod report;
mod rules;
mod settle;
mod state;
mod submit;
mod wish;

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::message::{Asker, Marks};
use crate::money::{Amount, Total};
use crate::plan::{Dates, Day};
use crate::run::Tally;
use crate::saga::Failure;

pub use command::{Command, Profile};
pub use debit::{DebitStatus, Row};
pub use effect::{SILENT, TOO_MANY_FAILURES};
pub use event::{Ask, Called, Counts, Event, Task, Then};
pub use key::DebitKey;
pub use wish::Next;

use debit::Debit;
use wish::Wish;

/// How an advance stands. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Encode, Decode)]
pub enum Status {
    /// The money is on its way to the customer.
    #[default]
    Pending,
    /// The customer has the money and pays it back.
    Active,
    /// The money could not be brought to the customer.
    Failed,
    /// It is paid back.
    Completed,
    /// It is given up: one of its instalments failed too often.
    Defaulted,
}

impl Status {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Defaulted => "defaulted",
        }
    }
}

/// What the plan became when the credit had succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
struct Terms {
    dates: Dates,
    /// What each instalment collects but the last.
    part: Amount,
    /// What the last one collects.
    last: Amount,
}

/// What a run has asked for and was not answered yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Work {
    by: Asker,
    /// The last debit that was submitted for it; 0 before the first.
    submitted_to: u32,
    /// The debit whose first answer has not come.
    submitting: Option<u32>,
    tally: Tally,
}

/// The state of an advance. Before `Opened` it has no profile.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Advance {
    profile: Option<Arc<Profile>>,
    status: Status,
    failure: Option<Arc<Failure>>,
    terms: Option<Terms>,
    debits: Arc<Vec<Debit>>,
    collected: Amount,
    /// Collected twice, and not given back yet.
    overpaid: Total,
    written_off: Amount,
    wishes: Vec<Wish>,
    /// How many calls were made.
    calls: u32,
    work: Option<Box<Work>>,
    marks: Marks,
}

impl Advance {
    /// What was said when it was opened; `None` when nobody opened it.
    pub fn profile(&self) -> Option<&Arc<Profile>> {
        self.profile.as_ref()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why the money could not be brought to the customer.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }

    /// What has come and counts.
    pub fn collected(&self) -> Amount {
        self.collected
    }

    /// What came a second time and is being given back.
    pub fn overpaid(&self) -> Total {
        self.overpaid
    }

    /// What will not be collected any more.
    pub fn written_off(&self) -> Amount {
        self.written_off
    }

    /// What is still to be collected; nothing before the customer has the money.
    pub fn outstanding(&self) -> Amount {
        let (Some(profile), Some(_)) = (&self.profile, &self.terms) else { return Amount::ZERO };
        let left = profile.amount.checked_sub(self.collected);
        let left = left.and_then(|left| left.checked_sub(self.written_off));
        left.expect("both are parts of the amount")
    }

    /// Its debits, in the order of their numbers, which is that of their days.
    pub fn schedule(&self) -> Vec<Row<'_>> {
        let Some(terms) = &self.terms else { return Vec::new() };
        let mut last_of = vec![None; usize::from(self.installments())];
        let rows = self.numbered().map(|(number, debit)| Row {
            number,
            due: terms.due(number),
            amount: self.part(debit.instalment),
            status: debit.status,
            attempts: debit.attempts,
            transaction: debit.transaction.as_deref(),
            replaces: last_of[usize::from(debit.instalment)].replace(number),
            stuck: self.wish(number).and_then(|wish| wish.stuck.as_deref()),
        });
        rows.collect()
    }

    /// The day, counted from 1970, of its next thing to do in a run: the day of its next debit, or
    /// the one on which a submitted debit becomes silent. `None` when there is nothing.
    pub fn listed_day(&self) -> Option<i64> {
        let terms = self.terms.as_ref()?;
        let ahead = self.numbered().find(|(_, debit)| debit.status.is_ahead());
        let ahead = ahead.map(|(number, _)| terms.due(number));
        let silent = self.debits.iter().filter_map(|debit| {
            if let DebitStatus::Submitted { silent_on } = debit.status {
                Some(silent_on)
            } else {
                None
            }
        });
        ahead.into_iter().chain(silent).min().map(|day| i64::from(day.days()))
    }

    fn installments(&self) -> u16 {
        self.profile.as_ref().map_or(0, |profile| profile.plan.installments())
    }

    /// The debits with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u32, &Debit)> {
        (1..).zip(self.debits.iter())
    }

    fn debit(&self, number: u32) -> &Debit {
        self.find(number).expect("only a debit of this advance is spoken of")
    }

    fn find(&self, number: u32) -> Option<&Debit> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.debits.get(index)
    }

    fn wish(&self, debit: u32) -> Option<&Wish> {
        self.wishes.iter().find(|wish| wish.debit == debit)
    }

    /// The wish that the processor is being asked for.
    fn calling(&self) -> Option<&Wish> {
        self.wishes.iter().find(|wish| wish.is_calling())
    }

    /// How much an instalment is.
    fn part(&self, instalment: u16) -> Amount {
        let terms = self.terms.as_ref().expect("a debit has terms");
        if instalment + 1 == self.installments() { terms.last } else { terms.part }
    }

    /// The debits of an instalment, the first first.
    fn chain(&self, instalment: u16) -> impl Iterator<Item = (u32, &Debit)> {
        self.numbered().filter(move |(_, debit)| debit.instalment == instalment)
    }

    /// Whether money came for an instalment and counts.
    fn is_paid(&self, instalment: u16) -> bool {
        self.chain(instalment).any(|(_, debit)| debit.status == DebitStatus::Succeeded)
    }

    /// How many attempts at an instalment failed, or were given up as silent.
    fn failures(&self, instalment: u16) -> u32 {
        self.chain(instalment).map(|(_, debit)| u32::from(debit.failures())).sum()
    }
}

impl Terms {
    /// The day of a debit. Each takes the plan's next date; there is none after the last day.
    fn due(&self, number: u32) -> Day {
        self.dates.nth(number - 1).unwrap_or(Day::MAX)
    }
}
