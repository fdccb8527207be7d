//! A small world that makes true data directories, to be made untrue by the tests.
//!
//! It does what the server does, one record at a time and without threads: the rules decide, the
//! machines apply, messages wait to be delivered and calls to be answered, a checkpoint saves
//! everything and trims. What comes out is a [`Disk`]. What wallets and providers are asked stands
//! here, what deals and sagas are asked in `invest`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

use bursar_actors::books::Books;
use bursar_domain::advance::Advance;
use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Call, Collecting, Context, Policy, Reimbursing, Rewarding};
use bursar_domain::campaign::Campaign;
use bursar_domain::compensation::Compensation;
use bursar_domain::currency::Currency;
use bursar_domain::deal::Deal;
use bursar_domain::entity::{Due, Entity};
use bursar_domain::errand::{Errand, ReportLine};
use bursar_domain::id::{EntityId, Kind, Position, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::{Index, Key};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Body, Effect, Message, Outcome, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::provider::{self, Provider, Settlement};
use bursar_domain::record::{Record, Recorded, Refusal, Verdict};
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::statement::Statement;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Paid, Pay, Payee, PayeeSettlement, Refund};
use bursar_domain::wallet::{self, Wallet};
use bursar_snapshots::codec;
use bursar_snapshots::store::{Awaited, IndexKind, Snapshot, Waits};

use super::disk::Disk;
use super::fair;

/// How many shards the world has.
pub(super) const SHARDS: u16 = 4;

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy {
    reimbursing: Reimbursing { declines_max: 2, minimum: 1.into(), ..Reimbursing::default() },
    collecting: Collecting { attempts_max: 3, representments_max: 1, ..Collecting::default() },
    rewarding: Rewarding { catalogue: Arc::new(fair::catalogue()), ..Rewarding::default() },
    ..Policy::default()
});

pub(super) type Machines<E> = BTreeMap<EntityId, Machine<E>>;

/// Entities that decide.
#[derive(Debug, Default)]
pub(super) struct World {
    wallets: Machines<Wallet>,
    pub(super) providers: Machines<Provider>,
    pub(super) deals: Machines<Deal>,
    pub(super) sagas: Machines<Saga>,
    pub(super) compensations: Machines<Compensation>,
    pub(super) advances: Machines<Advance>,
    pub(super) runs: Machines<Run>,
    pub(super) schedules: Machines<Schedule>,
    pub(super) campaigns: Machines<Campaign>,
    pub(super) statements: Machines<Statement>,
    books: BTreeMap<ShardId, Books>,
    next: BTreeMap<ShardId, Seq>,
    messages: VecDeque<Message>,
    /// Calls that have no answer yet.
    pub(super) calls: VecDeque<(EntityId, Call)>,
    /// Errands that nothing was brought of yet.
    pub(super) errands: VecDeque<(EntityId, Errand)>,
    /// What the processor's report has; `None` when it breaks off.
    pub(super) report: Option<Vec<ReportLine>>,
    told: Vec<(Position, Outcome)>,
    unsaved: usize,
    keys: u64,
    passed_ms: i64,
    pub(super) disk: Disk,
}

pub(super) fn euro() -> Currency {
    Currency::from_code("EUR").expect("in the table")
}

pub(super) fn wallet_of(id: &str) -> WalletId {
    WalletId::parse(id).expect("well-formed")
}

pub(super) fn wallet_id(id: &str) -> EntityId {
    EntityId::wallet(&wallet_of(id))
}

fn provider_of(id: &str) -> ProviderId {
    ProviderId::parse(id).expect("well-formed")
}

pub(super) fn provider_id(id: &str) -> EntityId {
    EntityId::provider(&provider_of(id))
}

fn money(minor: i64) -> Deposit {
    let amount = Amount::from_minor(minor);
    let description = Some("salary".into());
    Deposit { amount, currency: euro(), effective_at: None, description }
}

fn profile_of(id: &str, settlement: Settlement) -> provider::Profile {
    let account = format!("bank-of-{id}").into();
    provider::Profile { name: id.into(), currency: euro(), settlement, account }
}

