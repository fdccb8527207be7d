//! Golden files of what came with deals and sagas: their events, machines, messages, outcomes.
//!
//! As `golden.rs`: each test makes values, reads the file, compares what it decodes, and encodes
//! the same bytes again. They are released, so they are never made anew (`RELEASED` in
//! `values/mod.rs`); what came after them is in `golden_schedule.rs`.

mod values;

use std::collections::BTreeSet;

use bursar_domain::call::Request;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::compensation::{Compensation, UndoStatus};
use bursar_domain::deal::{Deal, Left, Standing};
use bursar_domain::id::{DealId, EntityId, Position, Seq};
use bursar_domain::message::{About, Answer, Body, Outcome, OutcomeKind};
use bursar_domain::record::{Record, Recorded, Refusal, Verdict};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{Action, End, Failure, Phase, Saga, StepName, StepStatus};
use bursar_domain::wallet::{Hold, Wallet};
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::{codec, group};
use values::numbers::Numbered;
use values::sagas::{self, Life};
use values::{alice, amount, at, eur, golden, key, machine, messages, same, slice};

/// The codes that came after those in `group.bin`, up to how many there were when this was made.
const CODES: std::ops::Range<usize> = 29..42;

/// How many kinds of outcomes there were.
const OUTCOME_KINDS: usize = 9;

fn lives() -> [Life; 6] {
    [
        sagas::deal(),
        sagas::saga(),
        sagas::cancelled_saga(),
        sagas::failed_saga(),
        sagas::compensation(),
        sagas::wallet(),
    ]
}

/// The numbers of all events of a kind of entity.
fn numbers<E: Recorded<Event: Numbered>>() -> Vec<usize> {
    let of_kind = |record: &Record| {
        let events = E::events(&record.verdict).unwrap_or_default();
        events.iter().map(Numbered::number).collect::<Vec<_>>()
    };
    let lives = lives();
    let numbers: BTreeSet<_> = lives.iter().flatten().flat_map(|entry| of_kind(&entry.1)).collect();
    numbers.into_iter().collect()
}

/// All of a kind are here, in the order of their numbers.
fn every<N: Numbered>(all: &[N], count: usize) {
    assert!(all.iter().map(Numbered::number).eq(0..count));
}

