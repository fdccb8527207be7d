//! Refunds of payments that memory has and of payments that only the disk has.
//!
//! What was refunded of a payment is an index like that of the keys: the newest few totals are in
//! memory, older ones on disk. More than was paid is never given back, wherever the payment and its
//! total are, and however late the disk answers.

use std::pin::Pin;

use bursar_actors::job::Ask;
use bursar_domain::code::Code;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::key::RECENT_KEPT;
use bursar_domain::record::Verdict;
use bursar_domain::wallet::Event;

use crate::asks::{
    all_yes, balance, decided, deposit, open, pay, provider_id, refund, refusal, register,
    wallet_id, yes,
};
use crate::audit::audit;
use crate::gates::Call;
use crate::world::{Running, World, until};

/// More refunded payments than memory keeps.
const REFUNDED: usize = RECENT_KEPT + 8;

async fn begin(world: &World) -> Running {
    let running = world.start();
    running.ask_all(vec![register("clinic"), open("payer")]).await;
    yes(&running.ask(deposit("payer", "in", 1_000_000)).await);
    running
}

/// Payments of 100 each under keys that begin with `name`.
async fn payments(running: &Running, name: &str, count: usize) -> Vec<Seq> {
    let asks = (0..count).map(|n| pay("payer", &format!("{name}-{n}"), "clinic", 100)).collect();
    running.ask_all(asks).await.iter().map(yes).collect()
}

/// Refunds under keys that begin with `name`; each is answered with the arrival of the money.
async fn refunds(running: &Running, name: &str, payments: &[Seq], cents: i64) {
    let ask = |(n, payment): (usize, &Seq)| {
        refund("payer", &format!("{name}-{n}"), *payment, Some(cents))
    };
    let asks = payments.iter().enumerate().map(ask).collect();
    for answer in running.ask_all(asks).await {
        let (_, record, _) = decided(&answer);
        let Verdict::Wallet(events) = &record.verdict else { panic!("{record:?}") };
        assert!(matches!(&events[..], [Event::RefundReceived(_)]), "{record:?}");
    }
}

fn wallet_has(running: &Running, cents: i128) {
    let seen = running.engine.see(&wallet_id("payer")).expect("shown");
    assert_eq!(balance(&seen), cents);
}

#[actix::test]
async fn a_payment_is_refunded_wherever_it_and_its_total_are() {
    let world = World::new(3);
    let running = begin(&world).await;
    let old = payments(&running, "old", REFUNDED).await;
    refunds(&running, "part", &old, 60).await;
    running.checkpoint().await;
    // The oldest total is on disk, the newest in memory; both payments are saved.
    for (payment, left) in [(old[0], 40), (old[REFUNDED - 1], 40)] {
        let too_much = refund("payer", &format!("more-{payment}"), payment, Some(left + 1));
        assert_eq!(refusal(&running.ask(too_much).await), Code::RefundExceedsPayment);
        let rest = refund("payer", &format!("rest-{payment}"), payment, None);
        yes(&running.ask(rest).await);
        let none = refund("payer", &format!("none-{payment}"), payment, None);
        assert_eq!(refusal(&running.ask(none).await), Code::RefundExceedsPayment);
    }
    // A payment that is not saved yet, of a wallet that has totals on disk.
    let new = payments(&running, "new", 1).await[0];
    refunds(&running, "new-part", &[new], 99).await;
    let too_much = refund("payer", "new-more", new, Some(2));
    assert_eq!(refusal(&running.ask(too_much).await), Code::RefundExceedsPayment);
    yes(&running.ask(refund("payer", "new-rest", new, None)).await);
    let unknown = refund("payer", "unknown", Seq(1_000_000), None);
    assert_eq!(refusal(&running.ask(unknown).await), Code::PaymentNotFound);
    let paid = i128::try_from(REFUNDED).expect("few") * 40 - 80;
    running.quiet().await;
    wallet_has(&running, 1_000_000 - paid);
    audit(&running, &[wallet_id("payer"), provider_id("clinic")]).await;
    running.stop().await;
}

#[actix::test]
async fn totals_on_disk_hold_after_a_crash_and_after_leaving_memory() {
    let world = World::new(3);
    let running = begin(&world).await;
    let old = payments(&running, "old", REFUNDED).await;
    refunds(&running, "all", &old, 100).await;
    running.passivate(&wallet_id("payer")).await;
    let again = refund("payer", "again", old[0], Some(1));
    assert_eq!(refusal(&running.ask(again).await), Code::RefundExceedsPayment);
    running.crash();
    let running = world.start();
    for (n, payment) in old.iter().enumerate() {
        let again = refund("payer", &format!("again-{n}"), *payment, Some(1));
        assert_eq!(refusal(&running.ask(again).await), Code::RefundExceedsPayment, "{n}");
    }
    running.ask(crate::asks::summary(wallet_id("payer"))).await;
    wallet_has(&running, 1_000_000);
    running.stop().await;
}

/// Three shards with a thread each, a wallet in one of them and a provider in each of the others.
struct Apart {
    world: World,
    running: Running,
    one: String,
    two: String,
}

