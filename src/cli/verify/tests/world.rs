//! A small world that makes true data directories, to be made untrue by the tests.
//!
//! It does what the server does, one record at a time and without threads: the rules decide, the
//! machines apply, messages wait to be delivered, a checkpoint saves everything and trims. What
//! comes out is a [`Disk`]: plain lists that a test changes before they are written to a store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bursar_actors::books::Books;
use bursar_domain::cadence::Cadence;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind, Position, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::Key;
use bursar_domain::machine::Machine;
use bursar_domain::message::{Body, Effect, Message, Outcome, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::provider::{self, Provider};
use bursar_domain::record::{Record, Recorded, Refusal, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Paid, Pay, Payee, Refund};
use bursar_domain::wallet::{self, Wallet};
use bursar_snapshots::codec;
use bursar_snapshots::store::{Archive, IndexKind, Journal, RecordBytes, Saved, Slice, Snapshot};

/// How many shards the world has.
pub(super) const SHARDS: u16 = 4;

/// A record where it stands.
pub(super) type Placed = (ShardId, Seq, Record);

/// What is on disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// All records, in the order of their decisions; each is a commit.
    pub(super) journal: Vec<Placed>,
    /// From where each shard's journal is kept.
    pub(super) keep: BTreeMap<ShardId, Seq>,
    pub(super) history: Vec<Placed>,
    pub(super) snapshots: BTreeMap<EntityId, Snapshot>,
    pub(super) index: Vec<(EntityId, IndexKind, u128, u64)>,
    pub(super) books: BTreeMap<ShardId, Books>,
    pub(super) outcomes: Vec<(Position, Outcome)>,
}

/// Entities that decide.
#[derive(Debug, Default)]
pub(super) struct World {
    wallets: BTreeMap<EntityId, Machine<Wallet>>,
    providers: BTreeMap<EntityId, Machine<Provider>>,
    books: BTreeMap<ShardId, Books>,
    next: BTreeMap<ShardId, Seq>,
    messages: VecDeque<Message>,
    told: Vec<(Position, Outcome)>,
    unsaved: usize,
    keys: u64,
    pub(super) disk: Disk,
}

pub(super) fn euro() -> Currency {
    Currency::from_code("EUR").expect("in the table")
}

pub(super) fn wallet_id(id: &str) -> EntityId {
    EntityId::wallet(&WalletId::parse(id).expect("well-formed"))
}

fn provider_of(id: &str) -> ProviderId {
    ProviderId::parse(id).expect("well-formed")
}

pub(super) fn provider_id(id: &str) -> EntityId {
    EntityId::provider(&provider_of(id))
}

impl World {
    pub(super) fn open(&mut self, id: &str) {
        let profile = wallet::Profile {
            currency: euro(),
            credit_limit: Amount::from_minor(500),
            owner: None,
            email: None,
            bank_account: None,
        };
        self.ask(id, |_| wallet::Command::Open(profile));
    }

    pub(super) fn register(&mut self, id: &str) {
        let cadence = Cadence::new("day", None, Some("02:00"), Some("UTC")).expect("a cadence");
        let profile = provider::Profile {
            name: id.into(),
            currency: euro(),
            cadence,
            account: "token".into(),
        };
        let event = provider::Event::Registered(Arc::new(profile));
        self.record(provider_id(id), None, Provider::verdict(vec![event]));
    }

    pub(super) fn deposit(&mut self, id: &str, minor: i64) {
        let amount = Amount::from_minor(minor);
        self.ask(id, |_| {
            wallet::Command::Deposit(Deposit {
                amount,
                currency: euro(),
                effective_at: None,
                description: Some("salary".into()),
            })
        });
    }

    pub(super) fn pay(&mut self, id: &str, provider: &str, minor: i64) -> Seq {
        let pay = Pay {
            provider: provider_of(provider),
            amount: Amount::from_minor(minor),
            currency: euro(),
            description: Some("visit".into()),
            metadata: Vec::new(),
            effective_at: None,
            payee: Lookup::Found(Payee { currency: euro() }),
        };
        self.ask(id, |_| wallet::Command::Pay(pay))
    }

