//! A key lives as long as its wallet: in memory, on disk, after a crash, after leaving memory.
//!
//! Memory and snapshot keep the newest few; a save writes the others to disk before they are
//! dropped. Whichever way a wallet has come back, each of its keys is answered with the first
//! answer, and a key with other content is an error.

use std::sync::atomic::Ordering;

use bursar_actors::job::Answer;
use bursar_domain::code::Code;
use bursar_domain::id::Seq;
use bursar_domain::key::RECENT_KEPT;

use crate::asks::{decided, deposit, open, pay, refusal, register, wallet_id, yes};
use crate::world::{Running, World};

/// Far more than memory keeps.
const KEYS: usize = RECENT_KEPT * 3;

/// Deposits under keys `key-0` and so on.
async fn deposits(running: &Running, from: usize, to: usize) -> Vec<Seq> {
    let asks = (from..to).map(|n| deposit("payer", &format!("key-{n}"), 10)).collect();
    running.ask_all(asks).await.iter().map(|answer| decided(answer).0).collect()
}

/// Every key is answered as at first, in any order, and nothing new is decided.
async fn check(running: &Running, first: &[Seq]) {
    for n in (0..first.len()).rev() {
        let answer = running.ask(deposit("payer", &format!("key-{n}"), 10)).await;
        let (seq, record, replayed) = decided(&answer);
        assert_eq!((seq, replayed), (first[n], true), "key-{n}");
        let key = record.key.as_ref().map(|key| key.text.to_string());
        assert_eq!(key, Some(format!("key-{n}")));
    }
    let version = running.engine.see(&wallet_id("payer")).expect("shown").version;
    assert_eq!(version, first.len() as u64 + 1);
}

#[actix::test]
async fn a_key_is_answered_the_same_wherever_it_is() {
    let world = World::new(2);
    let running = world.start();
    yes(&running.ask(open("payer")).await);
    let first = deposits(&running, 0, KEYS).await;
    check(&running, &first).await;
    // Saved, most of them only on disk.
    running.checkpoint().await;
    check(&running, &first).await;
    // The wallet left memory and is read again.
    running.passivate(&wallet_id("payer")).await;
    check(&running, &first).await;
    running.crash();
    let running = world.start();
    check(&running, &first).await;
    running.stop().await;
    let running = world.start();
    assert_eq!(running.records, 0);
    check(&running, &first).await;
    running.crash();
}

#[actix::test]
async fn keys_spill_again_and_again() {
    let world = World::new(2);
    let running = world.start();
    yes(&running.ask(open("payer")).await);
    let mut first = Vec::new();
    for round in 0..6 {
        first.extend(deposits(&running, round * 40, round * 40 + 40).await);
        if round % 2 == 0 {
            running.checkpoint().await;
        } else {
            running.passivate(&wallet_id("payer")).await;
        }
        check(&running, &first).await;
    }
    running.crash();
    let running = world.start();
    check(&running, &first).await;
    running.stop().await;
}

#[actix::test]
async fn a_key_on_disk_with_other_content_is_refused() {
    let world = World::new(2);
    let running = world.start();
    yes(&running.ask(open("payer")).await);
    deposits(&running, 0, KEYS).await;
    for _ in 0..2 {
        let answer = running.ask(deposit("payer", "key-0", 11)).await;
        let Answer::Rejected(rejection) = answer else { panic!("{answer:?}") };
        assert_eq!(rejection.code, Code::IdempotencyKeyReused);
        running.passivate(&wallet_id("payer")).await;
    }
    running.stop().await;
}

#[actix::test]
async fn a_refusal_is_kept_under_its_key() {
    let world = World::new(2);
    let running = world.start();
    running.ask_all(vec![register("clinic"), open("payer")]).await;
    let too_much = || pay("payer", "too much", "clinic", 5);
    let nobody = || pay("payer", "nobody", "nobody", 5);
    let first = running.ask(too_much()).await;
    assert_eq!(refusal(&first), Code::InsufficientFunds);
    assert_eq!(refusal(&running.ask(nobody()).await), Code::ProviderNotFound);
    // What was missing is there now; the answer is the first one all the same.
    deposits(&running, 0, KEYS).await;
    running.ask(register("nobody")).await;
    for _ in 0..2 {
        let again = running.ask(too_much()).await;
        assert_eq!(decided(&again), (decided(&first).0, decided(&first).1, true));
        assert_eq!(refusal(&running.ask(nobody()).await), Code::ProviderNotFound);
        running.passivate(&wallet_id("payer")).await;
    }
    yes(&running.ask(pay("payer", "other", "nobody", 5)).await);
    running.stop().await;
}

#[actix::test]
async fn a_key_whose_record_is_lost_ends_the_engine_rather_than_be_decided_again() {
    for oldest in [true, false] {
        let world = World::new(2);
        let running = world.start();
        yes(&running.ask(open("payer")).await);
        deposits(&running, 0, KEYS).await;
        running.passivate(&wallet_id("payer")).await;
        world.gates.history_lost.store(true, Ordering::Relaxed);
        // The one key is found on disk, the other in memory, and both only lead to the record.
        let key = if oldest { "key-0".to_owned() } else { format!("key-{}", KEYS - 1) };
        let (to, ask) = deposit("payer", &key, 10);
        let answer = running.unless_ended(running.engine.ask(to, ask)).await;
        assert!(answer.is_none(), "{answer:?}");
        let ended = running.ended().expect("noted");
        assert!(ended.contains("damaged data in history of wallet/payer"), "{ended}");
        running.crash();
    }
}
