//! How a line is found again and compared, written a second time: snapshots have it on disk.
//!
//! A slot is XXH3-64 of an id. A mark is of all that a line says but its status; a likeness of what a
//! pending line has in common with the posted one that follows it without saying so: accounts,
//! merchant (its id, or else its name) and amount. Texts are mixed in one after the other, each with
//! its length, and what is missing as one zero byte.

use bursar_domain::statement::Content;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Where the line of an id is found.
pub(super) fn slot(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// Where the purchase that a line belongs to is found: under the name that the line says.
pub(super) fn purchase(content: &Content) -> u64 {
    slot(content.pending_id.as_ref().unwrap_or(&content.id))
}

/// What a reversal gives back: the line that it names, or else its own purchase under all its names.
pub(super) fn gives_back(content: &Content) -> Vec<u64> {
    if let Some(line) = &content.reversal_of {
        return vec![slot(line)];
    }
    let mut slots = vec![slot(&content.id), purchase(content)];
    slots.dedup();
    slots
}

/// All that a line says, but how far it is.
pub(super) fn mark(content: &Content) -> u64 {
    let merchant = content.merchant.as_ref();
    let code = merchant.and_then(|merchant| merchant.category_code).map_or(u32::MAX, u32::from);
    let mut head = Vec::with_capacity(16);
    head.extend_from_slice(&content.date.days().to_le_bytes());
    head.extend_from_slice(&content.amount.minor().to_le_bytes());
    head.extend_from_slice(&code.to_le_bytes());
    mixed(
        &head,
        [
            Some(&*content.id),
            content.from_account.as_deref(),
            content.to_account.as_deref(),
            content.description.as_deref(),
            content.pending_id.as_deref(),
            content.reversal_of.as_deref(),
            merchant.and_then(|merchant| merchant.id.as_deref()),
            merchant.and_then(|merchant| merchant.name.as_deref()),
        ],
    )
}

/// What a pending line and its posted one have in common.
pub(super) fn likeness(content: &Content) -> u64 {
    let merchant = content.merchant.as_ref();
    let id = merchant.and_then(|merchant| merchant.id.as_deref());
    let name = merchant.and_then(|merchant| merchant.name.as_deref());
    let texts = [content.from_account.as_deref(), content.to_account.as_deref(), id.or(name)];
    mixed(&content.amount.minor().to_le_bytes(), texts)
}

fn mixed<const N: usize>(head: &[u8], texts: [Option<&str>; N]) -> u64 {
    let mut hash = xxh3_64(head);
    for text in texts {
        hash = match text {
            Some(text) => {
                let length = u64::try_from(text.len()).expect("a length fits");
                xxh3_64_with_seed(text.as_bytes(), hash ^ (length + 1))
            }
            None => xxh3_64_with_seed(&[0], hash),
        };
    }
    hash
}
