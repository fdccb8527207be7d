//! What anyone may see of the resident entities, without asking their actors.
//!
//! A read must not show what could still be lost, so an entity's view is set only when the records
//! behind it are durable, and before the answers to those records are sent: whoever was answered
//! sees at least that. Reads take one shared lock for the look-up and one short lock for the copy;
//! that is what keeps `GET /v1/wallets/{id}` near the speed of a handler that does nothing
//! (measured in `benches/README.md`).

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bursar_domain::advance::Advance;
use bursar_domain::compensation::Compensation;
use bursar_domain::deal::command::Investor;
use bursar_domain::id::{EntityId, Kind, Seq};
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::wallet::command::{Payee, PayeeSettlement};
use bursar_domain::{campaign, deal, provider, statement, wallet};
use foldhash::HashMap;

/// How an entity stands, durably.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it is and has.
    pub summary: Summary,
    /// How many decisions it has made.
    pub version: u64,
    /// The position of the last one.
    pub last: Seq,
}

/// What an entity is and has.
#[derive(Clone, Debug)]
pub enum Summary {
    /// A wallet.
    Wallet(wallet::Summary),
    /// A provider.
    Provider(provider::Summary),
    /// A deal.
    Deal(deal::Summary),
    /// A saga.
    Saga(Arc<Saga>),
    /// A compensation.
    Compensation(Arc<Compensation>),
    /// An advance.
    Advance(Arc<Advance>),
    /// A run over the advances.
    Run(Arc<Run>),
    /// The schedule of the runs.
    Schedule(Arc<Schedule>),
    /// A campaign.
    Campaign(campaign::Summary),
    /// A statement.
    Statement(statement::Summary),
}

/// What one entity must know of another to decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Neighbour {
    /// A provider that is paid. When it changes, the shards are told to forget it.
    Payee(Payee),
    /// A wallet that invests, as it stood.
    Investor(Investor),
}

impl Seen {
    /// What another entity must know of this one; `None` when no other needs to know anything.
    pub fn neighbour(&self) -> Option<Neighbour> {
        match &self.summary {
            Summary::Provider(provider) => Some(Neighbour::Payee(Payee {
                currency: provider.profile.currency,
                settlement: match provider.immediate() {
                    Some(account) => PayeeSettlement::Immediate { account: account.into() },
                    None => PayeeSettlement::OnCalendar,
                },
            })),
            Summary::Wallet(wallet) => Some(Neighbour::Investor(Investor {
                currency: wallet.profile.currency,
                status: wallet.status,
            })),
            Summary::Deal(_)
            | Summary::Saga(_)
            | Summary::Compensation(_)
            | Summary::Advance(_)
            | Summary::Run(_)
            | Summary::Schedule(_)
            | Summary::Campaign(_)
            | Summary::Statement(_) => None,
        }
    }
}

/// The view of one entity.
#[derive(Debug)]
pub struct View {
    id: EntityId,
    seen: Mutex<Option<Seen>>,
}

impl View {
    /// A view that shows nothing yet.
    pub fn new(id: EntityId) -> Arc<Self> {
        Arc::new(Self { id, seen: Mutex::new(None) })
    }

    fn get(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what is seen; tells whether it is the first time.
    fn set(&self, seen: Seen) -> bool {
        let mut slot = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        slot.replace(seen).is_none()
    }
}

/// The views of one shard's resident entities, by the number of their kind.
#[derive(Debug, Default)]
pub struct Views(RwLock<[HashMap<Arc<str>, Arc<View>>; Kind::ALL.len()]>);

impl Views {
    /// How an entity stands; `None` when it is not resident or does not exist.
    pub fn see(&self, id: &EntityId) -> Option<Seen> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views[usize::from(id.kind.number())].get(&id.id)?.get()
    }

    /// The resident entities of a kind that exist, in no order.
    pub fn of_kind(&self, kind: Kind) -> Vec<Arc<str>> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ids = views[usize::from(kind.number())].keys();
        ids.cloned().collect()
    }

    /// Shows an entity. Only its shard calls this, with what is durable.
    pub fn publish(&self, view: &Arc<View>, seen: Seen) {
        if view.set(seen) {
            let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let of_kind = &mut views[usize::from(view.id.kind.number())];
            of_kind.insert(Arc::clone(&view.id.id), Arc::clone(view));
        }
    }

    /// Stops showing an entity, because it is passivated.
    pub fn remove(&self, id: &EntityId) {
        let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
        views[usize::from(id.kind.number())].remove(&id.id);
    }
}
