//! The clerk: runs errands, which fetch something inside the server for an entity.
//!
//! An entity asks with an [`Errand`]; one [`bursar_domain::errand::Brought`] comes back by
//! [`crate::answers::Answers`]. Behind the handle stands an [`ErrandPort`]: the real clerk, or, in
//! tests and in the simulator, any function that takes an errand. Handing one over never blocks.
//!
//! The real one is the [`office`]: it takes pages of an [`agenda`] from the engine, has the
//! processor's report come by the [`fetch`], and keeps what is in it on the [`report`] shelf. Its
//! tasks run on the arbiter that it is given and touch no file there; files are worked on in
//! threads of their own.
//!
//! Invariants: each errand brings exactly one thing, unless the process or the arbiter ends before;
//! nothing of a report is brought before the whole of it was read and checked.

use std::fmt;
use std::sync::Arc;

use bursar_domain::errand::Errand;
use bursar_domain::id::EntityId;

pub mod agenda;
pub mod fetch;
pub mod office;
pub mod report;
pub mod settings;

pub use agenda::{AgendaLink, AgendaSource, Fetching, Unread};
pub use office::{OnBrought, World};
pub use settings::{Settings, StartError};

/// Something that runs errands.
pub trait ErrandPort: Send + Sync {
    /// Takes an errand; what it brings comes by another way. Never blocks.
    fn run(&self, entity: EntityId, errand: Errand);
}

impl<F: Fn(EntityId, Errand) + Send + Sync> ErrandPort for F {
    fn run(&self, entity: EntityId, errand: Errand) {
        self(entity, errand);
    }
}

/// The way to the clerk.
#[derive(Clone)]
pub struct Clerk(Arc<dyn ErrandPort>);

impl Clerk {
    /// Starts the real one on the arbiter; it ends with it, and what was under way is dropped.
    /// Makes the directory if it is not there, and removes what a crash has left of reports.
    pub fn start(
        settings: &Settings,
        arbiter: &actix::ArbiterHandle,
        world: World,
    ) -> Result<Self, StartError> {
        office::start(settings, arbiter, world).map(Self)
    }

    /// A clerk that is something else, for tests and the simulator.
    pub fn from_port(port: Arc<dyn ErrandPort>) -> Self {
        Self(port)
    }

    /// Hands an errand over.
    pub fn run(&self, entity: EntityId, errand: Errand) {
        self.0.run(entity, errand);
    }
}

impl fmt::Debug for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clerk")
    }
}
