//! Pages of an agenda: who of a kind has something to do up to a number.
//!
//! They come from the archive's index, which holds what was saved. So before the first page all
//! shards save what they have decided; for the pages after it that was done, and what is decided
//! meanwhile is not for this run. The engine is behind a trait, because it is started after the
//! clerk: [`AgendaLink`] stands for it until then, and errands wait there, as those that a start
//! makes anew do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bursar_domain::errand::{Found, Place};
use bursar_domain::id::{EntityId, Kind};
use tokio::sync::watch;

/// Something on its way.
pub type Fetching<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unread>> + 'a>>;

/// Why a page could not be had, as when the engine has stopped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub Box<str>);

/// The most places of a page, whatever is asked for.
const PAGE_MAX: u32 = 10_000;

/// Where agendas are read.
pub trait AgendaSource: Send + Sync {
    /// Has all shards save everything that they decided before this was asked.
    fn save_all(&self) -> Fetching<'_, ()>;

    /// Those of a kind that stand in its agenda after a place, up to a number and with it,
    /// ascending, at most `limit`: [`bursar_snapshots::store::Archive::agenda`].
    fn page(
        &self,
        kind: Kind,
        after: Option<Place>,
        until: i64,
        limit: usize,
    ) -> Fetching<'_, Vec<(i64, EntityId)>>;
}

/// A source that is linked later. Until then, errands wait.
#[derive(Clone)]
pub struct AgendaLink(watch::Sender<Option<Arc<dyn AgendaSource>>>);

impl Default for AgendaLink {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl std::fmt::Debug for AgendaLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgendaLink")
    }
}

impl AgendaLink {
    /// Links it with the source.
    pub fn link(&self, source: Arc<dyn AgendaSource>) {
        self.0.send_replace(Some(source));
    }

    async fn source(&self) -> Result<Arc<dyn AgendaSource>, Unread> {
        let mut linked = self.0.subscribe();
        let source = linked.wait_for(Option::is_some).await;
        let source = source.ok().and_then(|source| source.clone());
        source.ok_or_else(|| Unread("there is no agenda".into()))
    }
}

impl AgendaSource for AgendaLink {
    fn save_all(&self) -> Fetching<'_, ()> {
        Box::pin(async move { self.source().await?.save_all().await })
    }

    fn page(
        &self,
        kind: Kind,
        after: Option<Place>,
        until: i64,
        limit: usize,
    ) -> Fetching<'_, Vec<(i64, EntityId)>> {
        Box::pin(async move { self.source().await?.page(kind, after, until, limit).await })
    }
}

/// Which page is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// Of which kind.
    pub kind: Kind,
    /// After this place.
    pub after: Option<Place>,
    /// Up to and including this number.
    pub until: i64,
    /// At most so many.
    pub limit: u32,
}

impl Page {
    /// Whether all shards are to save first.
    pub fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// How many places to take; whether there are more is known by taking one too many.
    pub fn taken(&self) -> usize {
        self.limit() + 1
    }

    /// What is brought, of what was taken.
    pub fn found(&self, mut places: Vec<(i64, EntityId)>) -> Found {
        let more = places.len() > self.limit();
        places.truncate(self.limit());
        let place = |(number, entity): (i64, EntityId)| Place { number, id: (*entity.id).into() };
        Found::Agenda { places: places.into_iter().map(place).collect(), more }
    }

    fn limit(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX) as usize
    }
}

/// Fetches a page.
pub(super) async fn fetch(source: &dyn AgendaSource, page: Page) -> Found {
    match fetched(source, page).await {
        Ok(found) => found,
        Err(Unread(reason)) => Found::Unavailable { reason },
    }
}

async fn fetched(source: &dyn AgendaSource, page: Page) -> Result<Found, Unread> {
    if page.is_first() {
        source.save_all().await?;
    }
    let places = source.page(page.kind, page.after.clone(), page.until, page.taken()).await?;
    Ok(page.found(places))
}