impl World {
    pub(super) fn open(&mut self, id: &str) {
        let profile = wallet::Profile {
            currency: euro(),
            credit_limit: Amount::from_minor(500),
            owner: None,
            email: Some(format!("{id}@example.org").into()),
            bank_account: None,
        };
        self.ask(id, |_| wallet::Command::Open(profile));
    }

    pub(super) fn register(&mut self, id: &str) {
        let cadence = Cadence::new("day", None, Some("02:00"), Some("UTC")).expect("a cadence");
        self.register_with(id, Settlement::OnCalendar(cadence));
    }

    pub(super) fn register_with(&mut self, id: &str, settlement: Settlement) {
        let command = provider::Command::Register(profile_of(id, settlement));
        self.ask_provider(id, &command);
    }

    /// Registers a provider as the first release did, which began no period.
    pub(super) fn register_as_before(&mut self, id: &str) {
        let profile = profile_of(id, super::season::daily());
        let event = provider::Event::Registered(Arc::new(profile));
        self.record(provider_id(id), None, Provider::verdict(vec![event]));
    }

    pub(super) fn ask_provider(&mut self, id: &str, command: &provider::Command) -> Seq {
        let key = self.key();
        self.decide(|world| &mut world.providers, provider_id(id), key, command)
    }

    pub(super) fn deposit(&mut self, id: &str, minor: i64) {
        self.ask(id, |_| wallet::Command::Deposit(money(minor)));
    }

    /// Has money pulled from the bank.
    pub(super) fn pull(&mut self, id: &str, minor: i64) -> Seq {
        self.ask(id, |_| wallet::Command::Pull(money(minor)))
    }

    pub(super) fn pay(&mut self, id: &str, provider: &str, minor: i64) -> Seq {
        let settlement = match self.providers[&provider_id(provider)].entity().summary() {
            Some(summary) => summary.immediate().map(Into::into),
            None => None,
        };
        let settlement = settlement
            .map_or(PayeeSettlement::OnCalendar, |account| PayeeSettlement::Immediate { account });
        let pay = Pay {
            wallet: wallet_of(id),
            provider: provider_of(provider),
            amount: Amount::from_minor(minor),
            currency: euro(),
            description: Some("visit".into()),
            metadata: Vec::new(),
            effective_at: None,
            payee: Lookup::Found(Payee { currency: euro(), settlement }),
            queue_full: false,
        };
        self.ask(id, |_| wallet::Command::Pay(pay))
    }