    pub(super) fn refund(&mut self, id: &str, payment: Seq, minor: i64) -> Seq {
        let own = wallet_id(id);
        let mut records = self.disk.journal.iter();
        let record = records.find(|placed| placed.1 == payment && placed.2.entity == own);
        let paid = record.and_then(|(_, _, record)| match &record.verdict {
            Verdict::Wallet(events) => match events.as_slice() {
                [wallet::Event::Paid(paid)] => Some(paid.clone()),
                [] | [_, ..] => None,
            },
            Verdict::Provider(_) | Verdict::Refused(_) => None,
        });
        let paid = paid.expect("a payment of this wallet");
        self.ask(id, |key| {
            wallet::Command::Refund(Refund {
                payment,
                amount: Some(Amount::from_minor(minor).to_major(euro()).into()),
                effective_at: None,
                key: Some(key),
                paid: Lookup::Found(Paid {
                    provider: paid.provider,
                    amount: paid.amount,
                    refunded: Amount::ZERO,
                }),
            })
        })
    }

    pub(super) fn hold(&mut self, id: &str, name: &str, minor: i64) {
        let amount = Amount::from_minor(minor);
        self.ask(id, |_| wallet::Command::Hold { id: name.into(), amount, currency: euro() });
    }

    pub(super) fn freeze(&mut self, id: &str) {
        self.ask(id, |_| wallet::Command::Freeze);
    }

    fn ask(&mut self, id: &str, command: impl FnOnce(Key) -> wallet::Command) -> Seq {
        self.keys += 1;
        let key = Key { text: format!("key-{}", self.keys).into(), content: self.keys };
        let id = wallet_id(id);
        let command = command(key.clone());
        let machine = self.wallets.entry(id.clone()).or_default();
        let verdict = match machine.entity().decide(&command, Timestamp::default()) {
            Ok(events) => Wallet::verdict(events),
            Err(rejection) => Verdict::Refused(Refusal { rejection, request_id: "r".into() }),
        };
        self.record(id, Some(key), verdict)
    }

    fn record(&mut self, entity: EntityId, key: Option<Key>, verdict: Verdict) -> Seq {
        let commit = self.disk.journal.len() as u64 + 2;
        let at = Timestamp::from_millis(i64::try_from(commit).expect("small") * 1000);
        let record = Record { at: at.expect("in range"), entity, key, verdict };
        let shard = record.entity.shard(SHARDS);
        let next = self.next.entry(shard).or_insert(Seq(1));
        let seq = std::mem::replace(next, next.next());
        let id = record.entity.clone();
        match id.kind {
            Kind::Wallet => self.wallets.entry(id).or_default().apply(&record, seq),
            Kind::Provider => self.providers.entry(id).or_default().apply(&record, seq),
        }
        self.books.entry(shard).or_default().add(&record, seq);
        let mut index = 0;
        for effect in record.effects(Stamp { source: Source { shard, seq }, at: record.at }) {
            match effect {
                Effect::Send(message) => self.messages.push_back(message),
                Effect::Tell(outcome) => {
                    self.told.push((Position { commit, index }, outcome));
                    index += 1;
                }
            }
        }
        self.disk.journal.push((shard, seq, record));
        seq
    }

    /// Delivers the messages that wait, and those that follow from them.
    pub(super) fn deliver(&mut self) {
        while let Some(message) = self.messages.pop_front() {
            let to = message.to.clone();
            let (key, verdict) = match to.kind {
                Kind::Provider => {
                    let machine = self.providers.entry(to.clone()).or_default();
                    (None, Provider::verdict(machine.entity().receive(&message)))
                }
                Kind::Wallet => {
                    let wallet = self.wallets.entry(to.clone()).or_default().entity();
                    let Body::RefundMoney { refund, .. } = &message.body else { unreachable!() };
                    let mut pending = wallet.pending_refunds().iter();
                    let pending = pending.find(|pending| pending.refund == *refund);
                    let key = pending.and_then(|pending| pending.key.clone());
                    (key, Wallet::verdict(wallet.receive(&message)))
                }
            };
            self.record(to, key, verdict);
        }
    }

