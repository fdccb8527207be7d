//! Compares an engine with its own records, as `bursar verify` does with a directory.
//!
//! The records are the truth: an entity's balance, version and last position follow from them, a
//! provider has received each payment once, the books of all shards follow from all of them, and
//! the outcomes say each of them once. An audit asks a quiet engine for all of this and fails when
//! two answers differ.

use std::collections::{BTreeMap, BTreeSet};

use bursar_actors::books::Line;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::outcomes::After;
use bursar_domain::id::{EntityId, Position, Seq, WalletId};
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::{provider, wallet};
use bursar_snapshots::codec;

use crate::asks::{balance, euro, seen, summary};
use crate::world::Running;

/// All records of an entity, oldest first: from history and from memory.
pub(crate) async fn records(running: &Running, id: &EntityId) -> Vec<(Seq, Record)> {
    let ask = Ask::Recent { before: Seq(u64::MAX), limit: usize::MAX };
    let Answer::Recent { records, history_before, .. } = running.ask((id.clone(), ask)).await
    else {
        panic!("asked for records");
    };
    let of = id.clone();
    let read =
        running.engine.read(move |archive| archive.records_before(&of, history_before, usize::MAX));
    let old = running.get(read).await.expect("it runs");
    let old = old.into_iter().map(|(seq, bytes)| {
        let record: Record = codec::decode(&bytes).expect("history can be read");
        (seq, record)
    });
    let mut all: Vec<_> = records.into_iter().chain(old).collect();
    all.reverse();
    all
}

/// How an entity stands, for comparing with another time.
pub(crate) async fn standing(running: &Running, id: &EntityId) -> String {
    let Answer::Inspected(all) = running.ask((id.clone(), Ask::Inspect)).await else {
        panic!("asked to inspect");
    };
    format!("{:?} {:?} {:?}", all.seen, all.holds, all.last)
}

/// All outcomes after a position, from disk and from memory.
pub(crate) async fn outcomes(running: &Running, mut after: Position) -> Vec<(Position, Outcome)> {
    let mut all = Vec::new();
    loop {
        let page = match running.engine.outcomes().after(after, 7) {
            After::Here(placed) => {
                placed.into_iter().map(|(at, outcome)| (at, (*outcome).clone())).collect()
            }
            After::OnDisk => {
                let read = running.engine.read(move |archive| archive.outcomes_after(after, 7));
                running.get(read).await.expect("it runs")
            }
        };
        let Some((last, _)) = page.last() else { return all };
        assert!(page[0].0 > after && page.is_sorted_by(|a, b| a.0 < b.0), "positions ascend");
        after = *last;
        all.extend(page);
    }
}