impl Apart {
    async fn new() -> Self {
        let mut world = World::new(3);
        world.settings.threads = 3;
        let of_payer = wallet_id("payer").shard(3);
        let others = (0..3).map(ShardId).filter(|shard| *shard != of_payer).map(provider_in);
        let [one, two] = others.collect::<Vec<_>>().try_into().expect("two others");
        let running = begin(&world).await;
        running.ask_all(vec![register(&one), register(&two)]).await;
        running.quiet().await;
        Self { world, running, one, two }
    }

    /// Holds the thread of a provider, so that nothing about it comes to the wallet.
    async fn hold(&self, number: u8, provider: &str) -> Pin<Box<impl Future<Output = Held>>> {
        let ask = || self.running.engine.ask(provider_id(provider), Ask::Inspect);
        let asked = self.world.gates.stall(number, ask);
        let held = || self.world.gates.waiting(Call::Answer(number)) == 1;
        until("a thread is held", held).await;
        asked
    }

    /// Saves the wallet's shard, whatever is with the others.
    async fn save(&self) {
        let payer = wallet_id("payer");
        let save = self.running.engine.passivate(&payer);
        assert!(!self.running.get(save).await.expect("it runs"), "the wallet is busy");
    }

    async fn until_it_has(&self, cents: i128) {
        until("the wallet has so much", || {
            let seen = self.running.engine.see(&wallet_id("payer"));
            balance(&seen.expect("shown")) == cents
        })
        .await;
    }

    async fn end(self) {
        let ids = ["clinic", &self.one, &self.two].map(provider_id);
        let everyone = [&ids[..], &[wallet_id("payer")]].concat();
        audit(&self.running, &everyone).await;
        self.running.stop().await;
    }
}

type Held = Result<bursar_actors::job::Answer, bursar_actors::admission::Overloaded>;

fn provider_in(shard: ShardId) -> String {
    let mut names = (0..).map(|n| format!("other-{n}"));
    names.find(|name| provider_id(name).shard(3) == shard).expect("every shard has names")
}

#[actix::test]
async fn a_refund_that_waited_long_does_not_exceed_its_payment() {
    let apart = Apart::new().await;
    let (world, running) = (&apart.world, &apart.running);
    let paid = payments(running, "paid", REFUNDED).await;
    running.quiet().await;
    // The wallet's shard does not know these two.
    let held = [apart.hold(1, &apart.one).await, apart.hold(2, &apart.two).await];
    // Behind the first: a refund, and so many more that its total may leave memory. Behind the
    // second: the same payment once more, about which all was known when it came.
    let mut asks = vec![pay("payer", "one", &apart.one, 1), refund("payer", "once", paid[0], None)];
    let more = paid.iter().enumerate().skip(1);
    asks.extend(more.map(|(n, seq)| refund("payer", &format!("more-{n}"), *seq, None)));
    asks.push(pay("payer", "two", &apart.two, 1));
    asks.push(refund("payer", "twice", paid[0], None));
    let asked = running.hand_on(asks).await;
    world.gates.open(Call::Answer(1));
    apart.until_it_has(1_000_000 - 1).await;
    // The oldest totals leave memory.
    apart.save().await;
    world.gates.open(Call::Answer(2));
    let answers = running.get(asked.answers()).await;
    let (last, others) = answers.split_last().expect("asked");
    all_yes(others);
    assert_eq!(refusal(last), Code::RefundExceedsPayment);
    drop(held);
    apart.end().await;
}

#[actix::test]
async fn a_replay_that_waited_long_gives_the_answer_that_closed_the_key() {
    let apart = Apart::new().await;
    let (world, running) = (&apart.world, &apart.running);
    let paid = yes(&running.ask(pay("payer", "out", &apart.one, 100)).await);
    running.quiet().await;
    // The money is asked back and saved as asked for, but it does not come yet.
    let first = apart.hold(1, &apart.one).await;
    let back = || refund("payer", "back", paid, None);
    let version = || running.engine.see(&wallet_id("payer")).expect("shown").version;
    let before = version();
    let asked = running.hand_on(vec![back()]).await;
    until("it is asked for", || version() == before + 1).await;
    apart.save().await;
    // The key again, behind one that waits. The disk gives the record that asked.
    let second = apart.hold(2, &apart.two).await;
    let before = world.gates.arrived(Call::LookUp);
    let again = running.hand_on(vec![pay("payer", "two", &apart.two, 1), back()]).await;
    until("the disk is asked", || world.gates.arrived(Call::LookUp) > before).await;
    running.get(running.engine.read(|_| Ok(()))).await.expect("it runs");
    // The money comes, and is saved too, before the key's turn.
    world.gates.open(Call::Answer(1));
    let came = running.get(asked.answers()).await;
    apart.save().await;
    world.gates.open(Call::Answer(2));
    let again = running.get(again.answers()).await;
    let ((seq, record, _), now) = (decided(&came[0]), decided(&again[1]));
    assert_eq!(now, (seq, record, true), "the arrival of the money closed the key");
    drop((first, second));
    apart.end().await;
}
