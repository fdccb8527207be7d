//! The report: what was sent, what the server said of it, and whether each line was drawn once.
//!
//! The server's counts of draws are held against the lines that fit its campaigns. In a run that
//! sent every line for the first time, each campaign must have grown by exactly the lines that are
//! drawn in it. A run that goes on where another one was cut off cannot know what that one saw; then
//! the campaign's whole count must be the lines of the whole file. That no purchase was drawn twice
//! and another one never, `bursar verify-draws` sees from the exported draws.
//!
//! Invariant: a report is good only when no answer was wrong and every count fits.

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, Total};
use bursar_domain::plan::Day;
use serde::Serialize;

use super::campaigns::{Campaign, Campaigns};
use super::tally::{Counts, Due, Eligible, Standing};
use crate::cli::table::{Align, Table, line};

/// What a run came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The currency of the file.
    pub(super) currency: Currency,
    /// Its first and its last wanted day, as they were moved.
    pub(super) days: (Day, Day),
    /// How many accounts it has.
    pub(super) accounts: usize,
    /// Lines of zero, which were left out.
    pub(super) zeros: u64,
    /// Answers.
    pub(super) counts: Counts,
    /// Lines by how they stand.
    pub(super) standing: Standing,
    /// Whether the whole file up to its last wanted day was wanted.
    pub(super) from_its_beginning: bool,
    /// Lines by the campaign in which they are drawn.
    pub(super) eligible: Eligible,
    /// The campaigns before the first line was sent.
    pub(super) before: Campaigns,
    /// The campaigns after everything was done.
    pub(super) after: Campaigns,
    /// Wrong answers in words.
    pub(super) faults: Vec<String>,
}

/// A campaign with what was to be drawn in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Row {
    campaign: String,
    eligible: u64,
    drawn: u64,
    won: u64,
    granted: u64,
    amount: String,
    exhausted: u64,
    failed: u64,
    waiting: u64,
    drawn_once: bool,
}

/// The report.
#[derive(Debug)]
pub(super) struct Report {
    outcome: Outcome,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Document<'a> {
    good: bool,
    currency: &'static str,
    first_day: String,
    last_day: String,
    accounts: usize,
    lines: u64,
    zeros: u64,
    sent: u64,
    new: u64,
    duplicate: u64,
    conflict: u64,
    refused: u64,
    there_already: u64,
    not_sent: u64,
    eligible: u64,
    drawn: u64,
    won: u64,
    granted: u64,
    granted_amount: String,
    new_once: bool,
    drawn_once: bool,
    campaigns: &'a [Row],
    faults: &'a [String],
}

impl Outcome {
    /// Whether the run knows of each of its lines when it came.
    fn is_whole(&self) -> bool {
        self.standing.unsent == 0 && self.standing.there == 0
    }

    fn row(&self, campaign: &Campaign) -> Option<Row> {
        let due = self.eligible.by_campaign.get(&campaign.id).copied().unwrap_or_default();
        let zero = self.before.get(&campaign.id);
        let (draws, wins, rewards) =
            zero.map_or((0, 0, 0), |zero| (zero.draws, zero.wins, zero.rewards));
        let in_this_run = campaign.draws.saturating_sub(draws);
        if due == Due::default() && in_this_run == 0 {
            return None;
        }
        let (eligible, drawn, drawn_once) = if self.is_whole() {
            (due.new, in_this_run, in_this_run == due.new)
        } else if self.from_its_beginning {
            (due.all, campaign.draws, campaign.draws == due.all)
        } else {
            let possible = due.new..=due.new + due.there;
            (due.new, in_this_run, possible.contains(&in_this_run))
        };
        let is_all = !self.is_whole() && self.from_its_beginning;
        let less = |count: u64, before: u64| if is_all { count } else { count - before };
        Some(Row {
            campaign: campaign.id.clone(),
            eligible,
            drawn,
            won: less(campaign.wins, wins),
            granted: less(campaign.rewards.max(rewards), rewards),
            amount: campaign.granted.clone(),
            exhausted: campaign.exhausted,
            failed: campaign.failed,
            waiting: campaign.waiting,
            drawn_once,
        })
    }
}

impl Report {
    /// Of what a run came to.
    pub(super) fn new(outcome: Outcome) -> Self {
        let rows = outcome.after.iter().filter(|campaign| campaign.is_in(outcome.currency));
        let rows = rows.filter_map(|campaign| outcome.row(campaign)).collect();
        Self { outcome, rows }
    }

    /// Lines that are to be there now.
    fn lines(&self) -> u64 {
        let Standing { unsent, new, there, not } = self.outcome.standing;
        unsent + new + there + not
    }

    /// Whether every line was new once, in this run or in one before.
    fn is_new_once(&self) -> bool {
        let is_known = !self.outcome.is_whole() || self.outcome.counts.new == self.lines();
        self.outcome.faults.is_empty() && is_known && self.outcome.standing.not == 0
    }

    /// Whether every line that is for a campaign was drawn once.
    fn is_drawn_once(&self) -> bool {
        self.rows.iter().all(|row| row.drawn_once)
    }

