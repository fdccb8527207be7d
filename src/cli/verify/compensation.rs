//! A compensation, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: what it was handed, each undo in its order and one at a time, the
//! money that went back. Attempts are counted up; a repeat carries the same key, and after a
//! definite no the next one; a refund that was left undecided is asked after and not repeated. It is
//! finished when everything is undone, and then it holds nothing.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.

use std::sync::Arc;

use bursar_domain::call::{Call, Request};
use bursar_domain::compensation::{Event, Refused, Undo, UndoStatus, Undoing};
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::{Answer, Body, Source};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{Action, Subject, UNDONE};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};

use super::cases;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Ledger, Marks, compare, same, strange};
use super::sums::major;

/// One undo as it is on disk: status, since when, attempts, why it is not done, how many definite
/// noes there were, whether it is undecided, whether it is stuck.
type Progress = (UndoStatus, Timestamp, u32, Option<Box<str>>, u32, bool, bool);

/// A compensation's state as it is on disk: what it undoes, how far each undo is, the current one,
/// whether it is finished, the money it holds, received messages.
pub(super) type State =
    (Option<Arc<Undoing>>, Vec<Progress>, u8, bool, Amount, Vec<(ShardId, Seq)>);

/// A compensation as its records make it.
#[derive(Debug, Default)]
pub(super) struct Compensation {
    undoing: Option<Arc<Undoing>>,
    progress: Vec<Progress>,
    current: u8,
    is_finished: bool,
    held: i128,
    marks: Marks,
}

impl Account for Compensation {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Compensation(events) => {
                for event in events {
                    self.event(event, entry);
                }
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_exist(entry),
        }
    }

    fn differences(
        &self,
        (undoing, progress, current, finished, held, marks): &State,
    ) -> Vec<String> {
        let mut list = Vec::new();
        let what = "what is undone is not what the compensation began with";
        same(&mut list, undoing, &self.undoing, what);
        same(&mut list, progress, &self.progress, "the progress is not that of the records");
        compare(&mut list, "current", current, &self.current);
        compare(&mut list, "finished", finished, &self.is_finished);
        if let Some(currency) = self.currency() {
            let saved = major(i128::from(held.minor()), currency);
            compare(&mut list, "held", &saved, &major(self.held, currency));
        }
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.held))
    }

    fn waits((_, progress, current, ..): &State) -> Option<i64> {
        match progress.get(usize::from(*current))?.0 {
            UndoStatus::Calling => Some(0),
            UndoStatus::Delayed { retry_at } => Some(retry_at.millis()),
            UndoStatus::Waiting | UndoStatus::Asked | UndoStatus::Done => None,
        }
    }

    fn conclude(&self, id: &EntityId, ledger: &mut Ledger) {
        let is_finished = self.is_finished;
        let undoing = if is_finished { cases::Undoing::Finished } else { cases::Undoing::OnItsWay };
        ledger.cases.compensation(&id.id, undoing);
    }
}

impl Compensation {
    fn currency(&self) -> Option<Currency> {
        self.undoing.as_ref().map(|undoing| undoing.subject.currency())
    }

    fn must_exist(&self, entry: &mut Entry<'_>) {
        if self.undoing.is_none() {
            entry.wrong("it was decided before the compensation began");
        }
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if !matches!(event, Event::Begun { .. }) {
            self.must_exist(entry);
        }
        if self.is_finished {
            entry.wrong("it was decided after everything was undone");
        }
        match event {
            Event::Begun { source, undoing } => self.begun(*source, undoing, entry),
            Event::Tried { step, at, attempt, action } => {
                self.tried(*step, *at, *attempt, action, entry);
            }
            Event::Delayed { step, at, reason, refused, stuck_after, retry_at } => {
                let status = UndoStatus::Delayed { retry_at: *retry_at };
                let Some(progress) = self.under_way(*step, *at, entry) else { return };
                if progress.0 != UndoStatus::Calling {
                    entry.wrong(format!("undo {step} is not done; nobody was called"));
                }
                (progress.0, progress.1, progress.3) = (status, *at, Some(reason.clone()));
                progress.4 += u32::from(*refused == Refused::Yes);
                progress.5 = *refused == Refused::Undecided;
                progress.6 = progress.2 >= *stuck_after;
            }
            Event::Undone { step, at, source, returned, subject } => {
                self.undone(*step, *at, *source, (*returned, subject), entry);
            }
            Event::Finished { at, saga } => self.finished(*at, saga, entry),
        }
    }

