//! Golden files of what came with money on a schedule: payments that are settled at once, periods
//! and reimbursements, advances, runs, the schedule; their events, machines, messages, outcomes.
//!
//! As `golden.rs`: each test makes values, reads the file, compares what it decodes, and encodes
//! the same bytes again. These files are released (`RELEASED` in `values/mod.rs`): what was added
//! since stands in `golden_rewards.rs`.

mod values;

use std::collections::BTreeSet;

use bursar_domain::advance::{Advance, Ask, DebitStatus, Status};
use bursar_domain::call::Request;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::compensation::Compensation;
use bursar_domain::entity::{Due, Entity};
use bursar_domain::id::{EntityId, Kind as EntityKind, Position, Seq};
use bursar_domain::message::{About, Body, Effect, Outcome, OutcomeKind, Stamp};
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::{Pending, Provider, Settlement};
use bursar_domain::record::{Record, Recorded, Refusal, Verdict};
use bursar_domain::run::{Fetch, Phase, ReportStatus, Run};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{self, Action, End, Found, Saga, StepStatus};
use bursar_domain::schedule::Schedule;
use bursar_domain::wallet::Wallet;
use bursar_snapshots::envelope::{self, Kind, NO_HASH};
use bursar_snapshots::{codec, group};
use values::numbers::Numbered;
use values::sagas::{Life, failure, now};
use values::{
    acme, advances, alice, amount, at, eur, golden, key, machine, orders, providers, pushes, runs,
    same, slice, total,
};

/// The codes that came after those in `refusals_sagas.bin`.
const CODES: std::ops::Range<usize> = 42..48;

/// The kinds of outcomes that came after those in `outcomes_sagas.bin`.
const OUTCOME_KINDS: std::ops::Range<usize> = 9..19;

fn lives() -> Vec<Life> {
    let lives = [
        pushes::wallet(),
        providers::on_calendar(),
        providers::at_once(),
        providers::nobody(),
        advances::completed(),
        advances::defaulted(),
        advances::not_credited(),
        advances::mistaken(),
        runs::read(),
        runs::unusable(),
        runs::unavailable(),
        runs::schedule(),
        runs::by_hand(),
    ];
    lives.into_iter().chain(pushes::all()).collect()
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
    assert_eq!(numbers(events::<Wallet>()), [0, 1, 16, 17, 18]);
    are_all(events::<Provider>(), 0..11);
    are_all(events::<Advance>(), 0..21);
    are_all(events::<Run>(), 0..13);
    are_all(events::<Schedule>(), 0..3);
    // A push has nothing to skip.
    assert_eq!(numbers(events::<Saga>()), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    assert_eq!(numbers(events::<Compensation>()), [0, 1, 3, 4]);
    let verdicts = lives().into_iter().flatten().map(|entry| entry.1.verdict);
    assert_eq!(numbers(verdicts), [0, 1, 2, 4, 5, 6, 7, 8]);
}

#[test]
fn every_part_of_a_saga_is_in_the_files() {
    let (mut subjects, mut found, mut ends, mut sent) = (vec![], vec![], vec![], vec![]);
    for event in events::<Saga>() {
        match event {
            saga::Event::Begun { subject, .. } => subjects.push((*subject).clone()),
            saga::Event::StepDone { found: one, .. } => found.push(one),
            saga::Event::Ended { end, .. } => ends.push(end),
            saga::Event::StepBegun { action: Action::Send(_, body), .. } => sent.push(*body),
            saga::Event::UndoingBegun { undoing, .. } => {
                for undo in undoing.undos {
                    if let Act::Send(_, body) = undo.act {
                        sent.push(*body);
                    }
                }
            }
            saga::Event::StepBegun { .. }
            | saga::Event::CancelAsked
            | saga::Event::StepSkipped { .. }
            | saga::Event::CallRepeated { .. }
            | saga::Event::CallUnanswered { .. }
            | saga::Event::StepFailed { .. } => {}
        }
    }
    are_all(subjects, 2..5);
    assert_eq!(numbers(found), [0, 5]);
    are_all(ends, 0..3);
    // Those that a step or an undo sends.
    assert_eq!(numbers(sent), [14, 15, 17, 18, 19, 20]);
}

#[test]
fn every_new_message_and_word_is_in_the_files() {
    are_all(orders::bodies(), 14..25);
    assert_eq!(numbers([orders::push().0]), [6]);
    assert_eq!(numbers([orders::push().1]), [5]);
    are_all(orders::asks(), 0..4);
    are_all(orders::fetches(), 0..4);
    let (kinds, steps, passes, phases, reports) = orders::names();
    assert!(kinds.iter().map(|kind| kind.number()).eq(5..8));
    assert_eq!(kinds, EntityKind::ALL[5..8]);
    are_all(steps, 9..16);
    are_all(passes, 0..2);
    are_all(phases, 0..6);
    are_all(reports, 0..4);
    let (statuses, debits, tasks, thens, counts, nexts, reported) = orders::debits();
    are_all(statuses, 0..5);
    are_all(debits, 0..10);
    are_all(tasks, 0..3);
    are_all(thens, 0..4);
    are_all(counts, 0..2);
    are_all(nexts, 0..3);
    are_all(reported, 0..2);
    let (settlements, plans, _, _, reasons, verdicts) = orders::calendars();
    are_all(settlements, 0..2);
    are_all(plans.iter().map(|plan| plan.every()), 0..4);
    are_all(reasons, 0..4);
    are_all(verdicts, 0..3);
    are_all(orders::refusals(), 0..5);
    are_all(outcomes().into_iter().map(|outcome| outcome.kind), OUTCOME_KINDS);
    let abouts = outcomes().into_iter().filter_map(|outcome| outcome.about);
    are_all(abouts, 1..4);
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
    let made = envelope::seal(Kind::Group, &[7; 32], &group::encode(260, &plan[0]));
    let value = golden("group_schedule.bin", &made);
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
        let stamp = Stamp { source: values::source(3, seq.0), at: record.at };
        let sent = record.effects(stamp).into_iter().filter_map(|effect| match effect {
            Effect::Send(message) => Some(message.to),
            Effect::Tell(_) | Effect::Call(_) | Effect::Fetch(_) => None,
        });
        let sent: Vec<_> = sent.collect();
        let receivers: BTreeSet<_> = sent.iter().collect();
        assert_eq!(receivers.len(), sent.len(), "{record:?}: one message to one entity");
    }
}

