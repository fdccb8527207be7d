//! The report: what was counted, what the currencies come to, and every fault with its place.
//!
//! For people a table on standard output, for programs one JSON document; both end with the same
//! verdict, which is also the exit code. Amounts are in major units of their currency.
//!
//! Invariant: damage outranks disagreement, because what does not add up may follow from it.

use std::collections::BTreeMap;
use std::fmt::Write;

use bursar_domain::currency::Currency;
use bursar_domain::id::Kind;
use serde::Serialize;

use super::faults::{self, Fault, Faults};
use super::outcomes;
use super::sums::{Trial, major};
use crate::cli::Exit;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) directory: String,
    /// `None` when the directory could not be opened.
    pub(super) counts: Option<Counts>,
    pub(super) shards: Vec<Shard>,
    pub(super) trial: BTreeMap<Currency, Trial>,
    pub(super) faults: Faults,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) entities: u64,
    pub(super) wallets: u64,
    pub(super) providers: u64,
    pub(super) deals: u64,
    pub(super) sagas: u64,
    pub(super) compensations: u64,
    pub(super) advances: u64,
    pub(super) runs: u64,
    pub(super) schedules: u64,
    pub(super) campaigns: u64,
    pub(super) statements: u64,
    /// Purchases that were drawn, and drawn again here.
    pub(super) draws: u64,
    pub(super) rewards: u64,
    /// All records ever, each once.
    pub(super) records: u64,
    pub(super) records_in_journal: u64,
    pub(super) groups_in_journal: u64,
    pub(super) archive_entries: u64,
    pub(super) bytes_on_disk: u64,
    pub(super) messages_sent: u64,
    pub(super) messages_received: u64,
    pub(super) outcomes_saved: u64,
    pub(super) outcomes_not_yet_saved: u64,
    pub(super) outcomes_dropped: u64,
}

impl Counts {
    /// Takes over how many entities there are of each kind, by its number.
    pub(super) fn entities(&mut self, of_kind: &[u64; Kind::ALL.len()]) {
        self.entities = of_kind.iter().sum();
        [
            self.wallets,
            self.providers,
            self.deals,
            self.sagas,
            self.compensations,
            self.advances,
            self.runs,
            self.schedules,
            self.campaigns,
            self.statements,
        ] = *of_kind;
    }

    /// Takes over what was counted of the outcomes.
    pub(super) fn outcomes(&mut self, counts: outcomes::Counts) {
        self.outcomes_saved = counts.saved;
        self.outcomes_not_yet_saved = counts.unsaved;
        self.outcomes_dropped = counts.dropped;
    }
}

/// One shard.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Shard {
    #[serde(rename = "shard")]
    pub(super) number: u16,
    pub(super) last_record: u64,
    pub(super) books_cover: u64,
    pub(super) records_in_journal: u64,
    pub(super) groups_in_journal: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    directory: &'a str,
    verdict: &'static str,
    counts: Option<Counts>,
    shards: &'a [Shard],
    currencies: Vec<CurrencyDocument>,
    damaged: u64,
    wrong: u64,
    faults: &'a [Fault],
}

#[derive(Serialize)]
struct CurrencyDocument {
    currency: &'static str,
    accounts: String,
    in_transit: String,
    external: String,
    sum: String,
    messages_in_transit: u64,
}

impl CurrencyDocument {
    fn new((currency, trial): (&Currency, &Trial)) -> Self {
        Self {
            currency: currency.code(),
            accounts: major(trial.accounts, *currency),
            in_transit: major(trial.in_transit.money, *currency),
            external: major(trial.external, *currency),
            sum: major(trial.sum(), *currency),
            messages_in_transit: trial.in_transit.messages,
        }
    }
}

