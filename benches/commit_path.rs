//! The commit path by itself, piece by piece: decide, encode, append, recover.
//!
//! `bursar bench` measures the whole server; this says where its time goes. Appends go to the real
//! store under `target/`, with its syncs, because that is what a commit waits for. What grows with
//! the number of rounds (keys in memory, groups on disk) is made anew or trimmed outside the clock,
//! so that a round does not depend on how many there were before.
//!
//! `cargo bench -p bursar --bench commit_path`. Run as a test it only shows that it runs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_actors::recovery;
use bursar_domain::call::{Context, Policy};
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::{Key, RECENT_KEPT};
use bursar_domain::machine::Machine;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Payee, PayeeSettlement};
use bursar_domain::wallet::{Command, Profile, Wallet};
use bursar_snapshots::codec;
use bursar_snapshots::sled_store::{Options, SledJournal, SledStore};
use bursar_snapshots::store::{Claim, Journal, Slice};
use criterion::{BatchSize, Criterion, Throughput};

/// How many shards the stores have, as by default.
const SHARDS: u16 = 16;
/// How many records are recovered, and how many when it is only seen whether it runs.
const RECOVERED: usize = 100_000;
const RECOVERED_IN_A_TEST: usize = 1_000;
/// How many records one append has while the journal to recover is written.
const WRITTEN_TOGETHER: usize = 512;
/// After so many appends the journal is trimmed, so that the disk does not fill up.
const TRIM_EVERY: u64 = 64;

fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

fn wallet_id(number: usize) -> EntityId {
    let id = WalletId::parse(&format!("wallet-{number:08}"));
    EntityId::wallet(&id.expect("well-formed"))
}

fn key(number: usize, command: &Command) -> Key {
    let text = format!("5f0c7a52-7d6e-4bb0-9a53-{number:012}");
    Key { text: text.into(), content: command.content() }
}

fn payment() -> Command {
    Command::Pay(Pay {
        wallet: WalletId::parse("wallet-00000001").expect("well-formed"),
        provider: ProviderId::parse("provider-00000042").expect("well-formed"),
        amount: Amount::from_minor(1),
        currency: euro(),
        description: Some("a checkup in November".into()),
        metadata: Vec::new(),
        effective_at: None,
        payee: Lookup::Found(Payee { currency: euro(), settlement: PayeeSettlement::OnCalendar }),
        queue_full: false,
    })
}

/// A decision of a wallet as a record.
fn decide(wallet: &Machine<Wallet>, command: &Command, number: usize) -> Record {
    let policy = Policy::default();
    let context = Context { now: Timestamp::default(), policy: &policy };
    let events = wallet.entity().decide(command, &context);
    Record {
        at: Timestamp::default(),
        entity: wallet_id(number),
        key: Some(key(number, command)),
        verdict: Verdict::Wallet(events.expect("it has enough")),
    }
}

/// A wallet with money and as many keys as stay in memory.
fn wallet() -> Machine<Wallet> {
    let open = Command::Open(Profile {
        currency: euro(),
        credit_limit: Amount::ZERO,
        owner: None,
        email: None,
        bank_account: None,
    });
    let deposit = Command::Deposit(Deposit {
        amount: Amount::from_minor(1_000_000),
        currency: euro(),
        effective_at: None,
        description: None,
    });
    let mut wallet = Machine::default();
    let payment = payment();
    let payments = std::iter::repeat_n(&payment, RECENT_KEPT - 2);
    for (command, number) in [&open, &deposit].into_iter().chain(payments).zip(1..) {
        let record = decide(&wallet, command, number);
        wallet.apply(&record, Seq(number as u64));
    }
    wallet
}

fn decide_and_apply(criterion: &mut Criterion) {
    let (ready, command) = (wallet(), payment());
    let seq = ready.last().next();
    criterion.bench_function("decide and apply a payment", |bencher| {
        bencher.iter_batched_ref(
            || ready.clone(),
            |wallet| {
                let record = decide(wallet, black_box(&command), 77);
                wallet.apply(&record, seq);
                record
            },
            BatchSize::SmallInput,
        );
    });
}