    /// Saves everything and trims what is no longer needed.
    pub(super) fn checkpoint(&mut self) {
        let unsaved = self.disk.journal[self.unsaved..].to_vec();
        self.unsaved = self.disk.journal.len();
        self.disk.history.extend(unsaved);
        for (id, machine) in &mut self.wallets {
            let snapshot = Snapshot { covers: machine.last(), state: codec::encode(machine) };
            self.disk.snapshots.insert(id.clone(), snapshot);
            let entry = |kind| move |(slot, value): &(u128, u64)| (id.clone(), kind, *slot, *value);
            let keys = machine.keys().overflow();
            self.disk.index.extend(keys.iter().map(entry(IndexKind::Key)));
            let keys = keys.len();
            machine.keys_mut().forget(keys);
            let side = machine.entity().refunded().overflow();
            self.disk.index.extend(side.iter().map(entry(IndexKind::Refunded)));
            let side = side.len();
            if let Some(index) = machine.entity_mut().refunded_mut() {
                index.forget(side);
            }
        }
        for (id, machine) in &self.providers {
            let snapshot = Snapshot { covers: machine.last(), state: codec::encode(machine) };
            self.disk.snapshots.insert(id.clone(), snapshot);
        }
        self.disk.books = self.books.clone();
        self.disk.outcomes.append(&mut self.told);
        for (shard, next) in &self.next {
            let mut sources = self.messages.iter().map(|message| message.source);
            let oldest = sources.find(|source| source.shard == *shard);
            self.disk.keep.insert(*shard, oldest.map_or(*next, |source| source.seq));
        }
    }
}

fn slice(epoch: u64, (shard, seq, record): &Placed) -> Slice {
    let bytes = codec::encode(record);
    let ends = Arc::new(vec![u32::try_from(bytes.len()).expect("small")]);
    Slice { shard: *shard, epoch, first: *seq, bytes: Arc::new(bytes), ends }
}

impl Disk {
    /// Writes everything to an empty store.
    pub(super) fn write(&self, journal: &mut dyn Journal, archive: &dyn Archive) {
        let shards: Vec<_> = (0..SHARDS).map(ShardId).collect();
        let claims = journal.claim(&shards).expect("claimed");
        for placed in &self.journal {
            let epoch = claims[usize::from(placed.0.0)].epoch;
            journal.append(&[slice(epoch, placed)]).expect("appended");
        }
        for (id, snapshot) in &self.snapshots {
            let of = self.history.iter().filter(|(_, _, record)| record.entity == *id);
            let record =
                |placed: &Placed| (placed.1, RecordBytes { slice: slice(1, placed), index: 0 });
            let index = self.index.iter().filter(|entry| entry.0 == *id);
            let saved = Saved {
                entity: id.clone(),
                snapshot: snapshot.clone(),
                records: of.map(record).collect(),
                index: index.map(|(_, kind, slot, value)| (*kind, *slot, *value)).collect(),
            };
            archive.save(&[saved]).expect("saved");
        }
        for (shard, books) in &self.books {
            let snapshot = Snapshot { covers: books.covers, state: codec::encode(books) };
            archive.save_shard(*shard, &snapshot).expect("saved");
        }
        archive.save_outcomes(&self.outcomes).expect("saved");
        let keep: Vec<_> = self.keep.iter().map(|(shard, seq)| (*shard, *seq)).collect();
        journal.trim(&keep).expect("trimmed");
    }

    /// The last position of each shard.
    pub(super) fn ends(&self) -> Vec<Seq> {
        let last = |shard| {
            let own = self.journal.iter().filter(|placed| placed.0 == ShardId(shard));
            own.map(|placed| placed.1).max().unwrap_or_default()
        };
        (0..SHARDS).map(last).collect()
    }

    /// The record of an entity in its history that a question picks, to be changed.
    pub(super) fn in_history(
        &mut self,
        id: &EntityId,
        pick: impl Fn(&Record) -> bool,
    ) -> &mut Placed {
        let mut records = self.history.iter_mut();
        let found = records.find(|(_, _, record)| record.entity == *id && pick(record));
        found.expect("there is such a record")
    }
}