#[test]
fn refusals_with_the_new_codes() {
    let record = |code: &Code| Record {
        at: at(1_763_633_730_999),
        entity: EntityId::provider(&acme()),
        key: Some(key(code.as_str())),
        verdict: Verdict::Refused(Refusal {
            rejection: Rejection::new(*code, format!("because of {code}")),
            request_id: "req_0197".into(),
        }),
    };
    let records: Vec<_> = Code::ALL[CODES].iter().map(record).collect();
    same!("refusals_schedule.bin", Vec<Record>, records);
}

#[test]
fn every_message_and_request() {
    let (request, found) = orders::push();
    let all = (orders::bodies(), orders::bare_bodies(), request, found);
    same!("messages_schedule.bin", (Vec<Body>, Vec<Body>, Request, Found), all);
    let to = EntityId::advance(&pushes::advance_id("adv_1"));
    let bodies = || orders::bodies().into_iter().chain(orders::bare_bodies()).map(Box::new);
    let acts: Vec<Act> = bodies().map(|body| Act::Send(to.clone(), body)).collect();
    let actions: Vec<Action> = bodies().map(|body| Action::Send(to.clone(), body)).collect();
    same!("actions_schedule.bin", (Vec<Act>, Vec<Action>), (acts, actions));
}

#[test]
fn every_word() {
    same!("names_schedule.bin", orders::Names, orders::names());
    same!("debits_schedule.bin", orders::Debits, orders::debits());
    same!("calendars_schedule.bin", orders::Calendars, orders::calendars());
    let all = (orders::asks(), orders::fetches());
    same!("asks_schedule.bin", (Vec<Ask>, Vec<Fetch>), all);
}

#[test]
fn snapshots_of_a_wallet_that_pays_who_is_paid_at_once() {
    let life = pushes::wallet();
    let wallet = machine::<Wallet>("wallet_paying.bin", &life, 106);
    assert_eq!(wallet.entity().holds(), pushes::holds(0));
    let wallet = machine::<Wallet>("wallet_paid.bin", &life, 110);
    assert_eq!(wallet.entity().holds(), pushes::holds(4));
    assert_eq!(wallet.entity().summary().expect("opened").posted, amount(87_155));
    assert_eq!(wallet.entity().refunded().len(), 2, "what is posted can be refunded");
}