/// What one outcome is about: kind, wallet, the decision that names it.
type Told = (&'static str, WalletId, Seq);

/// What the records of all entities say together.
#[derive(Default)]
struct Sums {
    balances: i128,
    paid: BTreeSet<(WalletId, Seq)>,
    received: BTreeSet<(WalletId, Seq)>,
    told: BTreeSet<Told>,
    external: i128,
}

impl Sums {
    fn add_wallet(&mut self, wallet: &WalletId, seq: Seq, events: &[wallet::Event]) {
        for event in events {
            let told = match event {
                wallet::Event::Deposited(_) => (OutcomeKind::DepositPosted, seq),
                wallet::Event::Paid(_) => {
                    self.paid.insert((wallet.clone(), seq));
                    (OutcomeKind::PaymentPosted, seq)
                }
                wallet::Event::PaymentPosted(posted) => {
                    self.paid.insert((wallet.clone(), seq));
                    (OutcomeKind::PaymentPosted, posted.payment)
                }
                wallet::Event::PaymentFailed(failed) => {
                    (OutcomeKind::PaymentFailed, failed.payment)
                }
                wallet::Event::RefundReceived(refund) => (OutcomeKind::RefundPosted, refund.refund),
                wallet::Event::Opened(_)
                | wallet::Event::HoldPlaced { .. }
                | wallet::Event::HoldReleased { .. }
                | wallet::Event::Frozen
                | wallet::Event::Unfrozen
                | wallet::Event::RefundRequested(_)
                | wallet::Event::Marked(_)
                | wallet::Event::MarkRefused { .. }
                | wallet::Event::Invested(_)
                | wallet::Event::Unmarked { .. }
                | wallet::Event::PaymentHeld(_)
                | wallet::Event::PullRequested(_)
                // Rewards are named by statements, which these tests do not have.
                | wallet::Event::Reward(_) => continue,
                wallet::Event::PullBooked(booked) => (OutcomeKind::DepositPosted, booked.deposit),
                wallet::Event::PullAbandoned { deposit, .. } => {
                    (OutcomeKind::DepositFailed, *deposit)
                }
            };
            let is_new = self.told.insert((told.0.as_str(), wallet.clone(), told.1));
            assert!(is_new, "{told:?} of {wallet} stands twice in the records");
        }
    }

    fn add_provider(&mut self, events: &[provider::Event]) {
        for event in events {
            let payment = if let provider::Event::Received(received) = event {
                (received.wallet.clone(), received.source.seq)
            } else if let provider::Event::ReceivedSettled(received) = event {
                (received.wallet.clone(), received.source.seq)
            } else {
                continue;
            };
            assert!(self.received.insert(payment), "{event:?} was received twice");
        }
    }

    fn add(&mut self, id: &EntityId, seq: Seq, record: &Record) {
        match &record.verdict {
            Verdict::Wallet(events) => {
                let wallet = WalletId::from_shared(std::sync::Arc::clone(&id.id));
                self.add_wallet(&wallet, seq, events);
            }
            Verdict::Provider(events) => self.add_provider(events),
            Verdict::Refused(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => {}
        }
    }
}

/// Waits until the engine is quiet, then compares everything. `ids` are all entities there are.
/// Returns the records.
pub(crate) async fn audit(
    running: &Running,
    ids: &[EntityId],
) -> BTreeMap<EntityId, Vec<(Seq, Record)>> {
    running.quiet().await;
    let mut sums = Sums::default();
    let mut all = BTreeMap::new();
    for id in ids {
        let records = records(running, id).await;
        let answer = running.ask(summary(id.clone())).await;
        let mut expected = 0;
        for (seq, record) in &records {
            assert_eq!(record.entity, *id);
            sums.add(id, *seq, record);
            record.movements(|movement| {
                expected += i128::from(movement.account.minor());
                sums.external += i128::from(movement.external.minor());
            });
        }
        assert!(records.is_sorted_by(|a, b| a.0 < b.0), "{id}: positions ascend");
        if let Some(seen) = seen(&answer) {
            assert_eq!(balance(seen), expected, "{id}: its balance is the sum of its records");
            assert_eq!(seen.version, records.len() as u64, "{id}: a record for each version");
            assert_eq!(Some(seen.last), records.last().map(|(seq, _)| *seq), "{id}");
            let viewed = running.engine.see(id).expect("who was just asked is shown");
            assert_eq!((viewed.version, balance(&viewed)), (seen.version, expected), "{id}");
        } else {
            assert_eq!(records.len(), 0, "{id} does not exist and has no records");
        }
        sums.balances += expected;
        all.insert(id.clone(), records);
    }
    assert_eq!(sums.paid, sums.received, "every payment was received, once");
    check_books(running, &sums).await;
    check_outcomes(running, sums.told).await;
    all
}

async fn check_books(running: &Running, sums: &Sums) {
    let mut line = Line::default();
    for books in running.get(running.engine.books()).await.expect("it runs") {
        if let Some(of_shard) = books.lines.get(&euro()) {
            line.merge(of_shard);
        }
    }
    assert_eq!(line.sum().minor(), 0, "the books sum to zero");
    assert_eq!(line.in_transit().minor(), 0, "nothing is in transit in a quiet engine");
    assert_eq!(line.accounts.minor(), sums.balances, "the books have every balance");
    assert_eq!(line.external.minor(), sums.external, "the books have every deposit");
}

async fn check_outcomes(running: &Running, told: BTreeSet<Told>) {
    let mut missing = told;
    let mut last: BTreeMap<WalletId, Seq> = BTreeMap::new();
    for (at, outcome) in outcomes(running, Position::default()).await {
        let Some(wallet) = outcome.wallet.clone() else { continue };
        let told = (outcome.kind.as_str(), wallet.clone(), outcome.seq);
        assert!(missing.remove(&told), "{told:?} at {at:?} is told once, and happened");
        if outcome.kind != OutcomeKind::RefundPosted {
            let before = last.insert(wallet.clone(), outcome.seq);
            assert!(before < Some(outcome.seq), "{wallet}: in the order of decisions");
        }
    }
    assert!(missing.is_empty(), "never told: {missing:?}");
}