    pub(super) fn refund(&mut self, id: &str, payment: Seq, minor: i64) -> Seq {
        let own = wallet_id(id);
        let mut records = self.disk.journal.iter();
        let record = records.find(|placed| placed.1 == payment && placed.2.entity == own);
        let events = record.and_then(|(_, _, record)| Wallet::events(&record.verdict));
        let (provider, amount, was_held) = match events {
            Some([wallet::Event::Paid(paid)]) => (paid.provider.clone(), paid.amount, false),
            Some([wallet::Event::PaymentHeld(held)]) => (held.provider.clone(), held.amount, true),
            events => panic!("no payment of this wallet: {events:?}"),
        };
        let refunded = self.on_disk(&own, IndexKind::Refunded, payment.0.into());
        let refunded = refunded.and_then(|minor| i64::try_from(minor).ok());
        let refunded = refunded.map(Amount::from_minor);
        let paid = Paid { provider, amount, refunded, was_held };
        self.ask(id, |key| {
            wallet::Command::Refund(Refund {
                payment,
                amount: Some(Amount::from_minor(minor).to_major(euro()).into()),
                effective_at: None,
                key: Some(key),
                paid: Lookup::Found(paid),
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
        let key = self.key();
        let command = command(key.clone());
        self.decide(|world| &mut world.wallets, wallet_id(id), key, &command)
    }

    pub(super) fn key(&mut self) -> Key {
        self.keys += 1;
        Key { text: format!("key-{}", self.keys).into(), content: self.keys }
    }

    /// The time of the next record: a second after the one before, and what was passed over.
    pub(super) fn now(&self) -> Context<'static> {
        let commit = i64::try_from(self.disk.journal.len() + 2).expect("small");
        let now = Timestamp::from_millis(commit * 1000 + self.passed_ms).expect("in range");
        Context { now, policy: &POLICY }
    }

    /// Time goes by, and nothing happens.
    pub(super) fn pass_ms(&mut self, millis: i64) {
        self.passed_ms += millis;
    }

    /// An entity decides what it was asked.
    pub(super) fn decide<E: Recorded>(
        &mut self,
        machines: impl Fn(&mut Self) -> &mut Machines<E>,
        id: EntityId,
        key: Key,
        command: &E::Command,
    ) -> Seq {
        let now = self.now();
        let machine = machines(self).entry(id.clone()).or_default();
        let verdict = match machine.entity().decide(command, &now) {
            Ok(events) => E::verdict(events),
            Err(rejection) => Verdict::Refused(Refusal { rejection, request_id: "r".into() }),
        };
        self.record(id, Some(key), verdict)
    }

    pub(super) fn record(&mut self, entity: EntityId, key: Option<Key>, verdict: Verdict) -> Seq {
        let commit = self.disk.journal.len() as u64 + 2;
        let record = Record { at: self.now().now, entity, key, verdict };
        let shard = record.entity.shard(SHARDS);
        let next = self.next.entry(shard).or_insert(Seq(1));
        let seq = std::mem::replace(next, next.next());
        let id = record.entity.clone();
        match id.kind {
            Kind::Wallet => self.wallets.entry(id).or_default().apply(&record, seq),
            Kind::Provider => self.providers.entry(id).or_default().apply(&record, seq),
            Kind::Deal => self.deals.entry(id).or_default().apply(&record, seq),
            Kind::Saga => self.sagas.entry(id).or_default().apply(&record, seq),
            Kind::Compensation => self.compensations.entry(id).or_default().apply(&record, seq),
            Kind::Advance => self.advances.entry(id).or_default().apply(&record, seq),
            Kind::Run => self.runs.entry(id).or_default().apply(&record, seq),
            Kind::Schedule => self.schedules.entry(id).or_default().apply(&record, seq),
            Kind::Campaign => self.campaigns.entry(id).or_default().apply(&record, seq),
            Kind::Statement => self.statements.entry(id).or_default().apply(&record, seq),
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
                Effect::Call(call) => self.calls.push_back((record.entity.clone(), call)),
                Effect::Fetch(errand) => {
                    self.errands.push_back((record.entity.clone(), errand));
                }
            }
        }
        self.disk.journal.push((shard, seq, record));
        seq
    }

    /// What the disk has in an index.
    pub(super) fn on_disk(&self, id: &EntityId, kind: IndexKind, slot: u128) -> Option<u64> {
        let mut entries = self.disk.index.iter().rev();
        let found = entries.find(|entry| (&entry.0, entry.1, entry.2) == (id, kind, slot));
        found.map(|entry| entry.3)
    }

    /// Whether what an entity was asked was not refused.
    pub(super) fn was_accepted(&self, id: &EntityId, seq: Seq) -> bool {
        let mut records = self.disk.journal.iter();
        let found = records.find(|placed| placed.1 == seq && placed.2.entity == *id);
        found.is_some_and(|placed| !matches!(placed.2.verdict, Verdict::Refused(_)))
    }

    /// Delivers the messages that wait, and those that follow from them.
    pub(super) fn deliver(&mut self) {
        while let Some(message) = self.messages.pop_front() {
            let (to, now) = (message.to.clone(), self.now());
            let found = match to.kind {
                Kind::Wallet => receive(&mut self.wallets, &message, now),
                Kind::Provider => receive(&mut self.providers, &message, now),
                Kind::Deal => receive(&mut self.deals, &message, now),
                Kind::Saga => receive(&mut self.sagas, &message, now),
                Kind::Compensation => receive(&mut self.compensations, &message, now),
                Kind::Advance => receive(&mut self.advances, &message, now),
                Kind::Run => receive(&mut self.runs, &message, now),
                Kind::Schedule => receive(&mut self.schedules, &message, now),
                Kind::Campaign => receive(&mut self.campaigns, &message, now),
                Kind::Statement => receive(&mut self.statements, &message, now),
            };
            if let Some(verdict) = found {
                let key = self.key_of(&message);
                self.record(to, key, verdict);
            }
        }
    }

    /// The key that is closed by a message's arrival.
    fn key_of(&self, message: &Message) -> Option<Key> {
        let Body::RefundMoney { refund, .. } = &message.body else { return None };
        let mut expected = self.wallets[&message.to].entity().expected().iter();
        expected.find(|expected| expected.asked == *refund)?.key.clone()
    }

    /// Saves everything and trims what is no longer needed.
    pub(super) fn checkpoint(&mut self) {
        let unsaved = self.disk.journal[self.unsaved..].to_vec();
        self.unsaved = self.disk.journal.len();
        self.disk.history.extend(unsaved);
        let disk = &mut self.disk;
        save(&mut self.wallets, disk, |wallet| Some((IndexKind::Refunded, wallet.refunded_mut()?)));
        save(&mut self.providers, disk, |provider| {
            Some((IndexKind::Activity, provider.activities_mut()))
        });
        save(&mut self.deals, disk, |deal| Some((IndexKind::Left, deal.left_mut())));
        save(&mut self.sagas, disk, |_| None);
        save(&mut self.compensations, disk, |_| None);
        save(&mut self.advances, disk, |_| None);
        save(&mut self.runs, disk, |_| None);
        save(&mut self.schedules, disk, |_| None);
        save(&mut self.campaigns, disk, |_| None);
        save(&mut self.statements, disk, |_| None);
        self.disk.books = self.books.clone();
        self.disk.outcomes.append(&mut self.told);
        for (shard, next) in &self.next {
            let mut sources = self.messages.iter().map(|message| message.source);
            let oldest = sources.find(|source| source.shard == *shard);
            self.disk.keep.insert(*shard, oldest.map_or(*next, |source| source.seq));
        }
    }
}

fn receive<E: Recorded>(
    machines: &mut Machines<E>,
    message: &Message,
    now: Context<'_>,
) -> Option<Verdict> {
    let machine = machines.entry(message.to.clone()).or_default();
    happened::<E>(machine.entity().receive(message, &now))
}

/// Events that no client asked for are recorded if there are any.
pub(super) fn happened<E: Recorded>(events: Vec<E::Event>) -> Option<Verdict> {
    (!events.is_empty()).then(|| E::verdict(events))
}

/// What of an entity stands in the index beside its keys.
type SideOf<E> = fn(&mut E) -> Option<(IndexKind, &mut Index)>;

fn save<E: Recorded>(machines: &mut Machines<E>, disk: &mut Disk, side: SideOf<E>) {
    for (id, machine) in machines {
        let snapshot = Snapshot { covers: machine.last(), state: codec::encode(machine) };
        disk.snapshots.insert(id.clone(), snapshot);
        if E::WAITS {
            let awaits = match machine.entity().due() {
                Due::Nothing => Awaited::Nothing,
                Due::Answer => Awaited::Answer,
                Due::At(at) => Awaited::Instant(at.millis()),
            };
            let waits = Waits { awaits, listed: machine.entity().listed() };
            disk.waits.insert(id.clone(), waits);
        }
        let mut spill = |kind: IndexKind, index: &mut Index| {
            let entry = |(slot, value): &(u128, u64)| (id.clone(), kind, *slot, *value);
            disk.index.extend(index.overflow().iter().map(entry));
            index.forget(index.overflow().len());
        };
        spill(IndexKind::Key, machine.keys_mut());
        if let Some((kind, index)) = side(machine.entity_mut()) {
            spill(kind, index);
        }
    }
}