    fn begun(&mut self, source: Source, undoing: &Arc<Undoing>, entry: &mut Entry<'_>) {
        let body = Body::Compensate(Box::new((**undoing).clone()));
        self.marks.receive(source, &body, entry);
        if undoing.saga != entry.place.id.id {
            entry.wrong(format!("it begins as the compensation of {}", undoing.saga));
        }
        if undoing.money.is_positive() {
            self.held += i128::from(undoing.money.minor());
            entry.paid_in(undoing.subject.currency(), undoing.money);
        }
        let waiting = (UndoStatus::Waiting, Timestamp::default(), 0, None, 0, false, false);
        self.progress = vec![waiting; undoing.undos.len()];
        if self.undoing.replace(Arc::clone(undoing)).is_some() {
            entry.wrong("the compensation began before");
        }
    }

    fn check_at(at: Timestamp, entry: &mut Entry<'_>) {
        if at > entry.at {
            entry.wrong(format!("it says that it happened at {at}, after it was recorded"));
        }
    }

    /// The undo under way, which must be this one.
    fn under_way(
        &mut self,
        step: u8,
        at: Timestamp,
        entry: &mut Entry<'_>,
    ) -> Option<&mut Progress> {
        Self::check_at(at, entry);
        if step != self.current {
            entry.wrong(format!("it is about undo {step}; the next one is {}", self.current));
        }
        let found = self.progress.get_mut(usize::from(step));
        if found.is_none() {
            entry.wrong(format!("there is no undo {step}"));
        }
        found
    }

    fn tried(
        &mut self,
        step: u8,
        at: Timestamp,
        attempt: u32,
        action: &Action,
        entry: &mut Entry<'_>,
    ) {
        if let Action::Send(to, body) = action {
            entry.sent(to, body);
        }
        let undoing = self.undoing.clone();
        let Some(progress) = self.under_way(step, at, entry) else { return };
        // After a restart a call is made again that nobody will bring the answer of.
        let (is_called, status) = match action {
            Action::Send(..) => (false, UndoStatus::Asked),
            Action::Call(_) => (progress.0 == UndoStatus::Calling, UndoStatus::Calling),
        };
        let is_ready = matches!(progress.0, UndoStatus::Waiting | UndoStatus::Delayed { .. });
        if !is_ready && !is_called {
            let status = progress.0.as_str();
            entry.wrong(format!("undo {step} is tried; it is {status}"));
        }
        if attempt != progress.2 + 1 {
            entry.wrong(format!("attempt {attempt} follows attempt {}", progress.2));
        }
        let (refusals, is_undecided) = (progress.4, progress.5);
        (progress.0, progress.1, progress.2) = (status, at, attempt);
        let undoing = undoing.as_deref();
        let undo = undoing.and_then(|undoing| undoing.undos.get(usize::from(step)));
        let (Some(undoing), Some(undo)) = (undoing, undo) else { return };
        if !is_undo(action, undo, is_undecided) {
            let name = undo.name.as_str();
            entry.wrong(format!("undo {step} ({name}) does not do what undoes it"));
        }
        if let Action::Call(call) = action {
            check_call(call, (step, attempt), &key(undoing, undo, refusals), entry);
        }
    }

