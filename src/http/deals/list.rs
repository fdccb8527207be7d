//! The list of deals, ascending by id.
//!
//! A deal is in memory, on disk or both, so a page is the union of the two, cut at its length. How
//! each stands is asked of it. A filter that finds little ends a page early rather than waking
//! every deal there is; `next_cursor` goes on from there. A cursor is the last id that was looked
//! at, so deals that are opened meanwhile shift nothing.

use actix_web::HttpRequest;
use bursar_domain::code::Code;
use bursar_domain::id::{Kind, is_well_formed};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{Deal, Status};
use crate::http::listing::{ids_after, standing};
use crate::http::problem::Problem;
use crate::http::resources::deal_of;
use crate::http::{Answered, Shared, entries, json, query};

/// How many deals are looked at for one page at the most.
const LOOK_MAX: usize = 2_000;

/// Which deals are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DealFilters {
    /// Only these: `upcoming`, `open`, `full` or `closed`.
    status: Option<String>,
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
}

/// A page of deals.
#[derive(Serialize, ToSchema)]
pub(crate) struct DealPage {
    /// Ascending by id.
    items: Vec<Deal>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Where a page begins and what is shown on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    status: Option<Status>,
    after: Option<String>,
}

impl Place {
    fn of(filters: &DealFilters) -> Result<Self, Problem> {
        let malformed = |detail: &str| Problem::new(Code::MalformedRequest, detail);
        if let Some(cursor) = &filters.cursor {
            let detail = "the cursor is not one that was given; begin without it";
            return Self::from_cursor(cursor).ok_or_else(|| malformed(detail));
        }
        let status = filters.status.as_deref().map(|name| {
            let detail = "status is one of upcoming, open, full, closed";
            Status::from_name(name).ok_or_else(|| malformed(detail))
        });
        Ok(Self { status: status.transpose()?, after: None })
    }

    /// Written for a client.
    pub(crate) fn cursor(&self) -> String {
        let status = self.status.map(Status::as_str).unwrap_or_default();
        format!("{status}.{}", self.after.as_deref().unwrap_or_default())
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let (status, after) = text.split_once('.')?;
        let status = match status {
            "" => None,
            name => Some(Status::from_name(name)?),
        };
        is_well_formed(after).then(|| Self { status, after: Some(after.to_owned()) })
    }
}

/// Deals, ascending by id.
#[utoipa::path(get, path = "/v1/deals", tag = "deals", params(DealFilters), responses(
    (status = 200, body = DealPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest) -> Answered {
    let filters: DealFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    let mut place = Place::of(&filters)?;
    let now = state.now();
    let (mut items, mut looked, mut more) = (Vec::new(), 0, true);
    while more && items.len() < limit && looked < LOOK_MAX {
        let wanted = limit - items.len();
        let mut ids = ids_after(&state, Kind::Deal, place.after.as_deref(), wanted + 1).await?;
        more = ids.len() > wanted;
        ids.truncate(wanted);
        looked += ids.len();
        if let Some(last) = ids.last() {
            place.after = Some(last.id.to_string());
        }
        for (id, seen) in standing(&state, ids).await? {
            let Some(deal) = deal_of(&seen) else { continue };
            if place.status.is_none_or(|status| Status::of(deal, now) == status) {
                items.push(Deal::seen(&id.id, deal, seen.version, now));
            }
        }
    }
    let next_cursor = more.then(|| place.cursor());
    Ok(json(&DealPage { items, next_cursor }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filter() {
        for status in [None, Some(Status::Full)] {
            let place = Place { status, after: Some("deal_1-a".to_owned()) };
            assert_eq!(Place::from_cursor(&place.cursor()), Some(place));
        }
        for bad in ["", "x", ".", "x.a", "open.", "open.ü", "open.a.b"] {
            assert_eq!(Place::from_cursor(bad), None, "{bad}");
        }
    }
}
