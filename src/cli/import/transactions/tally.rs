//! What became of each line, over all the times that it was sent.
//!
//! A line is to be new once and a duplicate ever after. One whose first answer is `duplicate` was
//! there already: an earlier run sent it, or the answer that it was new was lost on the way.
//!
//! Invariant: a line that was sent is new or was there, unless it is told as a fault.

use std::collections::BTreeMap;
use std::ops::Range;

use bursar_domain::currency::Currency;

use super::campaigns::Campaigns;
use super::feeding::{State, Verdict};
use super::line::{Account, Line};

/// How many faults are told in words; the rest is only counted.
const FAULTS_TOLD: usize = 20;

/// What is known of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Known {
    /// It was not sent.
    #[default]
    Unsent,
    /// It was new in this run.
    New,
    /// It was there already.
    There,
    /// It was refused, or is there with another content.
    Not,
}

/// How often lines were sent, and what the answers were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Lines sent, each as often as it was.
    pub(super) sent: u64,
    /// Answers by what they say.
    pub(super) new: u64,
    /// The same.
    pub(super) duplicate: u64,
    /// The same.
    pub(super) conflict: u64,
    /// The same.
    pub(super) refused: u64,
}

/// Lines by how they stand at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Standing {
    /// Not sent: their days are over, so an earlier run sent them.
    pub(super) unsent: u64,
    /// New in this run.
    pub(super) new: u64,
    /// There already.
    pub(super) there: u64,
    /// Neither.
    pub(super) not: u64,
}

/// Lines that are drawn in a campaign, by how they stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Eligible {
    /// For each campaign that has any: all, new in this run, there already.
    pub(super) by_campaign: BTreeMap<String, Due>,
}

/// How many lines of a campaign there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Due {
    /// All.
    pub(super) all: u64,
    /// New in this run.
    pub(super) new: u64,
    /// There already.
    pub(super) there: u64,
}

/// The answers so far.
#[derive(Debug)]
pub(super) struct Tally {
    known: Vec<Vec<Known>>,
    /// How many.
    pub(super) counts: Counts,
    faults: Vec<String>,
    more: usize,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(accounts: &[Account]) -> Self {
        let known = accounts.iter().map(|account| vec![Known::Unsent; account.lines.len()]);
        Self { known: known.collect(), counts: Counts::default(), faults: Vec::new(), more: 0 }
    }

    /// Notes the answers to a batch of the account at this place.
    pub(super) fn take(
        &mut self,
        accounts: &[Account],
        place: usize,
        range: Range<usize>,
        states: &[State],
    ) {
        for (at, state) in range.zip(states) {
            let line = &accounts[place].lines[at];
            let before = self.known[place][at];
            self.counts.sent += 1;
            let known = match state.status {
                Verdict::New => {
                    self.counts.new += 1;
                    Known::New
                }
                Verdict::Duplicate => {
                    self.counts.duplicate += 1;
                    Known::There
                }
                Verdict::Conflict => {
                    self.counts.conflict += 1;
                    Known::Not
                }
                Verdict::Refused => {
                    self.counts.refused += 1;
                    Known::Not
                }
            };
            match (before, known) {
                (Known::Unsent, _) => self.known[place][at] = known,
                (Known::New | Known::There, Known::There) => continue,
                (Known::New | Known::There, Known::New | Known::Not | Known::Unsent)
                | (Known::Not, _) => {}
            }
            if before != Known::Unsent || known == Known::Not {
                self.fault(line, state);
            }
        }
    }

    fn fault(&mut self, line: &Line, state: &State) {
        if self.faults.len() == FAULTS_TOLD {
            self.more += 1;
            return;
        }
        let (number, transaction) = (line.number, &line.transaction);
        let what = match state.status {
            Verdict::New => "was taken before and is new again".to_owned(),
            Verdict::Duplicate => "was refused before and is there".to_owned(),
            Verdict::Conflict => "is there with another content".to_owned(),
            Verdict::Refused => {
                let code = state.code.as_deref().unwrap_or("without a code");
                format!("was refused: {code}: {}", state.detail.as_deref().unwrap_or("no reason"))
            }
        };
        self.faults.push(format!("line {number}: transaction {transaction} {what}"));
    }

    /// The first faults in words, and how many more there were.
    pub(super) fn faults(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more answers like these", self.more));
        self.faults.iter().cloned().chain(more).collect()
    }

