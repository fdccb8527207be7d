//! What must hold in the small world: after every event of an advance, and in the end.
//!
//! The processor's ledger is the judge: what a customer paid, net of what went back, is what the
//! advance says it collected, to the cent, and never more than the advance. Every run has ended, and
//! every advance: what fails for ever is given up some day.

use std::collections::BTreeMap;

use bursar_domain::advance::{DebitStatus, Status};
use bursar_domain::entity::{Due, Entity};
use bursar_domain::id::EntityId;
use bursar_domain::money::Amount;
use bursar_domain::run::{Phase, ReportStatus, Tally};

use crate::bench::DAY_MS;
use crate::world::World;

impl World {
    /// What must hold for an advance after every event.
    pub(crate) fn holds(&self, id: &EntityId) {
        let advance = self.advances[id].live.entity();
        let Some(profile) = advance.profile() else { return };
        let [collected, outstanding, lost] =
            [advance.collected(), advance.outstanding(), advance.written_off()].map(Amount::minor);
        if matches!(advance.status(), Status::Pending | Status::Failed) {
            assert_eq!((collected, outstanding, lost), (0, 0, 0));
            return;
        }
        assert_eq!(collected + outstanding + lost, profile.amount.minor(), "{id}");
        assert!(collected >= 0 && outstanding >= 0 && lost >= 0, "{id}");
        let paid = self.processor.paid(&profile.account, self.now);
        let rows = advance.schedule();
        assert!(rows.is_sorted_by(|one, next| one.due < next.due), "{id}: no date is used twice");
        // What is known to have come did come; what came is known later.
        assert!(collected <= paid, "{id}: {collected} of {paid}");
    }

    /// Lets time pass until every advance has ended and everything it had with the processor is
    /// settled and read.
    pub(crate) fn finish(&mut self) {
        let limit = self.now + 6_000 * DAY_MS;
        loop {
            let until = self.now + DAY_MS;
            while self.step(until) {}
            // What nobody knows yet whether it arrived is in no agenda.
            let is_over = self.credits.is_empty()
                && self.advances.values().all(|one| {
                    let advance = one.live.entity();
                    advance.listed().is_none() && advance.due() == Due::Nothing
                });
            let settled_at = self.processor.settled_at().max(self.faults.until);
            if is_over && self.now > settled_at + 2 * DAY_MS {
                break;
            }
            assert!(self.now < limit, "it does not end");
        }
        // At noon no run is on its way.
        let until = (self.now / DAY_MS + 3) * DAY_MS + DAY_MS / 2;
        while self.step(until) {}
        self.ended();
    }

    fn ended(&self) {
        let mut owed = 0;
        for (id, account) in &self.advances {
            let advance = account.live.entity();
            let Some(profile) = advance.profile() else { continue };
            assert_eq!(advance.due(), Due::Nothing, "{id} waits");
            let paid = self.processor.paid(&profile.account, self.now);
            assert_eq!(paid, advance.collected().minor(), "{id}: the ledgers differ");
            assert!(paid <= profile.amount.minor(), "{id}: more than the advance");
            assert!(advance.overpaid().minor() == 0, "{id}: something is yet to go back");
            owed += advance.outstanding().minor() + advance.written_off().minor();
            let terminal = [Status::Completed, Status::Defaulted, Status::Failed];
            assert!(terminal.contains(&advance.status()), "{id}: {advance:?}");
            for row in advance.schedule() {
                assert!(
                    !matches!(row.status, DebitStatus::Submitting | DebitStatus::Refunding),
                    "{id}: {row:?}"
                );
            }
        }
        assert_eq!(self.books, (-owed, owed), "the books");
        for (id, account) in &self.runs {
            let run = account.live.entity();
            assert_eq!((run.phase(), run.outstanding()), (Phase::Done, 0), "{id}");
            assert_ne!(run.report().status, ReportStatus::Awaited, "{id}");
        }
    }

    /// What all runs counted, together.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for account in self.runs.values() {
            tally.add(account.live.entity().tally());
        }
        tally
    }

    /// How many debits stand how.
    pub(crate) fn statuses(&self) -> BTreeMap<&'static str, usize> {
        let mut statuses = BTreeMap::new();
        for account in self.advances.values() {
            for row in account.live.entity().schedule() {
                *statuses.entry(row.status.as_str()).or_default() += 1;
            }
        }
        statuses
    }
}
