//! Takes errands, sees to each, and brings what it found.
//!
//! Errands about reports are run one after another for each entity, so that no report is replaced
//! while its lines are read; two reports are not fetched at once. Pages of an agenda are fetched as
//! they are asked for. All of it are tasks on one arbiter; what touches files runs in threads made
//! for what may block.
//!
//! A report that is asked for again under the number under which it was set aside is not fetched
//! again: the entity only has not heard of it. After a restart it is, because nobody knows how old
//! it is.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix::ArbiterHandle;
use bursar_domain::errand::{Brought, Errand, Found, ReportSize, Wanted};
use bursar_domain::id::EntityId;
use tokio::sync::{Mutex, mpsc};

use super::ErrandPort;
use super::agenda::{self, AgendaSource, Page};
use super::fetch::Source;
use super::report::set_aside::{self, SetAside};
use super::report::shelf::Shelf;
use super::settings::{Settings, StartError};

/// Takes what was found to who asked. Called on the arbiter's thread; must not block.
pub type OnBrought = Arc<dyn Fn(EntityId, Brought) + Send + Sync>;

/// What the clerk works with besides its settings.
pub struct World {
    /// Where agendas are read.
    pub agenda: Arc<dyn AgendaSource>,
    /// Where what was found goes.
    pub on_brought: OnBrought,
}

/// Starts it on an arbiter.
pub(super) fn start(
    settings: &Settings,
    arbiter: &ArbiterHandle,
    world: World,
) -> Result<Arc<dyn ErrandPort>, StartError> {
    let World { agenda, on_brought } = world;
    let source = Source::new(settings)?;
    let folder = settings.directory.join("reports");
    let shelf = Shelf::open(folder.clone(), settings.limits)
        .map_err(|source| StartError::Directory { directory: folder, source })?;
    let (sender, mut errands) = mpsc::unbounded_channel();
    let shelf = Arc::new(shelf);
    arbiter.spawn_fn(move || {
        let office = Rc::new(Office {
            agenda,
            on_brought,
            source,
            shelf,
            one_report: Mutex::new(()),
            waiting: RefCell::default(),
            set_aside: RefCell::default(),
        });
        actix::spawn(async move {
            while let Some((entity, errand)) = errands.recv().await {
                Rc::clone(&office).take(entity, errand);
            }
        });
    });
    Ok(Arc::new(Port(sender)))
}

/// The way to the office.
struct Port(mpsc::UnboundedSender<(EntityId, Errand)>);

impl ErrandPort for Port {
    fn run(&self, entity: EntityId, errand: Errand) {
        // After the arbiter has ended the process is ending too.
        drop(self.0.send((entity, errand)));
    }
}

struct Office {
    agenda: Arc<dyn AgendaSource>,
    on_brought: OnBrought,
    source: Source,
    shelf: Arc<Shelf>,
    /// Held while a report is fetched.
    one_report: Mutex<()>,
    /// The errands about reports of each entity that has one under way, behind that one.
    waiting: RefCell<HashMap<EntityId, VecDeque<Errand>>>,
    /// The reports that were set aside since the start, and under which number.
    set_aside: RefCell<SetAside>,
}

impl Office {
    /// Takes an errand.
    fn take(self: Rc<Self>, entity: EntityId, errand: Errand) {
        let Errand { number, wanted } = errand;
        if let Wanted::Agenda { kind, until, after, limit } = wanted {
            actix::spawn(async move {
                let page = Page { kind, after, until, limit };
                let found = agenda::fetch(&*self.agenda, page).await;
                (self.on_brought)(entity, Brought { number, found });
            });
            return;
        }
        let errand = Errand { number, wanted };
        if let Some(behind) = self.waiting.borrow_mut().get_mut(&entity) {
            return behind.push_back(errand);
        }
        self.waiting.borrow_mut().insert(entity.clone(), VecDeque::new());
        actix::spawn(async move { self.run(entity, errand).await });
    }

    /// Runs an errand about a report, and those of the entity that come meanwhile.
    async fn run(self: Rc<Self>, entity: EntityId, first: Errand) {
        let mut next = Some(first);
        while let Some(Errand { number, wanted }) = next {
            let found = self.report(&entity, number, wanted).await;
            (self.on_brought)(entity.clone(), Brought { number, found });
            let mut waiting = self.waiting.borrow_mut();
            next = waiting.get_mut(&entity).and_then(VecDeque::pop_front);
            if next.is_none() {
                waiting.remove(&entity);
            }
        }
    }

    async fn report(&self, entity: &EntityId, number: u32, wanted: Wanted) -> Found {
        match wanted {
            Wanted::FetchReport { days } => self.fetch(entity, number, days).await,
            Wanted::ReportLines { from, limit } => {
                let limit = set_aside::lines_taken(limit);
                set_aside::lines(
                    self.on_shelf(entity, move |shelf, id| shelf.page(id, from, limit)).await,
                )
            }
            Wanted::CloseReport => {
                self.set_aside.borrow_mut().forget(entity);
                set_aside::closed(self.on_shelf(entity, Shelf::close).await)
            }
            Wanted::Agenda { .. } => unreachable!("it was taken elsewhere"),
        }
    }

    async fn fetch(&self, entity: &EntityId, number: u32, days: u16) -> Found {
        if let Some(size) = self.set_aside.borrow_mut().again(entity, number) {
            return Found::Report(size);
        }
        // From here on there is none, also when no other one can be had.
        if let Err(error) = self.on_shelf(entity, Shelf::remove).await {
            return set_aside::unavailable(&error);
        }
        let _one = self.one_report.lock().await;
        let began = Instant::now();
        let found = self.source.fetch(&self.shelf, entity, days).await;
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Found::Report(size) = &found {
            self.set_aside.borrow_mut().put(entity.clone(), number, *size);
            let ReportSize { lines, fresh, others } = size;
            tracing::info!(%entity, lines, fresh, others, millis, "the processor's report");
        } else {
            tracing::warn!(%entity, millis, "the processor's report: {found:?}");
        }
        found
    }

    /// Works on the shelf, in a thread that may block.
    async fn on_shelf<T: Send + 'static>(
        &self,
        entity: &EntityId,
        work: impl FnOnce(&Shelf, &EntityId) -> std::io::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        let (shelf, entity) = (Arc::clone(&self.shelf), entity.clone());
        let done = tokio::task::spawn_blocking(move || work(&shelf, &entity)).await;
        done.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}
