//! What listeners were told: positions only grow, and nothing is told twice.
//!
//! A listener may begin anew and hear old positions again; then it must hear the same.
//!
//! Invariant: rows are kept in the order of their positions.

use std::collections::BTreeMap;

use crate::facts::Outcome;

/// The stream as heard.
#[derive(Debug, Default)]
pub(super) struct Stream {
    rows: Vec<Outcome>,
    names: BTreeMap<Named, (u64, u32)>,
}

/// What an outcome is about: nothing is told twice of it.
type Named = (&'static str, u32, u64, u64);

impl Stream {
    pub(super) fn hear(&mut self, outcome: &Outcome, faults: &mut Vec<String>) {
        if let Some(last) = self.rows.last()
            && outcome.position <= last.position
        {
            let at = self.rows.binary_search_by_key(&outcome.position, |row| row.position);
            match at {
                Ok(index) if self.rows[index] == *outcome => {}
                Ok(index) => faults.push(format!(
                    "an outcome changed: {outcome:?}, before {:?}",
                    self.rows[index]
                )),
                Err(_) => faults.push(format!("an outcome came behind its position: {outcome:?}")),
            }
            return;
        }
        if let Some(named) = named(outcome)
            && let Some(before) = self.names.insert(named, outcome.position)
        {
            faults.push(format!("told twice, at {before:?} and now: {outcome:?}"));
        }
        self.rows.push(outcome.clone());
    }

    /// What was told is what stands in the stream: nothing else, and nothing less up to the last
    /// that was told.
    pub(super) fn compare(&self, stream: &[Outcome], faults: &mut Vec<String>) {
        let mut again = Self::default();
        for row in stream {
            again.hear(row, faults);
        }
        let Some(last) = self.rows.last() else { return };
        let until = stream.partition_point(|row| row.position <= last.position);
        for (told, stands) in self.rows.iter().zip(&stream[..until]) {
            if told != stands {
                faults.push(format!("told {told:?}, in the stream is {stands:?}"));
                return;
            }
        }
        if self.rows.len() != until {
            faults
                .push(format!("{} outcomes were told, {until} are in the stream", self.rows.len()));
        }
    }
}

/// The name of what an outcome is about.
fn named(outcome: &Outcome) -> Option<Named> {
    let owner = outcome.wallet.or(outcome.provider);
    let (owner, part) = match (outcome.ticket, outcome.advance, outcome.reward) {
        (Some((deal, ticket)), _, _) => (deal, ticket),
        (_, Some((advance, debit)), _) => (advance, u64::from(debit.unwrap_or(0))),
        (_, _, Some((_, line))) => (owner?, u64::from(line)),
        (None, None, None) => (owner?, 0),
    };
    Some((outcome.kind, owner, outcome.seq, part))
}
