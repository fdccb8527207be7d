//! Commitments: one row for each day of each campaign, with the seed where it is revealed.
//!
//! Which seeds are revealed depends on the time, not on the position: a seed is shown once no
//! purchase of its day can be drawn any more. All else is fixed with the announcement.

use bursar_domain::campaign::draw::{commitment, seed};
use bursar_domain::campaign::{Event, Terms};
use bursar_domain::id::Kind;
use bursar_domain::message::Source;
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};

use crate::export::column::{Column, date, flag, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};
use crate::http::campaigns::view::{hex, is_before_day};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "commitments",
    about: "a day of a campaign: the commitment to its seed, and the seed when it is revealed",
    kinds: &[Kind::Campaign],
    columns: &COLUMNS,
    by: "published_at",
    order: "by campaign, then by day",
    begin: || Box::new(Commitments),
};

static COLUMNS: [Column; 7] = [
    text("campaign"),
    date("day"),
    text("sha256").distinct(),
    time("published_at"),
    flag("published_before_day"),
    text("seed").distinct().or_null(),
    date("revealed_from"),
];

struct Commitments;

impl Fill for Commitments {
    fn record(&mut self, _: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Campaign(events) = &record.verdict else { return };
        for event in events {
            if let Event::Announced(terms) = event {
                put(terms, rows);
            }
        }
    }
}

fn put(terms: &Terms, rows: &mut Rows) {
    let today = Day::utc(rows.now());
    let days = terms.first_day.days()..=terms.last_day.days();
    for day in days.filter_map(Day::from_days) {
        let Some(row) = rows.row(terms.announced_at) else { return };
        let seed = seed(terms, day);
        let shown = terms.is_revealed(day, today).then(|| hex(&seed));
        row.text(terms.id.as_str())
            .date(day)
            .text(&hex(&commitment(&seed)))
            .time(terms.announced_at)
            .flag(is_before_day(terms, day))
            .text_or_null(shown.as_deref())
            .date(terms.revealed_from(day))
            .end();
    }
}
