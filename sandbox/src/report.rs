//! `GET /processor/report?days=5`: how the orders of the last days ended, a line each.
//!
//! Lines are in the order of booking; refunds are among them. The days are those in which an order
//! was settled, not booked, so one that was pending for a week is still reported when it fails.
//! What is pending is in no report. Here `declined` is called `failed`, as the contract has it.

use actix_web::{HttpRequest, HttpResponse};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calls::Route;
use crate::conduct::{carry_out, counted};
use crate::desk::{Shared, State};
use crate::faults::Target;
use crate::intake::{self, malformed};
use crate::ledger::Standing;
use crate::pages;

const DAYS_DEFAULT: u16 = 5;
const DAYS_MAX: u16 = 366;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

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

/// `GET /processor/report`.
pub(crate) async fn report(desk: Shared, request: HttpRequest) -> HttpResponse {
    counted(&desk, Route::Report, async {
        let days = intake::query::<Period>(&request)?.days.unwrap_or(DAYS_DEFAULT);
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(malformed(format!("days is 1 to {DAYS_MAX}")));
        }
        let target = Target { route: Route::Report, key: "", account: None, settled: false };
        let visit = desk.open().0.visit(target)?;
        let shared = desk.clone();
        carry_out(desk.clone(), &request, Route::Report, visit, move |desk, _| {
            let (end, now) = {
                let (state, now) = desk.open();
                (state.ledger.len(), now)
            };
            let since_ms = now.millis() - i64::from(days) * DAY_MS;
            let lines = pages::pages(shared, end, move |state, index, page| {
                line(state, index, since_ms, now, page);
            });
            Ok(pages::answer("application/x-ndjson", lines))
        })
        .await
    })
    .await
}

fn line(state: &State, index: usize, since_ms: i64, now: Timestamp, page: &mut Vec<u8>) {
    let entry = state.ledger.entry(index);
    let standing = entry.standing(now);
    let status = match standing {
        Standing::Succeeded => "succeeded",
        Standing::Declined(_) => "failed",
        Standing::Pending => return,
    };
    if entry.settled_at.millis() < since_ms {
        return;
    }
    let at = entry.settled_at.to_string();
    let line = Line { id: &entry.id, key: &entry.key, status, at, code: standing.code() };
    pages::list_item(0, &line, page);
    page.push(b'\n');
}
