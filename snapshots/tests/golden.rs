//! Golden files: every form that is on disk, byte for byte, as the first release wrote it.
//!
//! Each test makes values, reads the file, compares what it decodes with the values, and encodes
//! them again to the same bytes. A file that was released is never made anew: what is appended to
//! a format (an event, a code) gets a further file (`golden_sagas.rs` has those of deals and
//! sagas, `golden_schedule.rs` those of what stands on the calendar, `golden_rewards.rs` those of
//! campaigns and statements), and the old one must still be read. `BLESS=1` writes only files that
//! were not released.

mod values;

use std::sync::Arc;

use bursar_domain::cadence::Cadence;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::id::{EntityId, Position, Seq};
use bursar_domain::key::Known;
use bursar_domain::machine::Machine;
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::provider::{self, Provider, Settlement};
use bursar_domain::record::{Record, Refusal, Verdict};
use bursar_domain::wallet::event::{Deposited, Paid, RefundReceived, RefundRequested};
use bursar_domain::wallet::{self, Hold, Wallet};
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::{codec, group};
use values::numbers::Numbered;
use values::{acme, alice, amount, at, eur, golden, key, slice, snapshot, source, state, total};

/// How many codes there were when the files were made.
const CODES: usize = 29;

/// How many kinds of outcomes.
const OUTCOME_KINDS: usize = 3;

/// Each event of a wallet, in the order of a possible life.
fn wallet_events() -> Vec<wallet::Event> {
    let (currency, effective_at) = (eur(), Some(at(1_700_000_000_123)));
    let profile = wallet::Profile {
        currency,
        credit_limit: amount(5_000),
        owner: Some("Alice Ångström".into()),
        email: Some("alice@example.com".into()),
        bank_account: None,
    };
    vec![
        wallet::Event::Opened(Arc::new(profile)),
        wallet::Event::Deposited(Deposited {
            amount: amount(10_000),
            currency,
            balance_after: amount(10_000),
            effective_at,
            description: Some("salary".into()),
        }),
        wallet::Event::Paid(Paid {
            provider: acme(),
            amount: amount(12_345),
            currency,
            balance_after: amount(-2_345),
            effective_at: None,
            description: None,
            metadata: vec![("order".into(), "17".into()), ("shop".into(), "Прага".into())],
        }),
        wallet::Event::HoldPlaced { hold: Hold { id: "h1".into(), amount: amount(7) }, currency },
        wallet::Event::HoldPlaced { hold: Hold { id: "h2".into(), amount: amount(8) }, currency },
        wallet::Event::HoldReleased { id: "h1".into() },
        wallet::Event::Frozen,
        wallet::Event::Unfrozen,
        wallet::Event::RefundRequested(RefundRequested {
            payment: Seq(3),
            provider: acme(),
            amount: amount(345),
            currency,
            refunded_total: amount(345),
            key: Some(key("refund-1")),
            effective_at,
        }),
        wallet::Event::RefundReceived(RefundReceived {
            source: source(9, 70_000),
            refund: Seq(9),
            payment: Seq(3),
            provider: acme(),
            amount: amount(345),
            currency,
            balance_after: amount(-2_000),
            effective_at,
        }),
    ]
}

/// Each event of a provider.
fn provider_events() -> Vec<provider::Event> {
    let cadence = Cadence::new("month", Some("31"), Some("02:30"), Some("Europe/Prague"));
    let profile = provider::Profile {
        name: "Acme".into(),
        currency: eur(),
        settlement: Settlement::OnCalendar(cadence.expect("a cadence")),
        account: "tok_1".into(),
    };
    vec![
        provider::Event::Registered(Arc::new(profile)),
        provider::Event::Received(provider::Received {
            source: source(14, 3),
            wallet: alice(),
            amount: amount(12_345),
            currency: eur(),
            balance_after: total(12_345),
            effective_at: Some(at(-1)),
            description: Some("order 17".into()),
        }),
        provider::Event::RefundSent(provider::RefundSent {
            source: source(14, 9),
            wallet: alice(),
            payment: Seq(3),
            amount: amount(345),
            currency: eur(),
            balance_after: total(12_000),
            effective_at: None,
        }),
    ]
}

fn wallet_records() -> Vec<Record> {
    let record = |(index, event): (usize, wallet::Event)| Record {
        at: at(1_763_633_730_123 + i64::try_from(index).expect("small")),
        entity: EntityId::wallet(&alice()),
        key: (index % 2 == 0).then(|| key(&format!("key-{index}"))),
        verdict: Verdict::Wallet(vec![event]),
    };
    wallet_events().into_iter().enumerate().map(record).collect()
}

fn provider_records() -> Vec<Record> {
    let record = |event| Record {
        at: at(1_763_633_730_123),
        entity: EntityId::provider(&acme()),
        key: None,
        verdict: Verdict::Provider(vec![event]),
    };
    provider_events().into_iter().map(record).collect()
}

fn refused_records() -> Vec<Record> {
    let record = |code: &Code| Record {
        at: at(1_763_633_730_999),
        entity: EntityId::wallet(&alice()),
        key: Some(key(code.as_str())),
        verdict: Verdict::Refused(Refusal {
            rejection: Rejection::new(*code, format!("because of {code}")),
            request_id: "req_0197".into(),
        }),
    };
    Code::ALL[..CODES].iter().map(record).collect()
}

