//! Long answers, written page by page: the ledger and the report with a hundred thousand lines.
//!
//! What is listed only grows, so a list is its length when the question came; each page locks the
//! desk for itself, renders some items and lets others in between. An answer is never held whole,
//! so a question costs the memory of a page, however much the sandbox has booked.

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;

use crate::desk::{Shared, State};

/// How many items are rendered under one lock.
const PAGE: usize = 500;

/// Pages of these items; `render` appends one item, or nothing.
pub(crate) fn pages(
    desk: Shared,
    items: impl Iterator<Item = usize>,
    mut render: impl FnMut(&State, usize, &mut Vec<u8>),
) -> impl Iterator<Item = Bytes> {
    let mut items = items.fuse().peekable();
    std::iter::from_fn(move || {
        items.peek()?;
        let mut page = Vec::new();
        let (state, _) = desk.open();
        for index in items.by_ref().take(PAGE) {
            render(&state, index, &mut page);
        }
        Some(Bytes::from(page))
    })
}

/// Appends an item of a JSON list, with the comma before it.
pub(crate) fn list_item(index: usize, item: &impl serde::Serialize, page: &mut Vec<u8>) {
    if index > 0 {
        page.push(b',');
    }
    serde_json::to_writer(page, item).expect("an item has a JSON form, and memory takes it");
}

/// An answer of these parts.
pub(crate) fn answer(
    media_type: &'static str,
    parts: impl Iterator<Item = Bytes> + 'static,
) -> HttpResponse {
    let parts = stream::iter(parts.map(Ok::<_, Infallible>));
    HttpResponse::Ok().content_type(media_type).streaming(parts)
}
