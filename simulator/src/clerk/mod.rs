//! The clerk under virtual time: runs errands with the production code for agendas and reports.
//!
//! Pages of an agenda are cut by [`Page`]; the report's text is read, checked and set aside by the
//! production shelf, in memory, so that what is detected of a spoiled report is detected by the
//! code that will have to. The text is made from the processor's ledger ([`text`]). What is done is
//! done at once; only what was found comes after a while.
//!
//! Invariants: each errand brings one thing; what is brought to one entity keeps the order of its
//! errands; the same faults, ledger and errands bring the same.

mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use bursar_actors::clerk::agenda::Page;
use bursar_actors::clerk::report::folder::Memory;
use bursar_actors::clerk::report::set_aside::{self, SetAside};
use bursar_actors::clerk::report::shelf::Shelf;
use bursar_actors::clerk::report::{Fault, found};
use bursar_actors::clerk::settings::Limits;
use bursar_domain::errand::{Brought, Errand, Found, Place, ReportSize, Wanted};
use bursar_domain::id::{EntityId, Kind as EntityKind};

use crate::parties::faults::{Armed, Layer};
use crate::parties::mark::{ByMark, Mark, Strike};
use crate::parties::{Faults, Kind, Parties, Route};

/// The most milliseconds that an errand takes when nothing goes wrong.
const USUAL_MS: u64 = 40;

/// What the clerk fetches from.
pub struct Sources<'a> {
    /// The archive's agenda: those of a kind after a place, up to a number, at most so many. For a
    /// page without `after`, all shards have saved before ([`Clerk::saves_first`]).
    pub agenda: &'a mut dyn FnMut(EntityKind, Option<Place>, i64, usize) -> Vec<(i64, EntityId)>,
    /// The processor whose report it is.
    pub parties: &'a mut Parties,
    /// Whether the one who asked under a key knows for good how it ended. Only of such a key may a
    /// report lie: the product says that it sees through that.
    pub is_known: &'a dyn Fn(&str) -> bool,
}

/// What an errand brings, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bringing {
    /// So many milliseconds after it was asked for, above zero.
    pub after_ms: i64,
    /// What.
    pub brought: Brought,
}

/// What was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Errands, by route, in the order of [`Route::ALL`].
    pub errands: [u64; Route::ALL.len()],
    /// Those that were struck.
    pub struck: [u64; Route::ALL.len()],
    /// Reports that were set aside.
    pub reports: u64,
    /// Reports that could not be used.
    pub unusable: u64,
    /// Lines that said the opposite of the ledger.
    pub lies: u64,
}

/// The clerk.
#[derive(Debug)]
pub struct Clerk {
    armed: Armed,
    memory: Memory,
    shelf: Shelf,
    set_aside: SetAside,
    /// How often each entity has asked, by route.
    asked: ByMark<u32>,
    /// Until when each entity has what it asked for before.
    busy: BTreeMap<EntityId, i64>,
    counts: Counts,
}

