//! What runs ask an advance for, and what they are answered.
//!
//! Everything that happens between a question and its answer is counted here a second time, and
//! must be what the answer says. While one run waits, another one is answered beside it, in the
//! same decision, with nothing: each thing is counted for one run.

use bursar_domain::advance::{Counts, Event, Task, Then};
use bursar_domain::id::Kind;
use bursar_domain::message::{Asker, Body, Source};
use bursar_domain::run::Tally;

use super::Advance;
use crate::cli::verify::ledger::{Entry, must_be};
use crate::cli::verify::transfers::{Known, Turn};

/// What a run asked for and was not answered yet.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) by: Asker,
    /// The last debit that was submitted for it.
    pub(super) submitted_to: u32,
    /// The debit whose first answer has not come.
    pub(super) submitting: Option<u32>,
    pub(super) tally: Tally,
}

/// The step under which a run asks for something.
fn step_of(task: Task) -> u8 {
    match task {
        Task::Stage => 0,
        Task::Report => 1,
        Task::Submit => 2,
    }
}

impl Advance {
    pub(super) fn asked(
        &mut self,
        (source, by): (Source, &Asker),
        task: Task,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Run, by, entry);
        let turn = if task == Task::Report { Turn::Report } else { Turn::Collect };
        self.marks.receive_known(source, Known::Turn(turn, by), entry);
        if by.step != step_of(task) {
            entry.wrong(format!(
                "{} asks in step {} for what is not its to ask",
                by.entity, by.step
            ));
        }
        if self.work.is_none() {
            let by = by.clone();
            let tally = Tally::default();
            self.work = Some(Work { by, submitted_to: 0, submitting: None, tally });
        }
    }

    /// Whoever asks while another run waits is answered beside it, and nobody else is.
    pub(super) fn check_beside(&self, events: &[Event], entry: &mut Entry<'_>) {
        let asked = events
            .iter()
            .find_map(|event| if let Event::Asked { by, .. } = event { Some(by) } else { None });
        let beside = events.iter().find_map(|event| {
            if let Event::AnsweredBeside { by } = event { Some(by) } else { None }
        });
        if asked.filter(|_| self.work.is_some()) != beside {
            entry.wrong("a run that asks while another one waits is answered at once, no other is");
        }
    }

    pub(super) fn mistaken(
        &mut self,
        (source, by): (Source, &Asker),
        lines: u32,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Run, by, entry);
        if self.profile.is_some() {
            entry.wrong("it says that there is no such advance");
        }
        let turn = if lines > 0 { Turn::Report } else { Turn::Collect };
        self.marks.receive_known(source, Known::Turn(turn, by), entry);
        answer(by, Tally { strange: u64::from(lines), ..Tally::default() }, entry);
    }

    pub(super) fn answered(&mut self, by: &Asker, tally: &Tally, entry: &mut Entry<'_>) {
        match self.work.take() {
            Some(work) if work.by == *by => {
                let expected = Tally { advances: 1, ..work.tally };
                if *tally != expected {
                    let found = in_words(&expected);
                    let what = "it answers with counts that are not what happened, which is";
                    entry.wrong(format!("{what} {found}"));
                }
            }
            Some(_) | None => entry.wrong(format!("{} is answered and did not ask", by.entity)),
        }
        answer(by, *tally, entry);
    }

    /// Counts an event for the run that waits.
    pub(super) fn count(&mut self, event: &Event) {
        let Some(Work { submitting, tally, .. }) = &mut self.work else { return };
        let mut first = |debit: u32| {
            let is_first = submitting.take_if(|awaited| *awaited == debit).is_some();
            u64::from(is_first)
        };
        let replaced = |then: Then| u64::from(matches!(then, Then::Again | Then::Replaced));
        match event {
            Event::Staged { debits } => tally.staged += debits.len() as u64,
            Event::Submitted { debit, .. } => tally.submitted += first(*debit),
            Event::Unanswered { debit, .. } => tally.unknown += first(*debit),
            Event::Deferred { debit, .. } => tally.deferred += first(*debit),
            Event::Succeeded { debit, counts, .. } => {
                tally.submitted += first(*debit);
                tally.succeeded += 1;
                tally.refunded += u64::from(*counts == Counts::Second);
            }
            Event::Failed { debit, then, .. } => {
                tally.submitted += first(*debit);
                tally.failed += 1;
                tally.replaced += replaced(*then);
            }
            Event::FellSilent { then, .. } => {
                tally.silent += 1;
                tally.replaced += replaced(*then);
            }
            Event::FoundFailed { .. } => tally.failed += 1,
            Event::Cancelled { .. } => tally.cancelled += 1,
            Event::Ignored { contradicted, strange } => {
                tally.contradicted += u64::from(*contradicted);
                tally.strange += u64::from(*strange);
            }
            Event::Completed { .. } => tally.completed += 1,
            Event::Defaulted { .. } => tally.defaulted += 1,
            Event::Opened(_)
            | Event::Activated { .. }
            | Event::NotCredited { .. }
            | Event::Asked { .. }
            | Event::Mistaken { .. }
            | Event::Called(_)
            | Event::Refunded { .. }
            | Event::Answered { .. }
            | Event::AnsweredBeside { .. } => {}
        }
    }
}

/// Everything is counted for the run that waits.
pub(super) fn answered_beside(by: &Asker, entry: &mut Entry<'_>) {
    answer(by, Tally { advances: 1, ..Tally::default() }, entry);
}

fn answer(by: &Asker, tally: Tally, entry: &mut Entry<'_>) {
    entry.sent(&by.entity, &Body::Collected { step: by.step, tally });
}

/// Counts that are not zero.
pub(in crate::cli::verify) fn in_words(tally: &Tally) -> String {
    let counts = tally.counts().into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
