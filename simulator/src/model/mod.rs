//! What must be true, learned from wishes and answers alone.
//!
//! The model hears what the clients hear and is told what listeners are told. It checks what is
//! cheap at once ([`Model::answered`], [`Model::told`]) and everything when the system is at rest
//! ([`Model::audit`]). It computes sums of its own and shares no code with what it judges.
//!
//! Invariants: a fault is a sentence with the numbers that matter; faults are in the order in which
//! they were found; the same inputs give the same faults.

mod answers;
mod audit;
mod case;
mod line;
mod stream;
#[cfg(test)]
mod tests;

use crate::facts::{Number, Outcome, Picture, Plan, Planned, Said};
use answers::Answers;
use case::Case;
use stream::Stream;

/// The model.
#[derive(Debug)]
pub struct Model {
    planned: Vec<Option<Planned>>,
    answers: Answers,
    stream: Stream,
    faults: Vec<String>,
}

impl Model {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        let most = plan.planned.iter().map(|planned| planned.number as usize + 1).max();
        let mut planned = vec![None; most.unwrap_or(0)];
        for one in &plan.planned {
            planned[one.number as usize] = Some(one.clone());
        }
        let answers = Answers::new(planned.len());
        Self { planned, answers, stream: Stream::default(), faults: Vec::new() }
    }

    /// A client has heard an answer. `arrival` says in which order the sendings reached mailboxes.
    pub fn answered(&mut self, number: Number, arrival: u64, said: &Said) {
        let planned = self.planned.get(number as usize).and_then(Option::as_ref);
        let planned = planned.expect("only operations of the plan are answered");
        self.answers.hear(planned, arrival, said, &mut self.faults);
    }

    /// A listener was told an outcome.
    pub fn told(&mut self, outcome: &Outcome) {
        self.stream.hear(outcome, &mut self.faults);
    }

    /// What was found so far.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Compares everything, at rest; the faults that were found before come first.
    pub fn audit(&self, picture: &Picture) -> Vec<String> {
        let mut faults = self.faults.clone();
        let case = Case::new(picture, &self.planned);
        audit::audit(&case, &self.answers, &self.stream, &mut faults);
        faults
    }
}