impl Clerk {
    /// A clerk with an empty shelf. The seed decides where the faults strike.
    pub fn new(seed: u64, faults: &Faults) -> Self {
        let memory = Memory::default();
        Self {
            armed: Armed::new(seed, faults),
            shelf: Shelf::in_memory(memory.clone(), Limits::default()),
            memory,
            set_aside: SetAside::default(),
            asked: ByMark::default(),
            busy: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Whether all shards are to save what they have decided before [`Clerk::take`].
    pub fn saves_first(errand: &Errand) -> bool {
        matches!(&errand.wanted, Wanted::Agenda { after: None, .. })
    }

    /// Runs an errand; what it brings, and when.
    pub fn take(
        &mut self,
        now_ms: i64,
        entity: &EntityId,
        errand: Errand,
        sources: Sources<'_>,
    ) -> Bringing {
        let Errand { number, wanted } = errand;
        let route = match &wanted {
            Wanted::Agenda { .. } => Route::Agenda,
            Wanted::FetchReport { .. } => Route::Report,
            Wanted::ReportLines { .. } | Wanted::CloseReport => Route::Shelf,
        };
        let mark = Mark::of(&entity.id).with(entity.kind.number().into());
        let asked = self.asked.entry(mark.with(route.index() as u64)).or_insert(0);
        *asked += 1;
        let which = (mark, *asked);
        let usual = mark.strike(1, u32::try_from(route.index()).expect("few routes"), *asked);
        let mut after_ms = 1 + i64::try_from(usual.below(1, USUAL_MS)).expect("below a minute");
        let strikes: Vec<_> = self.armed.strikes(now_ms, route, Layer::Way, which).collect();
        self.counts.errands[route.index()] += 1;
        self.counts.struck[route.index()] += u64::from(!strikes.is_empty());
        for (kind, _) in &strikes {
            if let Kind::Slow { ms } | Kind::Lag { ms } = kind {
                after_ms += ms;
            }
        }
        let found = match wanted {
            _ if let Some(no) = refused(route, &strikes) => no,
            Wanted::Agenda { kind, until, after, limit } => {
                let page = Page { kind, after, until, limit };
                page.found((sources.agenda)(kind, page.after.clone(), until, page.taken()))
            }
            Wanted::FetchReport { days } => {
                self.fetch(entity, (number, days), &strikes, (now_ms, sources))
            }
            Wanted::ReportLines { from, limit } => {
                if strikes.iter().any(|(kind, _)| *kind == Kind::Forget) {
                    self.memory.lose();
                }
                let limit = set_aside::lines_taken(limit);
                set_aside::lines(self.shelf.page(entity, from, limit))
            }
            Wanted::CloseReport => {
                self.set_aside.forget(entity);
                set_aside::closed(self.shelf.close(entity))
            }
        };
        if route != Route::Agenda {
            // Errands about reports are run one after another.
            let busy = self.busy.entry(entity.clone()).or_insert(now_ms);
            after_ms = after_ms.max(*busy - now_ms + 1);
            *busy = now_ms + after_ms;
        }
        Bringing { after_ms, brought: Brought { number, found } }
    }

    /// The process ended: what was under way is not brought. What was on the shelf is still there,
    /// unless the power was lost with it.
    pub fn crash(&mut self, power: Power) {
        self.set_aside = SetAside::default();
        self.busy.clear();
        if power == Power::Lost {
            self.memory.lose();
        }
    }

    /// From now on nothing goes wrong.
    pub fn calm(&mut self) {
        self.armed.disarm();
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn fetch(
        &mut self,
        entity: &EntityId,
        (number, days): (u32, u16),
        strikes: &[(Kind, Strike)],
        (now_ms, sources): (i64, Sources<'_>),
    ) -> Found {
        if let Some(size) = self.set_aside.again(entity, number) {
            return Found::Report(size);
        }
        sources.parties.advance(now_ms);
        let report = text::write(sources.parties, (now_ms, days), strikes, sources.is_known);
        self.counts.lies += report.lies;
        let taken = self.take_in(entity, &report);
        match &taken {
            Ok(size) => {
                self.counts.reports += 1;
                self.set_aside.put(entity.clone(), number, *size);
            }
            Err(_) => self.counts.unusable += 1,
        }
        found(taken)
    }

    fn take_in(&self, entity: &EntityId, report: &text::Text) -> Result<ReportSize, Fault> {
        self.shelf.remove(entity)?;
        let mut intake = self.shelf.take(entity)?;
        // In parts, so that lines are put together again.
        for part in report.bytes.chunks(report.part_bytes) {
            intake.push(part)?;
        }
        if report.breaks_off {
            return Err(Fault::incomplete("it breaks off: connection closed"));
        }
        intake.finish(&AtomicBool::new(false))
    }
}

/// Whether the power was lost with the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// It was not.
    On,
    /// It was, and what no one synced with it.
    Lost,
}

/// What is found when there is nothing to be had.
fn refused(route: Route, strikes: &[(Kind, Strike)]) -> Option<Found> {
    strikes.iter().find_map(|(kind, _)| match kind {
        Kind::Refuse => Some(Found::Unavailable { reason: "connection refused".into() }),
        Kind::Error { .. } if route == Route::Report => {
            Some(Found::Unavailable { reason: "the processor answered 503".into() })
        }
        Kind::Error { .. } => Some(Found::Unavailable { reason: "the disk says no".into() }),
        Kind::TurnAway => Some(Found::Unusable {
            code: "report-refused".into(),
            detail: "the processor answered 403".into(),
        }),
        Kind::Decline
        | Kind::Pending { .. }
        | Kind::Break
        | Kind::Swallow
        | Kind::LoseAnswer
        | Kind::Linger { .. }
        | Kind::Slow { .. }
        | Kind::Lag { .. }
        | Kind::Twice { .. }
        | Kind::Throttle { .. }
        | Kind::Busy
        | Kind::Cut
        | Kind::Contradict
        | Kind::Strange
        | Kind::Lie
        | Kind::Double
        | Kind::Shuffle
        | Kind::Stale { .. }
        | Kind::Forget => None,
    })
}
