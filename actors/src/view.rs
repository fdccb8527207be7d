//! What anyone may see of the resident entities, without asking their actors.
//!
//! A read must not show what could still be lost, so an entity's view is set only when the records
//! behind it are durable, and before the answers to those records are sent: whoever was answered
//! sees at least that. Reads take one shared lock for the look-up and one short lock for the copy;
//! that is what keeps `GET /v1/wallets/{id}` near the speed of a handler that does nothing
//! (measured in `benches/README.md`).

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::wallet::command::Payee;
use bursar_domain::{provider, wallet};
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
}

impl Seen {
    /// What a payer must know, if this is a provider.
    pub fn payee(&self) -> Option<Payee> {
        match &self.summary {
            Summary::Provider(provider) => Some(Payee { currency: provider.profile.currency }),
            Summary::Wallet(_) => None,
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

/// The views of one shard's resident entities.
#[derive(Debug, Default)]
pub struct Views(RwLock<HashMap<EntityId, Arc<View>>>);

impl Views {
    /// How an entity stands; `None` when it is not resident or does not exist.
    pub fn see(&self, id: &EntityId) -> Option<Seen> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views.get(id)?.get()
    }

    /// Shows an entity. Only its shard calls this, with what is durable.
    pub fn publish(&self, view: &Arc<View>, seen: Seen) {
        if view.set(seen) {
            let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
            views.insert(view.id.clone(), Arc::clone(view));
        }
    }

    /// Stops showing an entity, because it is passivated.
    pub fn remove(&self, id: &EntityId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