#[test]
fn every_event_is_in_the_files() {
    let mut wallet: Vec<_> = wallet_events().iter().map(Numbered::number).collect();
    wallet.dedup();
    assert_eq!(wallet, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let provider: Vec<_> = provider_events().iter().map(Numbered::number).collect();
    assert_eq!(provider, [0, 1, 2]);
}

#[test]
fn an_envelope() {
    let previous = std::array::from_fn(|index| u8::try_from(index).expect("below 32"));
    let made = envelope::seal(Kind::Group, &previous, b"the body");
    let value = golden("envelope.bin", &made);
    assert_eq!(envelope::open(Kind::Group, &value), Ok((previous, &b"the body"[..])));
    assert_eq!(made, value);
}

#[test]
fn a_group_of_every_record() {
    let all = [wallet_records(), provider_records(), refused_records()];
    let slices = [slice(14, 1, &all[0]), slice(9, 69_998, &all[1]), slice(14, 11, &all[2])];
    let plan = group::plan(&slices);
    let made = envelope::seal(Kind::Group, &[7; 32], &group::encode(258, &plan[0]));
    let value = golden("group.bin", &made);
    let (previous, body) = envelope::open(Kind::Group, &value).expect("whole");
    assert_eq!(previous, [7; 32]);
    let group = group::decode(body).expect("whole");
    assert_eq!(group.number, 258);
    let heads: Vec<_> = group.slices().map(|s| (s.shard.0, s.epoch, s.first.0, s.count)).collect();
    assert_eq!(heads, [(14, 3, 1, 10), (9, 3, 69_998, 3), (14, 3, 11, 29)]);
    for (slice, expected) in group.slices().zip(&all) {
        let decode = |(_, bytes)| codec::decode::<Record>(bytes).expect("a record");
        assert_eq!(slice.records().map(decode).collect::<Vec<_>>(), *expected);
    }
    assert_eq!(made, value);
}

#[test]
fn a_claim() {
    let slice = slice(2, 500, &[]);
    let parts = [group::Part { slice: &slice, records: 0..0 }];
    let made = envelope::seal(Kind::Group, &NO_HASH, &group::encode(1, &parts));
    let value = golden("claim.bin", &made);
    let (_, body) = envelope::open(Kind::Group, &value).expect("whole");
    let group = group::decode(body).expect("whole");
    let heads: Vec<_> = group.slices().map(|s| (s.shard.0, s.epoch, s.next().0)).collect();
    assert_eq!(heads, [(2, 3, 500)]);
    assert_eq!(made, value);
}

#[test]
fn a_snapshot_of_a_wallet() {
    let mut machine = Machine::<Wallet>::default();
    for (seq, record) in (1..).zip(wallet_records()) {
        machine.apply(&record, Seq(seq));
    }
    let made = snapshot(10, &codec::encode(&machine));
    let value = golden("wallet.bin", &made);
    let (covers, state) = state(&value);
    let read: Machine<Wallet> = codec::decode(state).expect("a machine");
    assert_eq!((covers, read.last(), read.version()), (10, Seq(10), 10));
    assert_eq!(read.find(&key("key-2")), Known::Value(3));
    assert_eq!(read.entity().holds(), [Hold { id: "h2".into(), amount: amount(8) }]);
    assert_eq!(read.entity().expected(), []);
    assert_eq!(read.entity().refunded().get(3), Known::Value(345));
    assert_eq!(codec::encode(&read), state);
    assert_eq!(made, value);
}

#[test]
fn a_snapshot_of_a_wallet_that_waits_for_a_refund() {
    let mut machine = Machine::<Wallet>::default();
    for (seq, record) in (1..10).zip(wallet_records()) {
        machine.apply(&record, Seq(seq));
    }
    let made = snapshot(9, &codec::encode(&machine));
    let value = golden("wallet_waiting.bin", &made);
    let (_, state) = state(&value);
    let read: Machine<Wallet> = codec::decode(state).expect("a machine");
    let expected = &read.entity().expected()[0];
    assert_eq!((expected.asked, expected.amount), (Seq(9), amount(345)));
    assert_eq!(codec::encode(&read), state);
    assert_eq!(made, value);
}

#[test]
fn a_snapshot_of_a_provider() {
    let mut machine = Machine::<Provider>::default();
    for (seq, record) in (69_998..).zip(provider_records()) {
        machine.apply(&record, Seq(seq));
    }
    let made = snapshot(70_000, &codec::encode(&machine));
    let value = golden("provider.bin", &made);
    let (covers, state) = state(&value);
    let read: Machine<Provider> = codec::decode(state).expect("a machine");
    assert_eq!((covers, read.last(), read.version()), (70_000, Seq(70_000), 3));
    assert_eq!(codec::encode(&read), state);
    assert_eq!(made, value);
}

#[test]
fn a_chunk_of_outcomes() {
    let outcome = |index: u32, kind| {
        let outcome = Outcome {
            kind,
            at: at(1_763_633_730_123),
            wallet: Some(alice()),
            seq: Seq(3),
            provider: (kind != OutcomeKind::DepositPosted).then(acme),
            payment: (kind == OutcomeKind::RefundPosted).then_some(Seq(3)),
            amount: amount(12_345),
            currency: eur(),
            balance_after: amount(-2_345),
            description: (index == 0).then(|| "order 17".into()),
            effective_at: (index == 1).then(|| at(1_700_000_000_123)),
            about: None,
        };
        (Position { commit: 258, index }, outcome)
    };
    let kinds = OutcomeKind::ALL.into_iter().take(OUTCOME_KINDS);
    let outcomes: Vec<_> = (0..).zip(kinds).map(|(i, kind)| outcome(i, kind)).collect();
    let made = envelope::seal(Kind::Outcomes, &NO_HASH, &codec::encode(&outcomes));
    let value = golden("outcomes.bin", &made);
    let (_, body) = envelope::open(Kind::Outcomes, &value).expect("whole");
    let read: Vec<(Position, Outcome)> = codec::decode(body).expect("outcomes");
    assert_eq!(read, outcomes);
    assert_eq!(made, value);
}
