//! The policy that decisions are made by, with the campaigns that were announced so far.
//!
//! A statement draws with the terms of all campaigns, wherever these live. Terms never change, so
//! they need no message and no question: a campaign's shard adds them here when they are durable, and
//! before anyone is answered; recovery adds those that are on disk before the first shard starts. So
//! whoever was told of a campaign may rely on it for the next line.
//!
//! What was decided by it is in the record; a replay does not look here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bursar_domain::call::Policy;
use bursar_domain::campaign::SharedTerms;

/// A policy that grows, shared by all shards.
#[derive(Debug, Default)]
pub struct Announced {
    policy: RwLock<Arc<Policy>>,
    /// How often it has grown; raised after it has.
    grown: AtomicU64,
}

impl Announced {
    /// With this policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy: RwLock::new(Arc::new(policy)), grown: AtomicU64::new(0) }
    }

    /// The policy as it is now.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A campaign is announced.
    pub fn add(&self, terms: &SharedTerms) {
        if self.policy().rewarding.catalogue.get(&terms.id).is_some() {
            return;
        }
        let mut policy = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        let catalogue = &mut Arc::make_mut(&mut policy).rewarding.catalogue;
        Arc::make_mut(catalogue).add(terms);
        self.grown.fetch_add(1, Ordering::Release);
    }
}

/// One shard's hold of the policy: it looks again only when the policy has grown, so that a decision
/// costs no lock that all threads share.
#[derive(Debug)]
pub struct Current {
    announced: Arc<Announced>,
    policy: Arc<Policy>,
    grown: u64,
}

impl Current {
    /// Of this policy.
    pub fn of(announced: Arc<Announced>) -> Self {
        // Read before, so that what grows meanwhile is looked at again.
        let grown = announced.grown.load(Ordering::Acquire);
        let policy = announced.policy();
        Self { announced, policy, grown }
    }

    /// The policy as it is now.
    pub fn policy(&mut self) -> Arc<Policy> {
        if self.announced.grown.load(Ordering::Acquire) != self.grown {
            *self = Self::of(Arc::clone(&self.announced));
        }
        Arc::clone(&self.policy)
    }

    /// A campaign is announced.
    pub fn add(&self, terms: &SharedTerms) {
        self.announced.add(terms);
    }
}
