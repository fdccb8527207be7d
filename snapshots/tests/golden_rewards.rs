//! Golden files of what came with rewards: campaigns, statements, what wallets book of them, the
//! sagas of rewards; their events, machines, messages, outcomes.
//!
//! As `golden.rs`: each test makes values, reads the file, compares what it decodes, and encodes
//! the same bytes again. `BLESS=1 cargo nextest run -p bursar-snapshots --test golden_rewards`
//! writes these files anew until they are released (`RELEASED` in `values/mod.rs`). Where a
//! variant is added, the build stops in `values/numbers.rs`; that it is in the files is checked
//! here.

mod values;

use std::collections::BTreeSet;

use bursar_domain::call::Request;
use bursar_domain::campaign::{Campaign, Terms};
use bursar_domain::code::{Code, Rejection};
use bursar_domain::compensation::Compensation;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind as EntityKind, Position, Seq};
use bursar_domain::message::{About, Body, Effect, Outcome, OutcomeKind, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Recorded, Refusal, Verdict};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{self, Action, End, Phase, Saga, StepStatus};
use bursar_domain::statement::{self, RewardStatus, Statement};
use bursar_domain::wallet::{self, Wallet};
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::{codec, group};
use values::numbers::Numbered;
use values::sagas::{Life, failure};
use values::{
    alice, amount, at, eur, golden, key, machine, rewards, same, slice, source, statements, total,
};

/// The codes that came after those in `refusals_schedule.bin`. A new one belongs here until these
/// files are released.
const CODES: std::ops::Range<usize> = 48..56;

/// The kinds of outcomes that came after those in `outcomes_schedule.bin`.
const OUTCOME_KINDS: std::ops::Range<usize> = 19..22;

fn lives() -> Vec<Life> {
    vec![
        rewards::campaign(),
        rewards::fresh_campaign(),
        rewards::wallet(),
        rewards::credited(),
        rewards::untold(),
        rewards::refused(),
        rewards::undone(),
        statements::statement(),
        statements::fresh_statement(),
    ]
}

/// All events of a kind of entity.
fn events<E: Recorded>() -> Vec<E::Event> {
    let lives = lives();
    let of_kind = |record: &Record| E::events(&record.verdict).unwrap_or_default().to_vec();
    lives.iter().flatten().flat_map(|entry| of_kind(&entry.1)).collect()
}

/// The numbers that are there, whatever their order.
fn numbers<N: Numbered>(all: impl IntoIterator<Item = N>) -> Vec<usize> {
    let numbers: BTreeSet<_> = all.into_iter().map(|one| one.number()).collect();
    numbers.into_iter().collect()
}

/// All that have these numbers are here.
#[track_caller]
fn are_all<N: Numbered>(all: impl IntoIterator<Item = N>, expected: std::ops::Range<usize>) {
    assert_eq!(numbers(all), expected.collect::<Vec<_>>());
}

