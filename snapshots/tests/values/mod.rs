//! What the suites of golden files share: the files, plain values, records put together.
//!
//! A file that was released is never made anew; it is named in `RELEASED` from then on.

#![allow(dead_code, reason = "each suite uses some of it")]

pub(crate) mod messages;
pub(crate) mod numbers;
pub(crate) mod sagas;

use std::path::PathBuf;
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::Key;
use bursar_domain::message::Source;
use bursar_domain::money::{Amount, Total};
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet;
use bursar_snapshots::codec;
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::store::Slice;

/// `BLESS=1` leaves these as they are.
const RELEASED: [&str; 7] = [
    "claim.bin",
    "envelope.bin",
    "group.bin",
    "outcomes.bin",
    "provider.bin",
    "wallet.bin",
    "wallet_waiting.bin",
];

/// The bytes of a file; `BLESS=1` first writes what was made, unless the file was released.
pub(crate) fn golden(name: &str, made: &[u8]) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect();
    if std::env::var_os("BLESS").is_some() && !RELEASED.contains(&name) {
        std::fs::write(&path, made).expect("writable");
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("in range")
}

pub(crate) fn eur() -> Currency {
    Currency::from_code("EUR").expect("known")
}

pub(crate) fn alice() -> WalletId {
    WalletId::parse("alice").expect("well formed")
}

pub(crate) fn acme() -> ProviderId {
    ProviderId::parse("acme").expect("well formed")
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

pub(crate) fn total(minor: i64) -> Total {
    Total::ZERO.checked_add(amount(minor)).expect("fits")
}

pub(crate) fn key(text: &str) -> Key {
    Key { text: text.into(), content: 0x0123_4567_89ab_cdef }
}

pub(crate) fn source(shard: u16, seq: u64) -> Source {
    Source { shard: ShardId(shard), seq: Seq(seq) }
}

/// Stops the build when an event is added: it needs a golden file.
pub(crate) fn wallet_variant(event: &wallet::Event) -> usize {
    match event {
        wallet::Event::Opened(_) => 0,
        wallet::Event::Deposited(_) => 1,
        wallet::Event::Paid(_) => 2,
        wallet::Event::HoldPlaced { .. } => 3,
        wallet::Event::HoldReleased { .. } => 4,
        wallet::Event::Frozen => 5,
        wallet::Event::Unfrozen => 6,
        wallet::Event::RefundRequested(_) => 7,
        wallet::Event::RefundReceived(_) => 8,
        wallet::Event::Marked(_) => 9,
        wallet::Event::MarkRefused { .. } => 10,
        wallet::Event::Invested(_) => 11,
        wallet::Event::Unmarked { .. } => 12,
        wallet::Event::PullRequested(_) => 13,
        wallet::Event::PullBooked(_) => 14,
        wallet::Event::PullAbandoned { .. } => 15,
    }
}

pub(crate) fn slice(shard: u16, first: u64, records: &[Record]) -> Slice {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for record in records {
        codec::encode_into(record, &mut bytes);
        ends.push(u32::try_from(bytes.len()).expect("small"));
    }
    let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
    Slice { shard: ShardId(shard), epoch: 3, first: Seq(first), bytes, ends }
}

pub(crate) fn snapshot(covers: u64, state: &[u8]) -> Vec<u8> {
    let mut body = covers.to_le_bytes().to_vec();
    body.extend_from_slice(state);
    envelope::seal(Kind::Snapshot, &NO_HASH, &body)
}

pub(crate) fn state(value: &[u8]) -> (u64, &[u8]) {
    let (_, body) = envelope::open(Kind::Snapshot, value).expect("whole");
    let (covers, state) = body.split_first_chunk().expect("long enough");
    (u64::from_le_bytes(*covers), state)
}
