//! The third parties under virtual time: the processor, the maker of documents, the mail server.
//!
//! Plain structs, asked one attempt at a time as a gateway asks them; what comes back, and when, is
//! said at once ([`Parties::attempt`]). What a party does by itself (what is pending ends, a
//! request that lingered arrives) is done by [`Parties::advance`], in the order of time.
//!
//! They are written from the contract alone, apart from the sandbox and from the domain's rules, so
//! that their ledger can be held against ours. [`faults`] says what goes wrong and where; [`ledger`]
//! and [`papers`] are what an auditor reads.
//!
//! Invariants: the same faults and the same calls at the same instants give the same answers; what
//! was answered with "done" is in the ledger when the answer comes; each key has one answer.

mod attempt;
pub mod faults;
pub mod ledger;
pub(crate) mod mark;
pub mod papers;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bursar_actors::gateway::transport::Attempt;
use bursar_domain::call::{Call, Party};

pub use faults::{Bounds, Fault, Faults, Kind, Route, Then};
pub use ledger::{Entry, Moved, State};
pub use papers::{Letter, Paper};

use faults::Armed;
use ledger::Ledger;
use mark::{ByMark, Mark};
use papers::Papers;

/// What an attempt brought back, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Came {
    /// So many milliseconds after it was sent, above zero.
    pub after_ms: i64,
    /// What.
    pub attempt: Attempt,
}

/// What was counted. By route, in the order of [`Route::ALL`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Calls {
    /// Attempts.
    pub attempts: [u64; Route::ALL.len()],
    /// Attempts that were struck by a fault.
    pub struck: [u64; Route::ALL.len()],
    /// Attempts that no answer came to.
    pub silent: u64,
    /// Requests that arrived when nobody waited for their answer any more.
    pub late: u64,
    /// Keys that were used for two things: the asker is wrong.
    pub reused: u64,
    /// Refunds and voidings of what never was: the asker is wrong.
    pub unfounded: u64,
}

/// What a party does by itself.
#[derive(Debug)]
enum Task {
    /// What is pending ends.
    End(usize, Then),
    /// What was being worked on is done.
    Finish(Mark),
    /// A request arrives that was long on its way, and what is decided about it.
    Arrive(Box<Call>, ledger::Verdict),
}

/// The third parties.
#[derive(Debug)]
pub struct Parties {
    armed: Armed,
    now_ms: i64,
    ledger: Ledger,
    papers: Papers,
    /// What is to be done, by instant and then in the order in which it came up.
    tasks: BTreeMap<(i64, u64), Task>,
    tasked: u64,
    /// How often each key was asked, by route.
    asked: ByMark<u32>,
    calls: Calls,
    is_calm: bool,
}

impl Parties {
    /// Parties to which nothing has happened. The seed decides where the faults strike.
    pub fn new(seed: u64, faults: &Faults) -> Self {
        Self {
            armed: Armed::new(seed, faults),
            now_ms: i64::MIN,
            ledger: Ledger::default(),
            papers: Papers::default(),
            tasks: BTreeMap::new(),
            tasked: 0,
            asked: ByMark::default(),
            calls: Calls::default(),
            is_calm: false,
        }
    }

    /// One attempt at a call; what comes of it. Normally one answer; none when the asker waits in
    /// vain; two when it is answered again. Time never goes back.
    pub fn attempt(&mut self, now_ms: i64, party: Party, call: &Call) -> Vec<Came> {
        assert_eq!(party, call.request.party(), "each request has its party");
        self.advance(now_ms);
        self.carry(call)
    }

    /// Does what is to be done by itself until now.
    pub fn advance(&mut self, now_ms: i64) {
        assert!(now_ms >= self.now_ms, "time does not go back");
        while let Some(task) = self.tasks.first_entry()
            && task.key().0 <= now_ms
        {
            let ((at_ms, _), task) = task.remove_entry();
            self.now_ms = at_ms;
            match task {
                Task::End(entry, then) => self.ledger.end(entry, then, at_ms),
                Task::Finish(mark) => {
                    let (entry, then) = self.ledger.finish(mark);
                    if let Some((then, after_ms)) = then {
                        let then = if self.is_calm { Then::Succeeded } else { then };
                        self.ends(entry, then, after_ms);
                    }
                }
                Task::Arrive(call, verdict) => {
                    self.calls.late += 1;
                    let verdict = if self.is_calm { ledger::Verdict::Fair } else { verdict };
                    drop(self.work(&call, verdict));
                }
            }
        }
        self.now_ms = now_ms;
    }

    /// When something is done by itself next.
    pub fn next_ms(&self) -> Option<i64> {
        self.tasks.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// From now on nothing goes wrong. What is pending ends now, but for what is spared: that stays
    /// as it was to be, which for what is silent is for ever.
    pub fn calm(&mut self, now_ms: i64, spared: impl Fn(&Entry) -> bool) {
        self.advance(now_ms);
        self.armed.disarm();
        self.is_calm = true;
        for at in 0..self.ledger.entries().len() {
            let entry = self.ledger.entry(at);
            if entry.state == State::Pending && !spared(entry) {
                let succeeds = Mark::of(&entry.key).strike(0, u32::MAX, 0).coin(1);
                let then = if succeeds { Then::Succeeded } else { Then::Failed };
                self.ledger.end(at, then, now_ms);
            }
        }
    }

    /// All that the processor booked, in the order of booking, as it stands since the last call of
    /// [`Parties::advance`].
    pub fn ledger(&self) -> &[Entry] {
        self.ledger.entries()
    }

    /// What ended from an instant on and until another, both with, in the order in which it ended.
    pub fn ended(&self, from_ms: i64, until_ms: i64) -> impl Iterator<Item = &Entry> {
        self.ledger.ended(from_ms, until_ms)
    }

    /// All documents that were asked for.
    pub fn papers(&self) -> &[Paper] {
        self.papers.all()
    }

    /// All mails that came.
    pub fn letters(&self) -> &[Letter] {
        self.papers.letters()
    }

    /// What was counted.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    fn later(&mut self, after_ms: i64, task: Task) {
        self.tasked += 1;
        self.tasks.insert((self.now_ms.saturating_add(after_ms), self.tasked), task);
    }
}