fn encode(criterion: &mut Criterion) {
    let record = decide(&wallet(), &payment(), 77);
    let size = codec::encode(&record).len();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Bytes(size as u64));
    let mut buffer = Vec::with_capacity(size);
    group.bench_function("a payment's record", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            codec::encode_into(black_box(&record), &mut buffer);
            buffer.len()
        });
    });
    group.finish();
}

/// A directory on the disk of the build, not in memory, where a sync would cost nothing.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a disk")
}

fn options() -> Options {
    Options { shards: SHARDS, ..Options::default() }
}

/// A journal to which payments are written.
struct Written {
    journal: SledJournal,
    claims: Vec<Claim>,
    record: Record,
}

impl Written {
    fn new(mut journal: SledJournal) -> Self {
        let shards: Vec<ShardId> = (0..SHARDS).map(ShardId).collect();
        let claims = journal.claim(&shards).expect("it is ours");
        Self { journal, claims, record: decide(&wallet(), &payment(), 77) }
    }

    /// The next slices, with `count` payments of as many wallets from `first` on.
    fn slices(&mut self, first: usize, count: usize) -> Vec<Slice> {
        let mut parts = vec![(Vec::new(), Vec::new()); usize::from(SHARDS)];
        for number in first..first + count {
            self.record.entity = wallet_id(number);
            let shard = self.record.entity.shard(SHARDS);
            let (bytes, ends) = &mut parts[usize::from(shard.0)];
            codec::encode_into(&self.record, bytes);
            ends.push(u32::try_from(bytes.len()).expect("a few records"));
        }
        let mut slices = Vec::new();
        for (claim, (bytes, ends)) in self.claims.iter_mut().zip(parts) {
            let Claim { shard, epoch, next } = *claim;
            claim.next = Seq(next.0 + ends.len() as u64);
            if !ends.is_empty() {
                let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
                slices.push(Slice { shard, epoch, first: next, bytes, ends });
            }
        }
        slices
    }

    fn append(&mut self, slices: &[Slice]) -> Duration {
        let began = Instant::now();
        self.journal.append(slices).expect("the disk works");
        began.elapsed()
    }

    fn trim(&mut self) {
        let keep: Vec<_> = self.claims.iter().map(|claim| (claim.shard, claim.next)).collect();
        self.journal.trim(&keep).expect("the disk works");
    }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append and sync");
    for count in [1, 32, 512_usize] {
        let place = directory();
        let (journal, _archive) = SledStore::open(place.path(), &options()).expect("a new store");
        let mut written = Written::new(journal);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} records"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for round in 0..rounds {
                    let slices = written.slices(0, count);
                    spent += written.append(&slices);
                    if round % TRIM_EVERY == 0 {
                        written.trim();
                    }
                }
                spent
            });
        });
    }
    group.finish();
}

/// Writes the journal that is recovered.
fn write_journal(place: &std::path::Path, count: usize) {
    let (journal, _archive) = SledStore::open(place, &options()).expect("a new store");
    let mut written = Written::new(journal);
    for first in (0..count).step_by(WRITTEN_TOGETHER) {
        let slices = written.slices(first, WRITTEN_TOGETHER.min(count - first));
        written.append(&slices);
    }
}

/// Opens a store and recovers from it. Returns the time of each.
fn recover(place: &std::path::Path, count: usize) -> (Duration, Duration) {
    let began = Instant::now();
    let (mut journal, archive) = SledStore::open(place, &options()).expect("it is whole");
    let opened = began.elapsed();
    let recovery = recovery::recover(&mut journal, &*archive, SHARDS).expect("it is whole");
    let recovered = began.elapsed();
    assert_eq!(recovery.records, count as u64);
    (opened, recovered.checked_sub(opened).expect("a clock that does not go back"))
}

fn recovery(criterion: &mut Criterion) {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let count = if is_measured { RECOVERED } else { RECOVERED_IN_A_TEST };
    let place = directory();
    write_journal(place.path(), count);
    let mut group = criterion.benchmark_group(format!("recover {count} records"));
    group.throughput(Throughput::Elements(count as u64)).sample_size(10);
    group.bench_function("open and check the store", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| recover(place.path(), count).0).sum());
    });
    group.bench_function("recover from it", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| recover(place.path(), count).1).sum());
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decide_and_apply(&mut criterion);
    encode(&mut criterion);
    append(&mut criterion);
    recovery(&mut criterion);
    criterion.final_summary();
}