#[test]
fn snapshots_of_providers_in_both_layouts() {
    let nobody = machine::<Provider>("provider_nothing.bin", &providers::nobody(), 240);
    assert!(!nobody.entity().exists());
    let life = providers::at_once();
    let immediate = machine::<Provider>("provider_immediate.bin", &life, 230);
    assert_eq!(summary(immediate.entity()).terms.settlement, Settlement::Immediate);
    let paid = machine::<Provider>("provider_immediate_paid.bin", &life, 231);
    assert_eq!(summary(paid.entity()).reimbursed, total(700));
    let changed = machine::<Provider>("provider_immediate_changed.bin", &life, 232);
    assert!(summary(changed.entity()).terms.cadence.is_some());
}

fn summary(provider: &Provider) -> bursar_domain::provider::Summary {
    provider.summary().expect("registered")
}

#[test]
fn snapshots_of_a_provider_on_a_calendar() {
    let life = providers::on_calendar();
    let pending = machine::<Provider>("provider_pending.bin", &life, providers::PENDING);
    assert_eq!(pending.entity().activities().len(), 32, "the newest of the activities");
    assert!(pending.entity().activities().spilled().is_partial(), "the others are on disk");
    let (reimbursement, minor) = (Seq(providers::PAID), amount(16_000));
    let expected = Some(Pending { reimbursement, amount: minor });
    assert_eq!(summary(pending.entity()).pending, expected);
    let held = machine::<Provider>("provider_on_hold.bin", &life, providers::ON_HOLD);
    let held = summary(held.entity());
    assert_eq!((held.on_hold, held.declines, held.accrued), (true, 2, total(1_500)));
    let changing = machine::<Provider>("provider_changing.bin", &life, providers::CHANGING);
    let changing = summary(changing.entity());
    assert_eq!(changing.coming(), Some(&Settlement::Immediate));
    assert_eq!(changing.last_reimbursement, Some(Seq(214)));
    let last = machine::<Provider>("provider_settled.bin", &life, providers::LAST);
    let last = summary(last.entity());
    assert_eq!((last.accrued, last.reimbursed), (Total::from_minor(-5), total(30_345)));
}

/// The saga of a life at a position.
fn saga(name: &str, life: usize, covers: u64) -> Saga {
    machine::<Saga>(name, &pushes::all()[life], covers).entity().clone()
}

#[test]
fn snapshots_of_sagas_that_push() {
    let asking = saga("saga_pushing.bin", 0, 111);
    let status = asking.steps().last().expect("two steps").status;
    assert!(matches!(status, StepStatus::Unanswered { .. }), "{status:?}");
    for (name, life, covers) in
        [("saga_posted.bin", 0, 114), ("saga_paid.bin", 6, 164), ("saga_active.bin", 9, 504)]
    {
        let done = saga(name, life, covers);
        assert_eq!(*done.phase(), saga::Phase::Ended(End::Done), "{name}");
        assert_eq!(done.found().transaction.as_deref(), Some("tr_77"), "{name}");
    }
    for (name, life, covers) in [
        ("saga_unhold.bin", 2, 131),
        ("saga_returned.bin", 7, 171),
        ("saga_not_credited.bin", 10, 511),
    ] {
        let undoing = saga(name, life, covers);
        assert_eq!(*undoing.phase(), saga::Phase::Undoing(Some(failure())), "{name}");
    }
    assert!(saga("saga_not_wanted.bin", 3, 142).is_cancelled());
}

#[test]
fn snapshots_of_compensations_of_pushes() {
    for (name, life, first) in [
        ("compensation_unhold.bin", 4, 150),
        ("compensation_returned.bin", 8, 180),
        ("compensation_not_credited.bin", 11, 520),
    ] {
        let life = &pushes::all()[life];
        let undoing = machine::<Compensation>(name, life, first);
        assert_eq!(
            (undoing.entity().held(), undoing.entity().is_finished()),
            (Amount::ZERO, false)
        );
    }
    let finished = machine::<Compensation>("compensation_pushed.bin", &pushes::all()[4], 151);
    assert!(finished.entity().is_finished());
}

