//! A clerk on an arbiter of its own, and a client that runs one errand after another.
//!
//! The folder outlives the clerk, so that a test can end one and start the next on what is left.
//! Ending waits for the threads that work on files, as the end of a process does not: what a kill
//! leaves is written by hand where it matters.

use std::path::PathBuf;
use std::sync::Arc;

use actix::Arbiter;
use bursar_actors::clerk::{AgendaLink, AgendaSource, Clerk, Settings, StartError, World};
use bursar_actors::gateway::PartySettings;
use bursar_domain::call::Party;
use bursar_domain::errand::{Brought, Errand, Found, ReportLine, ReportSize, Wanted};
use bursar_domain::id::EntityId;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// A folder for clerks.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file of the reports.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("reports").join(name)
    }

    /// The names of all files of the reports, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path().join("reports")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Settings for a processor at this port.
    pub(crate) fn settings(&self, port: u16) -> Settings {
        let processor = PartySettings {
            url: format!("http://127.0.0.1:{port}").into(),
            ..PartySettings::of(Party::Processor)
        };
        Settings::new(self.0.path(), processor)
    }
}

/// A clerk and its client.
pub(crate) struct Bench {
    clerk: Clerk,
    arbiter: Arbiter,
    brought: mpsc::UnboundedReceiver<(EntityId, Brought)>,
    number: u32,
}

impl Bench {
    pub(crate) fn start(settings: &Settings) -> Self {
        Self::with_agenda(settings, Arc::new(AgendaLink::default())).unwrap()
    }

    pub(crate) fn with_agenda(
        settings: &Settings,
        agenda: Arc<dyn AgendaSource>,
    ) -> Result<Self, StartError> {
        let arbiter = Arbiter::new();
        let (sender, brought) = mpsc::unbounded_channel();
        let on_brought = Arc::new(move |entity, brought| drop(sender.send((entity, brought))));
        let world = World { agenda, on_brought };
        let clerk = Clerk::start(settings, &arbiter.handle(), world)?;
        Ok(Self { clerk, arbiter, brought, number: 0 })
    }

    /// Hands an errand over and does not wait.
    pub(crate) fn ask(&mut self, entity: &EntityId, wanted: Wanted) -> u32 {
        self.number += 1;
        self.ask_as(entity, self.number, wanted);
        self.number
    }

    /// The same under a number of the test's own.
    pub(crate) fn ask_as(&self, entity: &EntityId, number: u32, wanted: Wanted) {
        self.clerk.run(entity.clone(), Errand { number, wanted });
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> (EntityId, Brought) {
        self.brought.recv().await.unwrap()
    }

    /// Runs an errand, with no other under way.
    pub(crate) async fn run(&mut self, entity: &EntityId, wanted: Wanted) -> Found {
        let number = self.ask(entity, wanted);
        let (of, brought) = self.next().await;
        assert_eq!((&of, brought.number), (entity, number));
        brought.found
    }

    pub(crate) async fn fetch(&mut self, entity: &EntityId) -> Found {
        self.run(entity, Wanted::FetchReport { days: 5 }).await
    }

    /// Fetches a report that is whole.
    pub(crate) async fn fetched(&mut self, entity: &EntityId) -> ReportSize {
        let found = self.fetch(entity).await;
        let Found::Report(size) = found else { panic!("{found:?}") };
        size
    }

    /// All lines that were set aside, in pages of this size.
    pub(crate) async fn lines(&mut self, entity: &EntityId, limit: u32) -> Vec<ReportLine> {
        let (mut all, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            let found = self.run(entity, Wanted::ReportLines { from, limit }).await;
            let Found::Lines { lines, next: after } = found else { panic!("{found:?}") };
            assert!(lines.len() <= limit.max(1) as usize);
            all.extend(lines);
            next = after;
        }
        all
    }

    /// Their keys, in order.
    pub(crate) async fn keys(&mut self, entity: &EntityId) -> Vec<String> {
        let mut keys: Vec<_> =
            self.lines(entity, 100).await.iter().map(|line| line.key.to_string()).collect();
        keys.sort();
        keys
    }

    pub(crate) async fn close(&mut self, entity: &EntityId) {
        assert_eq!(self.run(entity, Wanted::CloseReport).await, Found::Closed);
    }

    /// Ends it, with what it is doing.
    pub(crate) fn end(self) {
        self.arbiter.stop();
        self.arbiter.join().unwrap();
    }
}

/// A run.
pub(crate) fn run(day: u32) -> EntityId {
    EntityId::run(format!("run_2026-11-{day:02}"))
}