#[test]
fn every_new_event_is_in_the_files() {
    assert_eq!(numbers::<Wallet>(), [0, 1, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(numbers::<Deal>(), (0..=9).collect::<Vec<_>>());
    assert_eq!(numbers::<Saga>(), (0..=9).collect::<Vec<_>>());
    assert_eq!(numbers::<Compensation>(), (0..=4).collect::<Vec<_>>());
    let (_, _, _, refused, sent, funding, steps) = messages::words();
    every(&messages::requests(), 6);
    every(&messages::bodies(), 14);
    every(&refused, 3);
    every(&sent, 2);
    every(&funding, 2);
    every(&steps, 9);
}

#[test]
fn a_group_of_every_record() {
    let lives = lives();
    let part = |(shard, life): (u16, &Life)| {
        let records: Vec<_> = life.iter().map(|entry| entry.1.clone()).collect();
        slice(shard, life[0].0.0, &records)
    };
    let slices: Vec<_> = (1..).zip(&lives).map(part).collect();
    let plan = group::plan(&slices);
    assert_eq!(plan.len(), 1, "one group holds them all");
    let made = envelope::seal(Kind::Group, &[7; 32], &group::encode(259, &plan[0]));
    let value = golden("group_sagas.bin", &made);
    let (_, body) = envelope::open(Kind::Group, &value).expect("whole");
    let group = group::decode(body).expect("whole");
    assert_eq!(group.slices().count(), lives.len());
    for (slice, expected) in group.slices().zip(&lives) {
        let decode = |(seq, bytes)| (seq, codec::decode::<Record>(bytes).expect("a record"));
        assert_eq!(slice.records().map(decode).collect::<Life>(), *expected);
    }
    assert!(made == value);
}

#[test]
fn refusals_with_the_new_codes() {
    let record = |code: &Code| Record {
        at: at(1_763_633_730_999),
        entity: EntityId::deal(&DealId::parse("alpha").expect("well formed")),
        key: Some(key(code.as_str())),
        verdict: Verdict::Refused(Refusal {
            rejection: Rejection::new(*code, format!("because of {code}")),
            request_id: "req_0197".into(),
        }),
    };
    let records: Vec<_> = Code::ALL[CODES].iter().map(record).collect();
    same!("refusals_sagas.bin", Vec<Record>, records);
}

#[test]
fn every_message_and_request() {
    // Most stand in actions of sagas; here they are all, in the order of their numbers.
    let answers = vec![
        Answer::Done,
        Answer::Contact { email: Some("alice@example.com".into()), account: "tok_1".into() },
        Answer::Contact { email: None, account: "alice".into() },
        Answer::Money { amount: amount(9), currency: eur() },
        Answer::Refused(Rejection::new(Code::WalletFrozen, "frozen")),
    ];
    let all = (messages::bodies(), messages::requests(), answers);
    same!("messages_sagas.bin", (Vec<Body>, Vec<Request>, Vec<Answer>), all);
    same!("words_sagas.bin", messages::Words, messages::words());
    let to = EntityId::saga("s".repeat(96));
    let acts: Vec<Act> = messages::bodies()
        .into_iter()
        .map(|body| Act::Send(to.clone(), Box::new(body)))
        .chain([Act::Nothing("nothing was pulled".into())])
        .collect();
    let action = |body| Action::Send(to.clone(), Box::new(body));
    let actions: Vec<Action> = messages::bodies().into_iter().map(action).collect();
    same!("actions_sagas.bin", (Vec<Act>, Vec<Action>), (acts, actions));
}

#[test]
fn snapshots_of_a_deal() {
    let life = sagas::deal();
    let deal = machine::<Deal>("deal_line.bin", &life, 19);
    assert_eq!(deal.entity().standing(Seq(15)), Standing::Waiting(1));
    assert_eq!(deal.entity().standing(Seq(16)), Standing::Waiting(2));
    assert_eq!(deal.entity().standing(Seq(14)), Standing::Beyond);
    let deal = machine::<Deal>("deal.bin", &life, 22);
    assert_eq!(deal.entity().standing(Seq(15)), Standing::Left(Left::TooMuch));
    assert_eq!(deal.entity().standing(Seq(16)), Standing::Left(Left::Withdrawn));
}

#[test]
fn snapshots_of_sagas() {
    let saga = machine::<Saga>("saga_unanswered.bin", &sagas::saga(), 32);
    let status = saga.entity().steps().last().expect("three steps").status;
    assert!(matches!(status, StepStatus::Unanswered { .. }), "{status:?}");
    let saga = machine::<Saga>("saga_done.bin", &sagas::saga(), 40);
    assert_eq!(*saga.entity().phase(), Phase::Ended(End::Done));
    assert_eq!(saga.entity().found().documents.as_deref(), Some("doc_1"));
    let saga = machine::<Saga>("saga_early.bin", &sagas::cancelled_saga(), 50);
    assert!(saga.entity().is_cancelled() && saga.entity().subject().is_none());
    let saga = machine::<Saga>("saga_undoing.bin", &sagas::failed_saga(), 62);
    assert!(matches!(saga.entity().phase(), Phase::Undoing(Some(_))));
}

#[test]
fn snapshots_of_a_compensation() {
    let life = sagas::compensation();
    let delayed = machine::<Compensation>("compensation_stuck.bin", &life, 71);
    assert_eq!(delayed.entity().held(), amount(30_000));
    assert_eq!(delayed.entity().stuck().map(|stuck| stuck.0), Some(StepName::Pull));
    machine::<Compensation>("compensation_undecided.bin", &life, 75);
    let finished = machine::<Compensation>("compensation.bin", &life, 79);
    let progress = finished.entity().progress();
    assert!(progress.iter().all(|undo| undo.status == UndoStatus::Done));
    assert!(finished.entity().is_finished());
}

#[test]
fn snapshots_of_a_wallet_that_invests() {
    let life = sagas::wallet();
    let wallet = machine::<Wallet>("wallet_investing.bin", &life, 84);
    let hold = |id: &str, minor| Hold { id: id.into(), amount: amount(minor) };
    let holds = [hold("inv_13_alpha", 60_000), hold("inv_201_alpha", 0)];
    assert_eq!(wallet.entity().holds(), holds);
    let wallet = machine::<Wallet>("wallet_pulling.bin", &life, 91);
    assert_eq!(wallet.entity().holds(), []);
    let expected: Vec<_> = wallet.entity().expected().iter().map(|money| money.asked.0).collect();
    assert_eq!(expected, [89]);
}

#[test]
fn a_chunk_of_outcomes_with_what_they_are_about() {
    let failure = || Failure::new("insufficient_funds", "the bank said no");
    let outcome = |(index, kind): (u32, OutcomeKind)| {
        let is_investment = kind.as_str().starts_with("investment");
        let about = if is_investment {
            let deal = DealId::parse("alpha").expect("well formed");
            let failure = (index % 2 == 0).then(failure);
            Some(About::Investment { deal, ticket: u64::from(index) * 1_000_000, failure })
        } else {
            (kind == OutcomeKind::DepositFailed).then(|| About::Failure(failure()))
        };
        let outcome = Outcome {
            kind,
            at: at(1_763_633_730_123),
            wallet: Some(alice()),
            seq: Seq(12),
            provider: None,
            payment: None,
            amount: amount(40_000),
            currency: eur(),
            balance_after: amount(if is_investment { 0 } else { -5 }),
            description: None,
            effective_at: None,
            about,
        };
        (Position { commit: 259, index }, outcome)
    };
    // Each kind twice, so that what some are about never runs into the next one.
    let kinds = &OutcomeKind::ALL[..OUTCOME_KINDS];
    let outcomes: Vec<_> = (0..).zip([kinds, kinds].concat()).map(outcome).collect();
    let made = envelope::seal(Kind::Outcomes, &NO_HASH, &codec::encode(&outcomes));
    let value = golden("outcomes_sagas.bin", &made);
    let (_, body) = envelope::open(Kind::Outcomes, &value).expect("whole");
    let read: Vec<(Position, Outcome)> = codec::decode(body).expect("outcomes");
    assert_eq!(read, outcomes);
    assert!(made == value);
}