/// How the debits of an advance stand.
fn statuses(advance: &Advance) -> Vec<DebitStatus> {
    advance.schedule().iter().map(|row| row.status).collect()
}

#[test]
fn snapshots_of_an_advance_that_is_paid_back() {
    use DebitStatus::{Failed, Refunded, Refunding, Scheduled, Submitting, Succeeded};
    let life = advances::completed();
    let pending = machine::<Advance>("advance_pending.bin", &life, advances::PENDING);
    assert_eq!(pending.entity().status(), Status::Pending);
    let asking = machine::<Advance>("advance_unanswered.bin", &life, advances::UNANSWERED);
    assert_eq!(asking.entity().due(), Due::At(now(250)));
    assert!(asking.entity().schedule()[0].stuck.is_some());
    let working = machine::<Advance>("advance_working.bin", &life, advances::WORKING);
    assert_eq!(working.entity().due(), Due::Answer);
    let silent_on = orders::day(5);
    let submitted = DebitStatus::Submitted { silent_on };
    assert_eq!(statuses(working.entity()), [Failed, submitted, Submitting, Scheduled]);
    let refunding = machine::<Advance>("advance_refunding.bin", &life, advances::REFUNDING);
    assert_eq!(refunding.entity().overpaid(), total(3_333));
    let expected = [Failed, Succeeded, Succeeded, Succeeded, Refunding];
    assert_eq!(statuses(refunding.entity()), expected);
    let completed = machine::<Advance>("advance_completed.bin", &life, advances::COMPLETED);
    assert_eq!(completed.entity().status(), Status::Completed);
    assert_eq!(completed.entity().collected(), amount(10_000));
    let expected = [Failed, Succeeded, Succeeded, Succeeded, Refunded];
    assert_eq!(statuses(completed.entity()), expected);
}

#[test]
fn snapshots_of_advances_that_are_not() {
    let life = advances::defaulted();
    let defaulted = machine::<Advance>("advance_defaulted.bin", &life, advances::DEFAULTED);
    assert_eq!(defaulted.entity().status(), Status::Defaulted);
    assert_eq!(defaulted.entity().written_off(), amount(450));
    let expected = [DebitStatus::Succeeded, DebitStatus::Failed, DebitStatus::Cancelled];
    assert_eq!(statuses(defaulted.entity()), expected);
    let failed = machine::<Advance>("advance_failed.bin", &advances::not_credited(), 361);
    assert_eq!(failed.entity().failure(), Some(&failure()));
    let mistaken = machine::<Advance>("advance_mistaken.bin", &advances::mistaken(), 371);
    assert!(mistaken.entity().exists() && mistaken.entity().profile().is_none());
}

#[test]
fn snapshots_of_runs() {
    let life = runs::read();
    let staging = machine::<Run>("run_staging.bin", &life, runs::STAGING);
    let staging = staging.entity();
    assert_eq!((staging.phase(), staging.due()), (Phase::Staging, Due::Answer));
    let delayed = machine::<Run>("run_delayed.bin", &life, runs::DELAYED);
    assert_eq!(delayed.entity().due(), Due::At(now(250)));
    assert_eq!((delayed.entity().trouble(), staging.trouble()), (Some("the disk is slow"), None));
    let lost = machine::<Run>("run_lost.bin", &life, runs::LOST);
    assert_eq!(lost.entity().phase(), Phase::Fetching);
    let reading = machine::<Run>("run_reading.bin", &life, runs::READING);
    assert_eq!((reading.entity().phase(), reading.entity().outstanding()), (Phase::Reading, 2));
    let done = machine::<Run>("run_done.bin", &life, runs::DONE);
    let done = done.entity();
    assert_eq!((done.phase(), done.report().status), (Phase::Done, ReportStatus::Read));
    assert_eq!((done.tally().advances, done.tally().succeeded), (2, 70_003));
    let unusable = machine::<Run>("run_unusable.bin", &runs::unusable(), runs::UNUSABLE);
    let report = unusable.entity().report();
    assert_eq!(
        (report.status, report.code.as_deref()),
        (ReportStatus::Unusable, Some("truncated"))
    );
    let unavailable = machine::<Run>("run_unavailable.bin", &runs::unavailable(), 443);
    assert_eq!(unavailable.entity().report().status, ReportStatus::Unavailable);
    assert_eq!(unavailable.entity().ended_at(), Some(now(9)));
}

