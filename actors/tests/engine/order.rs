//! First come, first served, also when the first has to wait for the disk.
//!
//! A wallet with more keys than memory keeps is asked for its oldest one on an archive that is held
//! up, and others come behind. Whatever arrives from the disk in whatever order, decisions are made
//! in the order in which the requests came, and one key has one answer.

use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::id::Seq;
use bursar_domain::key::RECENT_KEPT;

use crate::asks::{
    all_yes, apart, balance, decided, deposit, hold, open, pay, provider_id, refusal, register,
    wallet_id, yes,
};
use crate::gates::Call;
use crate::world::{Running, World, is_pending, until};

/// A wallet whose oldest keys are only on disk. Returns the position of the deposit `in-0`.
async fn with_old_keys(running: &Running) -> Seq {
    running.ask_all(vec![register("clinic"), open("payer")]).await;
    let first = yes(&running.ask(deposit("payer", "in-0", 10)).await);
    for n in 1..RECENT_KEPT + 8 {
        yes(&running.ask(deposit("payer", &format!("in-{n}"), 10)).await);
    }
    running.checkpoint().await;
    first
}

#[actix::test]
async fn requests_behind_one_that_waits_for_the_disk_keep_their_order() {
    let world = World::new(2);
    let running = world.start();
    let first = with_old_keys(&running).await;
    world.gates.close(Call::LookUp);
    let mut asks = vec![deposit("payer", "in-0", 10)];
    for n in 0..10 {
        asks.push(pay("payer", &format!("out-{n}"), "clinic", 30));
    }
    // A key of which memory knows: it could be answered at once, and is not.
    asks.push(deposit("payer", &format!("in-{}", RECENT_KEPT + 7), 10));
    let asked = running.hand_on(asks).await;
    let mut answers = Box::pin(asked.answers());
    until("the disk is asked", || world.gates.waiting(Call::LookUp) == 1).await;
    for _ in 0..50 {
        running.states().await;
        assert!(is_pending(&mut answers));
    }
    let version = running.engine.see(&wallet_id("payer")).expect("shown").version;
    assert_eq!(version, RECENT_KEPT as u64 + 9, "nothing is decided before the first");
    world.gates.open(Call::LookUp);
    let answers = running.get(answers).await;
    let (seq, _, replayed) = decided(&answers[0]);
    assert_eq!((seq, replayed), (first, true));
    let seqs: Vec<Seq> = answers[1..=10].iter().map(yes).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    assert!(decided(&answers[11]).2);
    running.stop().await;
}

#[actix::test]
async fn who_could_be_decided_at_once_waits_for_who_came_before() {
    let (wallet, provider) = apart(2);
    let world = World::new(2);
    let running = world.start();
    running.ask_all(vec![register(&provider), open(&wallet)]).await;
    running.ask(deposit(&wallet, "in", 400)).await;
    running.quiet().await;
    // The provider's thread is held, and the wallet's shard does not know the provider.
    let ask = || running.engine.ask(provider_id(&provider), Ask::Summary);
    let held = world.gates.stall(0, ask);
    until("it is held", || world.gates.waiting(Call::Answer(0)) == 1).await;
    let first = running.hand_on(vec![pay(&wallet, "all", &provider, 400)]).await;
    let second = hold(&wallet, "hold", 1);
    let second = running.hand_on(vec![second, deposit(&wallet, "more", 7)]).await;
    let mut second = Box::pin(second.answers());
    for _ in 0..50 {
        // Goes through the wallet's mailbox behind the others.
        let inspected = running.hand_on(vec![(wallet_id(&wallet), Ask::Inspect)]).await;
        drop(inspected);
        std::thread::yield_now();
        assert!(is_pending(&mut second), "it overtook the payment before it");
    }
    assert_eq!(balance(&running.engine.see(&wallet_id(&wallet)).expect("shown")), 400);
    world.gates.open(Call::Answer(0));
    let first = running.get(first.answers()).await;
    let second = running.get(second).await;
    let paid = yes(&first[0]);
    assert_eq!(refusal(&second[0]), Code::InsufficientFunds, "the first had spent it");
    assert!(paid < decided(&second[0]).0 && decided(&second[0]).0 < yes(&second[1]));
    drop(held);
    running.stop().await;
}

#[actix::test]
async fn one_key_sent_twice_while_the_first_waits_has_one_answer() {
    let world = World::new(2);
    let running = world.start();
    with_old_keys(&running).await;
    world.gates.close(Call::LookUp);
    let pays = || pay("payer", "out", "clinic", 30);
    let other = pay("payer", "out", "clinic", 31);
    // An old key, for which the disk is asked, holds up those behind it.
    let old = deposit("payer", "in-0", 10);
    let asked = running.hand_on(vec![old, pays(), pays(), other, pays()]).await;
    let mut answers = Box::pin(asked.answers());
    until("the disk is asked", || world.gates.waiting(Call::LookUp) == 1).await;
    assert!(is_pending(&mut answers));
    world.gates.open(Call::LookUp);
    let answers = &running.get(answers).await[1..];
    let (seq, record, replayed) = decided(&answers[0]);
    assert!(!replayed);
    for answer in [&answers[1], &answers[3]] {
        assert_eq!(decided(answer), (seq, record, true));
    }
    let Answer::Rejected(rejection) = &answers[2] else { panic!("{:?}", answers[2]) };
    assert_eq!(rejection.code, Code::IdempotencyKeyReused);
    running.quiet().await;
    let version = running.engine.see(&wallet_id("payer")).expect("shown").version;
    assert_eq!(version, RECENT_KEPT as u64 + 10, "it was decided once");
    running.stop().await;
}

#[actix::test]
async fn a_wallet_that_is_being_read_decides_in_order() {
    let world = World::new(2);
    let running = world.start();
    with_old_keys(&running).await;
    running.stop().await;
    let running = world.start();
    assert_eq!(running.records, 0);
    let asks = (0..30).map(|n| pay("payer", &format!("out-{n}"), "clinic", 20)).collect();
    let answers = running.ask_all(asks).await;
    let seqs: Vec<Seq> = answers.iter().map(|answer| decided(answer).0).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    // 400 cents are twenty payments; who came later gets nothing.
    all_yes(&answers[..20]);
    for answer in &answers[20..] {
        assert_eq!(refusal(answer), Code::InsufficientFunds);
    }
    running.stop().await;
}
