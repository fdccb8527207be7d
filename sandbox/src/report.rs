//! `GET /processor/report?days=5`: how the orders of the last days ended, a line each.
//!
//! Lines are in the order of booking; refunds are among them. The days are those in which an order
//! was settled, not booked, so one that was pending for a week is still reported when it fails.
//! What is pending is in no report. Here `declined` is called `failed`, as the contract has it.
//!
//! Two faults spoil the answer rather than keep it away. `cut` ends it in the middle of the line
//! half-way, without the end of its chunks. `contradict` adds a line that says of the transaction
//! of the first one that it ended the other way; where there is no line, it adds two about one that
//! never was.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use bursar_domain::time::Timestamp;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::calls::Route;
use crate::conduct::{carry_out, counted};
use crate::desk::{Desk, Shared, State};
use crate::faults::{Mode, Target};
use crate::intake::{self, malformed};
use crate::ledger::Standing;
use crate::pages;

const DAYS_DEFAULT: u16 = 5;
const DAYS_MAX: u16 = 366;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

const MEDIA_TYPE: &str = "application/x-ndjson";

/// The id of a transaction that never was.
const NEVER_WAS: &str = "ptx_contradiction";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    days: Option<u16>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    key: &'a str,
    status: &'static str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

impl Line<'_> {
    fn write(&self, page: &mut Vec<u8>) {
        pages::list_item(0, self, page);
        page.push(b'\n');
    }
}

/// `GET /processor/report`.
pub(crate) async fn report(desk: Shared, request: HttpRequest) -> HttpResponse {
    counted(&desk, Route::Report, async {
        let days = intake::query::<Period>(&request)?.days.unwrap_or(DAYS_DEFAULT);
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(malformed(format!("days is 1 to {DAYS_MAX}")));
        }
        let target = Target { route: Route::Report, key: "", account: None, settled: false };
        let visit = desk.open().0.visit(target)?;
        let mode = visit.strike.as_ref().map(|strike| strike.mode);
        let shared = desk.clone();
        carry_out(desk.clone(), &request, Route::Report, visit, move |desk, _| {
            Ok(answer(desk, shared, days, mode))
        })
        .await
    })
    .await
}

/// The report as of now, spoiled when a fault says so.
fn answer(desk: &Desk, shared: Shared, days: u16, mode: Option<Mode>) -> HttpResponse {
    let (items, now) = {
        let (state, now) = desk.open();
        let since_ms = now.millis() - i64::from(days) * DAY_MS;
        let since = Timestamp::from_millis(since_ms).unwrap_or(now);
        (state.ledger.settled(since, now), now)
    };
    if mode == Some(Mode::Cut) {
        return cut(shared, &items.collect::<Vec<_>>(), now);
    }
    let first = Rc::new(Cell::new(None));
    let seen = Rc::clone(&first);
    let lines = pages::pages(shared.clone(), items, move |state, index, page| {
        if line(state, index, now, page) && seen.get().is_none() {
            seen.set(Some(index));
        }
    });
    let contradicted = mode == Some(Mode::Contradict);
    let last = std::iter::once_with(move || opposite(&shared, first.get(), now));
    pages::answer(MEDIA_TYPE, lines.chain(last.filter(move |_| contradicted)))
}

/// The line of an entry; whether there is one.
fn line(state: &State, index: usize, now: Timestamp, page: &mut Vec<u8>) -> bool {
    let entry = state.ledger.entry(index);
    let standing = entry.standing(now);
    let status = match standing {
        Standing::Succeeded => "succeeded",
        Standing::Declined(_) => "failed",
        Standing::Pending => return false,
    };
    let at = entry.settled_at.to_string();
    Line { id: &entry.id, key: &entry.key, status, at, code: standing.code() }.write(page);
    true
}

/// A line that says the opposite of an entry's, or two that say the opposite of each other.
fn opposite(desk: &Shared, of: Option<usize>, now: Timestamp) -> Bytes {
    let mut page = Vec::new();
    let (state, _) = desk.open();
    let Some(index) = of else {
        for status in ["succeeded", "failed"] {
            let at = now.to_string();
            Line { id: NEVER_WAS, key: NEVER_WAS, status, at, code: None }.write(&mut page);
        }
        return page.into();
    };
    let entry = state.ledger.entry(index);
    let status = match entry.standing(now) {
        Standing::Succeeded => "failed",
        Standing::Declined(_) | Standing::Pending => "succeeded",
    };
    let at = entry.settled_at.to_string();
    Line { id: &entry.id, key: &entry.key, status, at, code: None }.write(&mut page);
    page.into()
}

/// Half of the report, and then no end.
fn cut(desk: Shared, items: &[usize], now: Timestamp) -> HttpResponse {
    let half = items.len() / 2;
    let whole: Vec<_> = items[..half].to_vec();
    let mut torn = Vec::new();
    if let Some(index) = items.get(half) {
        line(&desk.open().0, *index, now, &mut torn);
    }
    // Something has to be there for it to be half of something.
    let torn = if torn.is_empty() { b"{".to_vec() } else { torn[..torn.len() / 2].to_vec() };
    let lines = pages::pages(desk, whole.into_iter(), move |state, index, page| {
        line(state, index, now, page);
    });
    let parts = stream::iter(lines.chain(std::iter::once(Bytes::from(torn))).map(Ok));
    let broken = stream::once(async {
        // What came before is sent when this is waited for; an error takes back what was not.
        tokio::task::yield_now().await;
        Err(io::Error::other("a fault of the sandbox: the report is cut"))
    });
    HttpResponse::Ok().content_type(MEDIA_TYPE).streaming(parts.chain(broken))
}