    fn undone(
        &mut self,
        step: u8,
        at: Timestamp,
        source: Option<Source>,
        (returned, subject): (Amount, &Arc<Subject>),
        entry: &mut Entry<'_>,
    ) {
        if let Some(source) = source {
            self.marks.receive(source, &Body::Reply { step, answer: Answer::Done }, entry);
        }
        self.check_returned(step, returned, subject, entry);
        if returned.is_positive() {
            self.held -= i128::from(returned.minor());
            entry.returned(subject.currency(), returned);
        }
        if self.held < 0 {
            entry.wrong("more went back than was held");
        }
        if let Some(progress) = self.under_way(step, at, entry) {
            let waits = if source.is_some() { UndoStatus::Asked } else { UndoStatus::Calling };
            if progress.0 != waits {
                let status = progress.0.as_str();
                entry.wrong(format!("undo {step} has an answer that nobody waits for: {status}"));
            }
            (progress.0, progress.1, progress.6) = (UndoStatus::Done, at, false);
        }
        self.current = step.saturating_add(1);
    }

    /// Only a refund gives money back, and all of it.
    fn check_returned(
        &self,
        step: u8,
        returned: Amount,
        subject: &Arc<Subject>,
        entry: &mut Entry<'_>,
    ) {
        let Some(undoing) = self.undoing.as_deref() else { return };
        if *subject != undoing.subject {
            entry.wrong("it is about another subject than the compensation began with");
        }
        let Some(undo) = undoing.undos.get(usize::from(step)) else { return };
        let expected = match &undo.act {
            Act::Call(Request::Refund { amount, .. }, _) => *amount,
            Act::Call(
                Request::Pull { .. }
                | Request::Push { .. }
                | Request::Find
                | Request::MakeDocuments { .. }
                | Request::VoidDocuments { .. }
                | Request::Mail(_),
                _,
            )
            | Act::Send(..)
            | Act::Nothing(_) => Amount::ZERO,
        };
        if returned != expected {
            let currency = subject.currency();
            entry.wrong(format!(
                "{} went back with undo {step}; it should be {}",
                returned.to_major(currency),
                expected.to_major(currency)
            ));
        }
    }

    fn finished(&mut self, at: Timestamp, saga: &EntityId, entry: &mut Entry<'_>) {
        Self::check_at(at, entry);
        if usize::from(self.current) != self.progress.len() {
            let count = self.progress.len();
            entry.wrong(format!("it ends with {} of {count} undone", self.current));
        }
        if self.held != 0
            && let Some(currency) = self.currency()
        {
            entry.wrong(format!("it ends and holds {} {currency}", major(self.held, currency)));
        }
        if saga.kind != Kind::Saga || saga.id != entry.place.id.id {
            entry.wrong(format!("it tells {saga} that it is finished"));
        }
        entry.sent(saga, &Body::Reply { step: UNDONE, answer: Answer::Done });
        self.is_finished = true;
    }
}

/// Whether an action is the undo, or asks after it while it is undecided.
fn is_undo(action: &Action, undo: &Undo, is_undecided: bool) -> bool {
    match (action, &undo.act) {
        (Action::Send(to, body), Act::Send(whom, what)) => to == whom && body == what,
        (Action::Call(call), Act::Call(request, lane)) => {
            let asks_after = is_undecided && matches!(request, Request::Refund { .. });
            let expected = if asks_after { &Request::Find } else { request };
            call.request == *expected && call.lane == *lane
        }
        (Action::Send(..), Act::Call(..) | Act::Nothing(_))
        | (Action::Call(_), Act::Send(..) | Act::Nothing(_)) => false,
    }
}

/// Of saga and step; after a definite no, with a number.
fn key(undoing: &Undoing, undo: &Undo, refusals: u32) -> String {
    let (saga, name) = (&undoing.saga, undo.name.as_str());
    match refusals {
        0 => format!("{saga}/{name}/undo"),
        refusals => format!("{saga}/{name}/undo/{}", refusals + 1),
    }
}

fn check_call(call: &Call, (step, attempt): (u8, u32), key: &str, entry: &mut Entry<'_>) {
    if (call.step, call.attempt) != (step, attempt) {
        let (other, number) = (call.step, call.attempt);
        entry.wrong(format!("its call is attempt {number} of undo {other}"));
    }
    if *call.key != *key {
        entry.wrong(format!("undo {step} is called under {:?}, not under {key:?}", call.key));
    }
}
