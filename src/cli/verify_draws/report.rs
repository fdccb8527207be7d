//! The report: a row for each campaign, then the promises, then what is wrong.
//!
//! The mean of the wins is what the odds alone would give; how far chance may be from it is a
//! question for statistics (`docs/analysis.md`), not for this check. It is good when nothing is
//! wrong; draws that cannot be checked yet and days that were promised late are told and are no
//! fault.

use bursar_domain::currency::Currency;
use bursar_domain::money::Total;
use serde::Serialize;

use super::check::{Check, Party};
use crate::cli::table::{Align, Table, line};

/// How many days are named; the rest is only counted.
const DAYS_TOLD: usize = 10;

#[derive(Serialize)]
struct Document {
    good: bool,
    draws: u64,
    checked: u64,
    not_revealed: u64,
    commitments: usize,
    revealed: usize,
    noted: u64,
    keys_used_again: u64,
    late_days: Vec<String>,
    campaigns: Vec<Row>,
    fault_count: u64,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    campaign: String,
    draws: u64,
    checked: u64,
    not_revealed: u64,
    won: u64,
    expected: String,
    limited: u64,
    amount: String,
    currency: String,
}

impl Row {
    fn of(party: &Party) -> Self {
        let counts = &party.counts;
        let tenths = party.chances.expected_tenths(counts.draws);
        let currency = &party.row.currency;
        let sum = Total::from_minor(counts.amount_minor);
        Self {
            campaign: party.row.id.clone(),
            draws: counts.draws,
            checked: counts.checked,
            not_revealed: counts.hidden,
            won: counts.won,
            expected: format!("{}.{}", tenths / 10, tenths % 10),
            limited: counts.limited,
            amount: Currency::from_code(currency)
                .map_or_else(|| counts.amount_minor.to_string(), |known| sum.to_major(known)),
            currency: currency.clone(),
        }
    }
}

fn rows(check: &Check) -> Vec<Row> {
    check.parties().map(Row::of).collect()
}

/// Whether nothing is wrong.
pub(super) fn is_good(check: &Check) -> bool {
    check.faults.count() == 0
}

/// The report for programs: one JSON document and a line break.
pub(super) fn to_json(check: &Check) -> String {
    let campaigns = rows(check);
    let sum = |of: fn(&Row) -> u64| campaigns.iter().map(of).sum();
    let (commitments, revealed) = check.promises();
    let document = Document {
        good: is_good(check),
        draws: sum(|row| row.draws),
        checked: sum(|row| row.checked),
        not_revealed: sum(|row| row.not_revealed),
        commitments,
        revealed,
        noted: check.noted,
        keys_used_again: check.again,
        late_days: check.late_days().into_iter().collect(),
        fault_count: check.faults.count(),
        faults: check.faults.told(),
        campaigns,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("strings always are JSON");
    text.push('\n');
    text
}

/// The report for people.
pub(super) fn to_table(check: &Check) -> String {
    let mut table = Table::new([
        ("campaign", Align::Left),
        ("draws", Align::Right),
        ("checked", Align::Right),
        ("not revealed", Align::Right),
        ("won", Align::Right),
        ("mean of the odds", Align::Right),
        ("over a limit", Align::Right),
        ("prizes", Align::Right),
        ("", Align::Left),
    ]);
    for row in rows(check) {
        table.push([
            row.campaign,
            row.draws.to_string(),
            row.checked.to_string(),
            row.not_revealed.to_string(),
            row.won.to_string(),
            row.expected,
            row.limited.to_string(),
            row.amount,
            row.currency,
        ]);
    }
    let mut text = table.to_text();
    line(&mut text, format_args!(""));
    let (commitments, revealed) = check.promises();
    line(&mut text, format_args!("{commitments} commitments, {revealed} of them revealed."));
    if check.noted > 0 {
        line(&mut text, format_args!("{} are as they were noted.", check.noted));
    }
    if check.again > 0 {
        let again = check.again;
        line(&mut text, format_args!("{again} purchases have the name of one long before them."));
    }
    late(check, &mut text);
    let verdict = match check.faults.count() {
        0 => "Every draw that could be done again is the one in the file.".to_owned(),
        count => format!("{count} things are wrong:"),
    };
    line(&mut text, format_args!("{verdict}"));
    for fault in check.faults.told() {
        line(&mut text, format_args!("{fault}"));
    }
    text
}

fn late(check: &Check, text: &mut String) {
    let days = check.late_days();
    if days.is_empty() {
        return;
    }
    let named: Vec<&str> = days.iter().take(DAYS_TOLD).map(String::as_str).collect();
    let more = days.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    line(
        text,
        format_args!(
            "Warning: published only when the day had begun somewhere: {}{more}.",
            named.join("; ")
        ),
    );
}
