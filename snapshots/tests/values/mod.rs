//! What the suites of golden files share: the files, plain values, records put together.
//!
//! `numbers.rs` knows every variant that is on disk, so that none is forgotten; the other files
//! have values, by what they came with. A value that stands in a released file is never changed.
//!
//! Invariant: a file that was released is never made anew; it is named in `RELEASED` from then on.

#![allow(dead_code, reason = "each suite uses some of it")]

pub(crate) mod advances;
pub(crate) mod messages;
pub(crate) mod numbers;
pub(crate) mod orders;
pub(crate) mod providers;
pub(crate) mod pushes;
pub(crate) mod rewards;
pub(crate) mod runs;
pub(crate) mod sagas;
pub(crate) mod statements;

use std::path::PathBuf;
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::Key;
use bursar_domain::machine::Machine;
use bursar_domain::message::Source;
use bursar_domain::money::{Amount, Total};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec;
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::store::Slice;
use sagas::Life;

/// `BLESS=1` leaves these as they are: files and directories of the first release, then of the
/// second one, then of what came with money on a schedule, then with
/// rewards.
const RELEASED: [&str; 99] = [
    "claim.bin",
    "envelope.bin",
    "group.bin",
    "outcomes.bin",
    "provider.bin",
    "wallet.bin",
    "wallet_waiting.bin",
    "actions_sagas.bin",
    "compensation.bin",
    "compensation_stuck.bin",
    "compensation_undecided.bin",
    "deal.bin",
    "deal_line.bin",
    "group_sagas.bin",
    "messages_sagas.bin",
    "outcomes_sagas.bin",
    "refusals_sagas.bin",
    "saga_done.bin",
    "saga_early.bin",
    "saga_unanswered.bin",
    "saga_undoing.bin",
    "wallet_investing.bin",
    "wallet_pulling.bin",
    "words_sagas.bin",
    "directory",
    "directory_sagas",
    "actions_schedule.bin",
    "advance_completed.bin",
    "advance_defaulted.bin",
    "advance_failed.bin",
    "advance_mistaken.bin",
    "advance_pending.bin",
    "advance_refunding.bin",
    "advance_unanswered.bin",
    "advance_working.bin",
    "asks_schedule.bin",
    "calendars_schedule.bin",
    "compensation_not_credited.bin",
    "compensation_pushed.bin",
    "compensation_returned.bin",
    "compensation_unhold.bin",
    "debits_schedule.bin",
    "directory_schedule",
    "group_schedule.bin",
    "messages_schedule.bin",
    "names_schedule.bin",
    "outcomes_schedule.bin",
    "provider_changing.bin",
    "provider_immediate.bin",
    "provider_immediate_changed.bin",
    "provider_immediate_paid.bin",
    "provider_nothing.bin",
    "provider_on_hold.bin",
    "provider_pending.bin",
    "provider_settled.bin",
    "refusals_schedule.bin",
    "run_delayed.bin",
    "run_done.bin",
    "run_lost.bin",
    "run_reading.bin",
    "run_staging.bin",
    "run_unavailable.bin",
    "run_unusable.bin",
    "saga_active.bin",
    "saga_not_credited.bin",
    "saga_not_wanted.bin",
    "saga_paid.bin",
    "saga_posted.bin",
    "saga_pushing.bin",
    "saga_returned.bin",
    "saga_unhold.bin",
    "schedule_awaiting.bin",
    "schedule_by_hand.bin",
    "schedule_set.bin",
    "waits.bin",
    "wallet_paid.bin",
    "wallet_paying.bin",
    "actions_rewards.bin",
    "campaign.bin",
    "campaign_admitting.bin",
    "campaign_fresh.bin",
    "campaign_waiting.bin",
    "compensation_ungranted.bin",
    "compensation_ungranting.bin",
    "group_rewards.bin",
    "kinds_rewards.bin",
    "messages_rewards.bin",
    "outcomes_rewards.bin",
    "refusals_rewards.bin",
    "saga_rewarded.bin",
    "saga_telling.bin",
    "saga_ungranting.bin",
    "saga_untold.bin",
    "statement.bin",
    "statement_drawn.bin",
    "statement_taken.bin",
    "terms_rewards.bin",
    "wallet_rewarded.bin",
    "words_rewards.bin",
];

/// Whether a file, or a directory, is never made anew.
pub(crate) fn is_released(name: &str) -> bool {
    RELEASED.contains(&name)
}

/// The bytes of a file; `BLESS=1` first writes what was made, unless the file was released.
pub(crate) fn golden(name: &str, made: &[u8]) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect();
    if std::env::var_os("BLESS").is_some() && !is_released(name) {
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

/// Values as the codec writes them: they read back, and are written the same again.
#[allow(unused_macros, reason = "each suite uses some of it")]
macro_rules! same {
    ($name:literal, $kind:ty, $values:expr) => {
        let values: $kind = $values;
        let made = codec::encode(&values);
        let value = golden($name, &made);
        let read: $kind = codec::decode(&value).expect("the same values");
        assert_eq!(read, values);
        assert!(made == value, $name);
    };
}
#[allow(unused_imports, reason = "each suite uses some of it")]
pub(crate) use same;

/// The machine after the records of a life up to a position, from its golden file.
pub(crate) fn machine<E: Recorded>(name: &str, life: &Life, covers: u64) -> Machine<E> {
    let mut machine = Machine::<E>::default();
    for (seq, record) in life.iter().filter(|entry| entry.0 <= Seq(covers)) {
        machine.apply(record, *seq);
    }
    let made = snapshot(covers, &codec::encode(&machine));
    let value = golden(name, &made);
    let (found, state) = state(&value);
    let read: Machine<E> = codec::decode(state).expect("a machine");
    assert_eq!((found, read.last()), (covers, Seq(covers)));
    assert_eq!(read.version(), machine.version());
    assert_eq!(codec::encode(&read), state);
    assert!(made == value, "{name}");
    read
}