    /// Whether all went well.
    pub(super) fn is_good(&self) -> bool {
        self.is_new_once() && self.is_drawn_once()
    }

    fn sum(&self, of: impl Fn(&Row) -> u64) -> u64 {
        self.rows.iter().map(of).sum()
    }

    fn granted_amount(&self) -> String {
        let currency = self.outcome.currency;
        let amount = |row: &Row| Amount::parse_or_zero(&row.amount, currency).ok();
        let add = |sum: Total, amount| sum.checked_add(amount);
        let sum = self.rows.iter().filter_map(amount).try_fold(Total::ZERO, add);
        sum.expect("a total has room for all campaigns").to_major(currency)
    }

    /// What is wrong, in words.
    pub(super) fn complaints(&self) -> Vec<String> {
        let undrawn = self.rows.iter().filter(|row| !row.drawn_once).map(|row| {
            let (name, eligible, drawn) = (&row.campaign, row.eligible, row.drawn);
            format!("campaign {name}: {eligible} lines are for it and {drawn} were drawn")
        });
        self.outcome.faults.iter().cloned().chain(undrawn).collect()
    }

    /// The report for programs: one JSON document and a line break.
    pub(super) fn to_json(&self) -> String {
        let Outcome { currency, days, accounts, zeros, counts, standing, .. } = &self.outcome;
        let document = Document {
            good: self.is_good(),
            currency: currency.code(),
            first_day: days.0.to_string(),
            last_day: days.1.to_string(),
            accounts: *accounts,
            lines: self.lines(),
            zeros: *zeros,
            sent: counts.sent,
            new: counts.new,
            duplicate: counts.duplicate,
            conflict: counts.conflict,
            refused: counts.refused,
            there_already: standing.there,
            not_sent: standing.unsent,
            eligible: self.sum(|row| row.eligible),
            drawn: self.sum(|row| row.drawn),
            won: self.sum(|row| row.won),
            granted: self.sum(|row| row.granted),
            granted_amount: self.granted_amount(),
            new_once: self.is_new_once(),
            drawn_once: self.is_drawn_once(),
            campaigns: &self.rows,
            faults: &self.outcome.faults,
        };
        let mut text = serde_json::to_string_pretty(&document).expect("strings always are JSON");
        text.push('\n');
        text
    }

    /// The report for people.
    pub(super) fn to_table(&self) -> String {
        let Outcome { days, accounts, zeros, counts, standing, .. } = &self.outcome;
        let mut table = Table::new([("lines", Align::Left), ("count", Align::Right)]);
        let rows = [
            ("in the file", Some(self.lines())),
            ("sent, with the overlap", Some(counts.sent)),
            ("new", Some(counts.new)),
            ("duplicate", Some(counts.duplicate)),
            ("conflict", Some(counts.conflict)),
            ("refused", Some(counts.refused)),
            ("there before this run", Some(standing.there).filter(|count| *count > 0)),
            ("not sent, their days are over", Some(standing.unsent).filter(|count| *count > 0)),
            ("of zero, left out", Some(*zeros).filter(|count| *count > 0)),
            ("for a campaign", Some(self.sum(|row| row.eligible))),
            ("drawn", Some(self.sum(|row| row.drawn))),
            ("won", Some(self.sum(|row| row.won))),
            ("granted", Some(self.sum(|row| row.granted))),
        ];
        for (name, count) in rows {
            if let Some(count) = count {
                table.push([name.to_owned(), count.to_string()]);
            }
        }
        let mut text = table.to_text();
        line(&mut text, format_args!(""));
        if !self.rows.is_empty() {
            text.push_str(&self.campaigns());
            line(&mut text, format_args!(""));
        }
        line(&mut text, format_args!("{accounts} accounts, from {} to {}.", days.0, days.1));
        line(&mut text, format_args!("{}", self.verdict()));
        text
    }

    fn campaigns(&self) -> String {
        let amount = format!("amount in {}", self.outcome.currency.code());
        let mut table = Table::new([
            ("campaign", Align::Left),
            ("for it", Align::Right),
            ("drawn", Align::Right),
            ("won", Align::Right),
            ("granted", Align::Right),
            (&amount, Align::Right),
            ("exhausted", Align::Right),
            ("failed", Align::Right),
            ("waiting", Align::Right),
        ]);
        for row in &self.rows {
            table.push([
                row.campaign.clone(),
                row.eligible.to_string(),
                row.drawn.to_string(),
                row.won.to_string(),
                row.granted.to_string(),
                row.amount.clone(),
                row.exhausted.to_string(),
                row.failed.to_string(),
                row.waiting.to_string(),
            ]);
        }
        table.to_text()
    }

    fn verdict(&self) -> &'static str {
        match (self.is_new_once(), self.rows.is_empty(), self.is_drawn_once()) {
            (true, true, _) => "Every line counts once; there was no campaign for any.",
            (true, false, true) => {
                "Every line counts once, and each that is for a campaign was drawn once."
            }
            (true, false, false) => "Every line counts once, but the draws are not the lines.",
            (false, ..) => "Not every line counts once.",
        }
    }
}

#[cfg(test)]
mod tests;