    /// How the lines stand.
    pub(super) fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for known in self.known.iter().flatten() {
            match known {
                Known::Unsent => standing.unsent += 1,
                Known::New => standing.new += 1,
                Known::There => standing.there += 1,
                Known::Not => standing.not += 1,
            }
        }
        standing
    }

    /// Which lines are drawn in which campaign.
    pub(super) fn eligible(
        &self,
        accounts: &[Account],
        campaigns: &Campaigns,
        currency: Currency,
    ) -> Eligible {
        let mut eligible = Eligible::default();
        let lines = accounts.iter().flat_map(|account| &account.lines);
        for (line, known) in lines.zip(self.known.iter().flatten()) {
            let Some(campaign) = campaigns.of(line, currency) else { continue };
            let due = eligible.by_campaign.entry(campaign.id.clone()).or_default();
            due.all += 1;
            due.new += u64::from(*known == Known::New);
            due.there += u64::from(*known == Known::There);
        }
        eligible
    }
}

#[cfg(test)]
mod tests {
    use bursar_domain::money::Amount;
    use bursar_domain::plan::Day;
    use serde_json::json;

    use super::super::line::Merchant;
    use super::*;

    fn accounts() -> Vec<Account> {
        let line = |number: u64| Line {
            number,
            transaction: format!("t{number}"),
            day: Day::parse("2027-01-01").expect("a day"),
            amount: Amount::from_minor(100),
            merchant: Merchant {
                id: "cash-in".to_owned(),
                name: "cash-in".to_owned(),
                category_code: None,
            },
            body: String::new(),
        };
        let (name, wallet) = ("a".to_owned(), "customer-a".to_owned());
        vec![Account { name, wallet, lines: (2..6).map(line).collect() }]
    }

    fn states(words: &[&str]) -> Vec<State> {
        let state = |state| serde_json::from_value(state).expect("a state");
        let values = words.iter().enumerate().map(|(index, word)| {
            json!({ "index": index, "status": word, "code": "too-old", "detail": "no" })
        });
        values.map(state).collect()
    }

    /// The answers to the same four lines, batch by batch.
    fn tally(batches: &[[&str; 4]]) -> Tally {
        let accounts = accounts();
        let mut tally = Tally::new(&accounts);
        for batch in batches {
            tally.take(&accounts, 0, 0..4, &states(batch));
        }
        tally
    }

    #[test]
    fn new_once_and_a_duplicate_ever_after() {
        let tally = tally(&[["new", "new", "new", "duplicate"], ["duplicate"; 4]]);
        assert_eq!(tally.faults(), [] as [&str; 0]);
        assert_eq!(tally.standing(), Standing { unsent: 0, new: 3, there: 1, not: 0 });
        let counts = Counts { sent: 8, new: 3, duplicate: 5, conflict: 0, refused: 0 };
        assert_eq!(tally.counts, counts);
    }

    #[test]
    fn a_line_that_is_new_again_is_a_fault() {
        let tally =
            tally(&[["new", "duplicate", "new", "new"], ["new", "new", "conflict", "refused"]]);
        assert_eq!(
            tally.faults(),
            [
                "line 2: transaction t2 was taken before and is new again",
                "line 3: transaction t3 was taken before and is new again",
                "line 4: transaction t4 is there with another content",
                "line 5: transaction t5 was refused: too-old: no",
            ]
        );
    }

    #[test]
    fn a_refused_line_stands_for_itself() {
        let tally = tally(&[["refused", "conflict", "new", "new"]]);
        assert_eq!(tally.faults().len(), 2);
        assert_eq!(tally.standing(), Standing { unsent: 0, new: 2, there: 0, not: 2 });
    }

    #[test]
    fn lines_that_were_not_sent_are_known() {
        let accounts = accounts();
        let mut tally = Tally::new(&accounts);
        tally.take(&accounts, 0, 1..2, &states(&["new"]));
        assert_eq!(tally.standing(), Standing { unsent: 3, new: 1, there: 0, not: 0 });
    }

    #[test]
    fn many_faults_are_counted() {
        let tally = tally(&[["refused"; 4]; 6]);
        let faults = tally.faults();
        assert_eq!(faults.len(), FAULTS_TOLD + 1);
        assert_eq!(faults[FAULTS_TOLD], "and 4 more answers like these");
    }
}