#[test]
fn every_new_event_is_in_the_files() {
    are_all(events::<Campaign>(), 0..8);
    are_all(events::<Statement>(), 0..3);
    assert_eq!(numbers(events::<Wallet>()), [0, 3, 19]);
    let rewards = events::<Wallet>().into_iter().filter_map(|event| {
        if let wallet::Event::Reward(reward) = event { Some(reward) } else { None }
    });
    are_all(rewards, 0..3);
    assert_eq!(numbers(events::<Saga>()), [0, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(numbers(events::<Compensation>()), [0, 1, 3, 4]);
    let verdicts = lives().into_iter().flatten().map(|entry| entry.1.verdict);
    assert_eq!(numbers(verdicts), [0, 4, 5, 9, 10]);
}

#[test]
fn every_part_of_an_event_is_in_the_files() {
    let (mut verdicts, mut statuses, mut fates, mut news) = (vec![], vec![], vec![], vec![]);
    for event in events::<Statement>() {
        match event {
            statement::Event::Taken(taken) => {
                verdicts.extend(taken.others.into_iter().map(|other| other.1));
                let status = |entry: statement::Entry| entry.line.content().status;
                statuses.extend(taken.entries.into_iter().map(status));
            }
            statement::Event::Drawn(drawn) => {
                fates.extend(drawn.draws.into_iter().map(|draw| draw.fate));
            }
            statement::Event::Heard(heard) => news.extend(heard.news.into_iter().map(|one| one.2)),
        }
    }
    let refusals = verdicts.iter().filter_map(|verdict| match verdict {
        statement::LineVerdict::Refused(refusal) => Some(*refusal),
        statement::LineVerdict::Duplicate | statement::LineVerdict::Conflict => None,
    });
    are_all(refusals, 0..5);
    are_all(verdicts, 0..3);
    are_all(statuses, 0..3);
    are_all(fates, 0..3);
    are_all(news, 0..4);
    let subjects = events::<Saga>().into_iter().filter_map(|event| match event {
        saga::Event::Begun { subject, .. } => Some((*subject).clone()),
        saga::Event::CancelAsked
        | saga::Event::StepBegun { .. }
        | saga::Event::StepSkipped { .. }
        | saga::Event::CallRepeated { .. }
        | saga::Event::CallUnanswered { .. }
        | saga::Event::StepDone { .. }
        | saga::Event::StepFailed { .. }
        | saga::Event::UndoingBegun { .. }
        | saga::Event::Ended { .. } => None,
    });
    are_all(subjects, 5..6);
    let Terms { prizes, merchants, .. } = rewards::full_terms();
    are_all(prizes.into_iter().map(|prize| prize.worth), 0..2);
    are_all(merchants.names, 0..2);
}

#[test]
fn every_new_message_and_word_is_in_the_files() {
    are_all(rewards::bodies(), 25..31);
    let Request::Mail(mail) = rewards::letter() else { panic!("it is a mail") };
    are_all([mail.template], 1..2);
    assert_eq!(EntityKind::ALL.len(), kinds().end, "each kind of entity stands in a file");
    let (decisions, statuses, verdicts, fates, roundings, reversals) = statements::words();
    are_all(decisions, 0..4);
    are_all(statuses, 0..3);
    are_all(verdicts, 0..3);
    are_all(fates, 0..3);
    are_all(roundings, 0..3);
    are_all(reversals, 0..2);
    assert_eq!(CODES.end, Code::ALL.len(), "each code stands in a file");
    assert_eq!(OUTCOME_KINDS.end, OutcomeKind::ALL.len(), "each kind stands in a file");
    are_all(outcomes().into_iter().map(|outcome| outcome.kind), OUTCOME_KINDS);
    are_all(outcomes().into_iter().filter_map(|outcome| outcome.about), 4..5);
}

/// The kinds of entities that came with rewards.
fn kinds() -> std::ops::Range<usize> {
    8..10
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
    let made = envelope::seal(Kind::Group, &[7; 32], &group::encode(261, &plan[0]));
    let value = golden("group_rewards.bin", &made);
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
fn what_follows_from_every_record_can_be_made_again() {
    for (seq, record) in lives().into_iter().flatten() {
        let stamp = Stamp { source: source(3, seq.0), at: record.at };
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        for effect in record.effects(stamp) {
            match effect {
                Effect::Send(message) => sent.push(message.to),
                Effect::Tell(outcome) => told.push(outcome),
                Effect::Call(_) => {}
                Effect::Fetch(errand) => panic!("{errand:?}"),
            }
        }
        let receivers: BTreeSet<_> = sent.iter().collect();
        assert_eq!(receivers.len(), sent.len(), "{record:?}: one message to one entity");
        for outcome in told {
            let read: Outcome = codec::decode(&codec::encode(&outcome)).expect("an outcome");
            assert_eq!(read, outcome);
        }
    }
}

#[test]
fn refusals_with_the_new_codes() {
    let record = |code: &Code| Record {
        at: at(1_763_633_730_999),
        entity: EntityId::campaign(&rewards::spring()),
        key: Some(key(code.as_str())),
        verdict: Verdict::Refused(Refusal {
            rejection: Rejection::new(*code, format!("because of {code}")),
            request_id: "req_0197".into(),
        }),
    };
    let records: Vec<_> = Code::ALL[CODES].iter().map(record).collect();
    same!("refusals_rewards.bin", Vec<Record>, records);
}

#[test]
fn every_message_and_request() {
    let all = (rewards::bodies(), rewards::bare_bodies(), rewards::letter());
    same!("messages_rewards.bin", (Vec<Body>, Vec<Body>, Request), all);
    let to = EntityId::campaign(&rewards::spring());
    let bodies = || rewards::bodies().into_iter().chain(rewards::bare_bodies()).map(Box::new);
    let acts: Vec<Act> = bodies().map(|body| Act::Send(to.clone(), body)).collect();
    let actions: Vec<Action> = bodies().map(|body| Action::Send(to.clone(), body)).collect();
    same!("actions_rewards.bin", (Vec<Act>, Vec<Action>), (acts, actions));
}

#[test]
fn every_word() {
    same!("words_rewards.bin", statements::Words, statements::words());
    same!("kinds_rewards.bin", Vec<EntityKind>, EntityKind::ALL[kinds()].to_vec());
    let terms = vec![rewards::full_terms(), rewards::bare_terms()];
    same!("terms_rewards.bin", Vec<Terms>, terms);
}

#[test]
fn snapshots_of_a_campaign() {
    let fresh = machine::<Campaign>("campaign_fresh.bin", &rewards::fresh_campaign(), 615);
    assert_eq!(fresh.entity().terms().map(|terms| &terms.id), Some(&rewards::autumn()));
    let life = rewards::campaign();
    let waiting = machine::<Campaign>("campaign_waiting.bin", &life, rewards::WAITING);
    let waiting = waiting.entity();
    assert!(waiting.is_paused() && waiting.waiting().len() == 2);
    assert_eq!(waiting.terms().map(|terms| &**terms), Some(&rewards::full_terms()));
    let admitting = machine::<Campaign>("campaign_admitting.bin", &life, rewards::ADMITTING);
    assert!(!admitting.entity().is_paused() && admitting.entity().waiting().len() == 1);
    let last = machine::<Campaign>("campaign.bin", &life, rewards::CAMPAIGN);
    let (granted, counts) = (last.entity().granted(), *last.entity().counts());
    assert_eq!((granted, counts.taken_back), (amount(4_500), total(1_500)));
    assert_eq!((counts.draws, counts.wins, counts.rewards), (71_001, 6, 2));
    assert_eq!((counts.exhausted, counts.failed), (2, 2));
}

#[test]
fn a_snapshot_of_a_wallet_that_gets_rewards() {
    let life = rewards::wallet();
    let wallet = machine::<Wallet>("wallet_rewarded.bin", &life, rewards::WALLET);
    let seen = wallet.entity().summary().expect("opened");
    assert_eq!((seen.posted, seen.held), (amount(1_500), amount(2_500)));
}

/// The saga of a life at a position.
fn saga(name: &str, life: &Life, covers: u64) -> Saga {
    machine::<Saga>(name, life, covers).entity().clone()
}

#[test]
fn snapshots_of_sagas_of_rewards() {
    let telling = saga("saga_telling.bin", &rewards::credited(), 652);
    let status = telling.steps().last().expect("three steps").status;
    assert!(matches!(status, StepStatus::Unanswered { .. }), "{status:?}");
    assert_eq!(*telling.phase(), Phase::Ended(End::Done));
    let told = saga("saga_rewarded.bin", &rewards::credited(), 654);
    assert_eq!(told.found().email.as_deref(), Some("alice@example.com"));
    let untold = saga("saga_untold.bin", &rewards::untold(), 658);
    assert_eq!(untold.steps().last().map(|step| step.status), Some(StepStatus::Skipped));
    let undoing = saga("saga_ungranting.bin", &rewards::refused(), 661);
    assert_eq!(*undoing.phase(), Phase::Undoing(Some(failure())));
    let asking = machine::<Compensation>("compensation_ungranting.bin", &rewards::undone(), 670);
    assert_eq!((asking.entity().held(), asking.entity().is_finished()), (Amount::ZERO, false));
    let undone = machine::<Compensation>("compensation_ungranted.bin", &rewards::undone(), 671);
    assert!(undone.entity().is_finished());
}

#[test]
fn snapshots_of_a_statement() {
    let life = statements::statement();
    let drawn = machine::<Statement>("statement_drawn.bin", &life, statements::DRAWN);
    assert_eq!(drawn.entity().summary().expect("taken").batches, 0);
    let taken = machine::<Statement>("statement_taken.bin", &life, statements::TAKEN);
    assert_eq!(taken.entity().summary().expect("taken").batches, 1);
    let last = machine::<Statement>("statement.bin", &life, statements::LAST);
    assert_eq!(last.entity().summary().expect("taken").batches, 1);
    let rewards = last.entity().rewards();
    let all: Vec<_> = rewards.before(Seq(u64::MAX), 0).collect();
    are_all(all.iter().map(|(_, _, reward)| reward.status.clone()), 0..6);
    let back = rewards.get(Seq(statements::DRAWN), 5).expect("it won");
    assert_eq!((&back.status, back.reversed), (&RewardStatus::TakenBack(amount(499)), true));
    let granted = rewards.get(Seq(statements::DRAWN), 4).expect("it won");
    assert_eq!((&granted.status, granted.reversed), (&RewardStatus::Granted, true));
}

/// Each new kind twice, so that what some are about never runs into the next one.
fn outcomes() -> Vec<Outcome> {
    let about = |is_full: bool| About::Reward {
        campaign: rewards::spring(),
        line: if is_full { u16::MAX } else { 0 },
        purchase: is_full.then(|| "tx 17 – Měsíc".into()),
        failure: is_full.then(failure),
    };
    let outcome = |kind: &OutcomeKind, is_full: bool| Outcome {
        kind: *kind,
        at: at(1_763_633_730_123),
        wallet: Some(alice()),
        seq: Seq(701),
        provider: None,
        payment: None,
        amount: amount(if is_full { 12_345 } else { 0 }),
        currency: eur(),
        balance_after: amount(-2_345),
        description: is_full.then(|| "order 17 – Měsíc".into()),
        effective_at: is_full.then(|| at(-1)),
        about: Some(about(is_full)),
    };
    let both = |kind: &OutcomeKind| [outcome(kind, true), outcome(kind, false)];
    OutcomeKind::ALL[OUTCOME_KINDS].iter().flat_map(both).collect()
}

#[test]
fn a_chunk_of_outcomes_with_what_they_are_about() {
    let position = |index| Position { commit: 261, index };
    let outcomes: Vec<_> = (0..).map(position).zip(outcomes()).collect();
    let made = envelope::seal(Kind::Outcomes, &NO_HASH, &codec::encode(&outcomes));
    let value = golden("outcomes_rewards.bin", &made);
    let (_, body) = envelope::open(Kind::Outcomes, &value).expect("whole");
    let read: Vec<(Position, Outcome)> = codec::decode(body).expect("outcomes");
    assert_eq!(read, outcomes);
    assert!(made == value);
}