impl Report {
    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        if self.faults.count_damaged() > 0 {
            Exit::Damaged
        } else if self.faults.count_wrong() > 0 {
            Exit::No
        } else {
            Exit::Done
        }
    }

    fn verdict(&self) -> &'static str {
        if self.faults.count_damaged() > 0 {
            "damaged"
        } else if self.faults.count_wrong() > 0 {
            "wrong"
        } else {
            "right"
        }
    }

    /// The report for programs: one JSON document and a line break.
    pub(super) fn to_json(&self) -> String {
        let document = Document {
            directory: &self.directory,
            verdict: self.verdict(),
            counts: self.counts,
            shards: &self.shards,
            currencies: self.trial.iter().map(CurrencyDocument::new).collect(),
            damaged: self.faults.count_damaged(),
            wrong: self.faults.count_wrong(),
            faults: self.faults.kept(),
        };
        let mut text = serde_json::to_string_pretty(&document).expect("strings always are JSON");
        text.push('\n');
        text
    }

    /// The report for people.
    pub(super) fn to_table(&self) -> String {
        let mut text = String::new();
        self.write_counts(&mut text);
        self.write_shards(&mut text);
        self.write_currencies(&mut text);
        self.write_faults(&mut text);
        text
    }

    fn write_counts(&self, text: &mut String) {
        line(text, format_args!("data directory  {}", self.directory));
        let Some(counts) = &self.counts else { return };
        line(
            text,
            format_args!(
                "entities        {} ({} wallets, {} providers, {} deals, {} sagas, \
                 {} compensations, {} advances, {} runs, {} schedules, {} campaigns, \
                 {} statements)",
                counts.entities,
                counts.wallets,
                counts.providers,
                counts.deals,
                counts.sagas,
                counts.compensations,
                counts.advances,
                counts.runs,
                counts.schedules,
                counts.campaigns,
                counts.statements
            ),
        );
        line(
            text,
            format_args!(
                "records         {} ({} in the journal, in {} groups)",
                counts.records, counts.records_in_journal, counts.groups_in_journal
            ),
        );
        line(
            text,
            format_args!("draws           {}, {} rewards granted", counts.draws, counts.rewards),
        );
        line(
            text,
            format_args!(
                "messages        {} sent, {} received",
                counts.messages_sent, counts.messages_received
            ),
        );
        line(
            text,
            format_args!(
                "outcomes        {} saved, {} not yet, {} dropped because of their age",
                counts.outcomes_saved, counts.outcomes_not_yet_saved, counts.outcomes_dropped
            ),
        );
        line(text, format_args!("archive         {} entries", counts.archive_entries));
        line(text, format_args!("bytes on disk   {}", counts.bytes_on_disk));
    }

    fn write_shards(&self, text: &mut String) {
        let heads = ["shard", "last record", "books cover", "in the journal", "groups"];
        let used = self.shards.iter().filter(|shard| shard.last_record > 0);
        let rows = used.map(|shard| {
            [
                shard.number.to_string(),
                shard.last_record.to_string(),
                shard.books_cover.to_string(),
                shard.records_in_journal.to_string(),
                shard.groups_in_journal.to_string(),
            ]
        });
        write_table(text, heads, rows.collect());
    }

    fn write_currencies(&self, text: &mut String) {
        let heads = ["currency", "accounts", "in transit", "external", "sum", "messages"];
        let rows = self.trial.iter().map(|line| {
            let row = CurrencyDocument::new(line);
            let messages = row.messages_in_transit.to_string();
            let currency = row.currency.to_owned();
            [currency, row.accounts, row.in_transit, row.external, row.sum, messages]
        });
        write_table(text, heads, rows.collect());
    }

    fn write_faults(&self, text: &mut String) {
        line(text, format_args!(""));
        for fault in self.faults.kept() {
            let kind = match fault.kind {
                faults::Kind::Damaged => "DAMAGED",
                faults::Kind::Wrong => "WRONG  ",
            };
            line(text, format_args!("{kind}  {}: {}", fault.place, fault.what));
        }
        let (damaged, wrong) = (self.faults.count_damaged(), self.faults.count_wrong());
        let told = self.faults.kept().len() as u64;
        if damaged + wrong > told {
            line(text, format_args!("and {} more", damaged + wrong - told));
        }
        let verdict = match (damaged, wrong) {
            (0, 0) => "all is right".to_owned(),
            (0, wrong) => format!("disagreements: {wrong}. What is stored does not add up"),
            (damaged, wrong) => format!(
                "damaged places: {damaged}, disagreements: {wrong}; sums over everything are not \
                 judged. Restore the directory from a copy"
            ),
        };
        line(text, format_args!("{verdict}"));
    }
}

fn write_table<const N: usize>(text: &mut String, heads: [&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        return;
    }
    line(text, format_args!(""));
    let rows: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].len()).max().unwrap_or_default()
    });
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
        line(text, format_args!("{}", cells.collect::<Vec<_>>().join("  ")));
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}
