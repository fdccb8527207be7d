//! Where the clerk reads agendas: the engine, once it runs.
//!
//! A first page is read after every shard has saved what it decided before; the pages come from the
//! archive's index, on the storage thread.

use std::sync::Arc;

use bursar_actors::clerk::{AgendaSource, Fetching, Unread};
use bursar_domain::errand::Place;
use bursar_domain::id::{EntityId, Kind};

use crate::http::State;

/// The agendas of a running engine.
pub(crate) struct EngineAgenda(pub(crate) Arc<State>);

fn stopped<E: std::fmt::Display>(error: E) -> Unread {
    Unread(error.to_string().into())
}

impl AgendaSource for EngineAgenda {
    fn save_all(&self) -> Fetching<'_, ()> {
        Box::pin(async move { self.0.engine.checkpoint().await.map(drop).map_err(stopped) })
    }

    fn page(
        &self,
        kind: Kind,
        after: Option<Place>,
        until: i64,
        limit: usize,
    ) -> Fetching<'_, Vec<(i64, EntityId)>> {
        Box::pin(async move {
            let read = self.0.engine.read(move |archive| {
                let after = after.as_ref().map(|place| (place.number, &*place.id));
                archive.agenda(kind, after, until, limit)
            });
            read.await.map_err(stopped)
        })
    }
}