#[test]
fn snapshots_of_the_schedule() {
    let life = runs::schedule();
    let awaiting = machine::<Schedule>("schedule_awaiting.bin", &life, runs::AWAITING);
    assert_eq!(awaiting.entity().last_run(), Some("run_2026-11-21_1"));
    assert_eq!(awaiting.entity().read_to(), Some(now(-9)));
    let again = machine::<Schedule>("schedule_set.bin", &life, runs::SET_AGAIN);
    assert_eq!((again.entity().next(), again.entity().read_to()), (None, Some(now(3))));
    let by_hand = machine::<Schedule>("schedule_by_hand.bin", &runs::by_hand(), 460);
    assert_eq!(by_hand.entity().cadence(), None);
    assert_eq!(by_hand.entity().last_run(), Some("run_2026-11-21_1"));
}

/// What an outcome is about, with all that it may have; and with what it must have.
fn abouts(kind: OutcomeKind) -> [About; 2] {
    let advance =
        |debit, failure| About::Advance { advance: pushes::advance_id("adv_1"), debit, failure };
    match kind {
        OutcomeKind::PaymentFailed => [About::Failure(failure()), About::Failure(failure())],
        OutcomeKind::ReimbursementPaid | OutcomeKind::ReimbursementReturned => {
            [Some(failure()), None].map(|failure| About::Reimbursement { failure })
        }
        OutcomeKind::AdvanceActive
        | OutcomeKind::AdvanceFailed
        | OutcomeKind::DebitSucceeded
        | OutcomeKind::DebitFailed
        | OutcomeKind::DebitRefunded
        | OutcomeKind::AdvanceCompleted
        | OutcomeKind::AdvanceDefaulted => {
            [advance(Some(70_000), Some(failure())), advance(None, None)]
        }
        OutcomeKind::DepositPosted
        | OutcomeKind::PaymentPosted
        | OutcomeKind::RefundPosted
        | OutcomeKind::DepositFailed
        | OutcomeKind::InvestmentReserved
        | OutcomeKind::InvestmentConfirmed
        | OutcomeKind::InvestmentFailed
        | OutcomeKind::InvestmentCancelled
        | OutcomeKind::InvestmentRefused
        | OutcomeKind::RewardGranted
        | OutcomeKind::RewardRefused
        | OutcomeKind::RewardTakenBack => unreachable!("{kind:?} is in another file"),
    }
}

/// Each new kind twice, so that what some are about never runs into the next one.
fn outcomes() -> Vec<Outcome> {
    let outcome = |kind: &OutcomeKind, about, is_full: bool| Outcome {
        kind: *kind,
        at: at(1_763_633_730_123),
        wallet: kind.has_wallet().then(alice),
        seq: Seq(204),
        provider: is_full.then(acme),
        payment: None,
        amount: amount(12_345),
        currency: eur(),
        balance_after: Amount::ZERO,
        description: is_full.then(|| "order 17 – Měsíc".into()),
        effective_at: is_full.then(|| at(-1)),
        about: Some(about),
    };
    let both = |kind: &OutcomeKind| {
        let [full, bare] = abouts(*kind);
        [outcome(kind, full, true), outcome(kind, bare, false)]
    };
    OutcomeKind::ALL[OUTCOME_KINDS].iter().flat_map(both).collect()
}

#[test]
fn a_chunk_of_outcomes_with_what_they_are_about() {
    let position = |index| Position { commit: 260, index };
    let outcomes: Vec<_> = (0..).map(position).zip(outcomes()).collect();
    let made = envelope::seal(Kind::Outcomes, &NO_HASH, &codec::encode(&outcomes));
    let value = golden("outcomes_schedule.bin", &made);
    let (_, body) = envelope::open(Kind::Outcomes, &value).expect("whole");
    let read: Vec<(Position, Outcome)> = codec::decode(body).expect("outcomes");
    assert_eq!(read, outcomes);
    assert!(made == value);
}
