//! The processor: takes each key once, decides at once, later, much later or never, and reports.
//!
//! Everything it does is in its ledger, by which the advances are judged in the end. It stops the
//! test when it is asked for something that must not be asked: another amount under a key that it
//! knows, money back that it gave back already.

use std::collections::BTreeMap;

use bursar_domain::call::{Call, Reply, Request};
use bursar_domain::errand::{ReportLine, Reported};
use bursar_domain::time::Timestamp;

use crate::bench::DAY_MS;
use crate::chance::Chance;

/// How an order goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fate {
    /// How long it takes, in milliseconds; `None` for ever.
    pub(crate) takes_ms: Option<i64>,
    pub(crate) succeeds: bool,
}

impl Fate {
    pub(crate) const DONE: Self = Self { takes_ms: Some(0), succeeds: true };
    pub(crate) const DECLINED: Self = Self { takes_ms: Some(0), succeeds: false };

    pub(crate) const fn after_hours(hours: i64, succeeds: bool) -> Self {
        Self { takes_ms: Some(hours * 3_600_000), succeeds }
    }

    /// By chance, with so many per cent that do not go well at once.
    fn draw(chance: &mut Chance, percent: u64) -> Self {
        if !chance.of(percent) {
            return Self::DONE;
        }
        let succeeds = chance.of(60);
        let hours = |from: usize, to: usize, chance: &mut Chance| {
            let hours = from + chance.below(to - from);
            Some(i64::try_from(hours).expect("small") * 3_600_000)
        };
        let takes_ms = match chance.below(10) {
            0..3 => return Self::DECLINED,
            3..6 => hours(1, 4 * 24, chance),
            6..9 => hours(4 * 24, 30 * 24, chance),
            _ => None,
        };
        Self { takes_ms, succeeds }
    }
}

/// A transaction.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) account: String,
    pub(crate) cents: i64,
    pub(crate) succeeds: bool,
    /// When it is settled; `None` for never.
    pub(crate) settles_at: Option<i64>,
    pub(crate) id: String,
    /// For giving back: what.
    returns: Option<String>,
}

impl Entry {
    pub(crate) fn is_settled(&self, now: i64) -> bool {
        self.settles_at.is_some_and(|at| at <= now)
    }

    fn is_done(&self, now: i64) -> bool {
        self.succeeds && self.is_settled(now)
    }

    fn says(&self, now: i64) -> Reply {
        match (self.is_settled(now), self.succeeds) {
            (false, _) => Reply::Pending,
            (true, true) => Reply::Done { id: self.id.as_str().into(), url: None },
            (true, false) => {
                Reply::Declined { code: "no-funds".into(), detail: "it bounced".into() }
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Processor {
    /// By key, in the order of keys.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// How the next orders go, before chance decides.
    pub(crate) script: Vec<Fate>,
    /// How many per cent of the orders do not go well at once.
    pub(crate) percent: u64,
}

impl Processor {
    /// A call has arrived.
    pub(crate) fn take(&mut self, call: &Call, now: i64, chance: &mut Chance) -> Reply {
        if let Some(entry) = self.entries.get(&*call.key) {
            if let Request::Pull { account, amount, .. } = &call.request {
                let asked = (account.as_ref(), amount.minor());
                assert_eq!(asked, (&*entry.account, entry.cents), "{call:?}: another order");
            }
            return entry.says(now);
        }
        let (account, cents, returns) = match &call.request {
            Request::Find => return Reply::NeverSeen,
            Request::Pull { account, amount, .. } => (account.to_string(), amount.minor(), None),
            Request::Refund { transaction, amount, .. } => {
                let account = self.may_return(transaction, amount.minor(), now);
                (account, -amount.minor(), Some(transaction.to_string()))
            }
            Request::Push { .. }
            | Request::MakeDocuments { .. }
            | Request::VoidDocuments { .. }
            | Request::Mail(_) => panic!("{call:?} is not a call of an advance"),
        };
        let fate = if self.script.is_empty() {
            Fate::draw(chance, self.percent)
        } else {
            self.script.remove(0)
        };
        // Giving back ends some day.
        let takes_ms =
            if returns.is_some() { Some(fate.takes_ms.unwrap_or(0)) } else { fate.takes_ms };
        let id = format!("prc-{}", self.entries.len() + 1);
        let settles_at = takes_ms.map(|takes_ms| now + takes_ms);
        let entry = Entry { account, cents, succeeds: fate.succeeds, settles_at, id, returns };
        let says = entry.says(now);
        self.entries.insert(call.key.to_string(), entry);
        says
    }

    /// Whether money may go back: it came, in this amount, and has not gone back, nor is about to.
    fn may_return(&self, transaction: &str, cents: i64, now: i64) -> String {
        let taken = self.entries.values().find(|entry| entry.id == transaction);
        let taken = taken.expect("only what was taken goes back");
        assert!(taken.is_done(now) && taken.cents == cents, "{taken:?} cannot go back");
        let mut others = self.entries.values().filter(|entry| {
            entry.returns.as_deref() == Some(transaction)
                && (entry.succeeds || !entry.is_settled(now))
        });
        assert!(others.next().is_none(), "{transaction} goes back twice");
        taken.account.clone()
    }

    /// What an account has paid, net of what went back.
    pub(crate) fn paid(&self, account: &str, now: i64) -> i64 {
        let done = self.entries.values().filter(|entry| entry.is_done(now));
        done.filter(|entry| entry.account == account).map(|entry| entry.cents).sum()
    }

    /// The last instant at which something will be settled.
    pub(crate) fn settled_at(&self) -> i64 {
        self.entries.values().filter_map(|entry| entry.settles_at).max().unwrap_or_default()
    }

    /// The report of the last days.
    pub(crate) fn report(&self, days: u16, now: i64) -> Vec<ReportLine> {
        let since = now - i64::from(days) * DAY_MS;
        let settled = self.entries.iter().filter_map(|(key, entry)| {
            let at = entry.settles_at.filter(|at| (since..=now).contains(at))?;
            Some((key, entry, at))
        });
        let line = |(key, entry, at): (&String, &Entry, i64)| ReportLine {
            transaction: entry.id.as_str().into(),
            key: key.as_str().into(),
            status: if entry.succeeds { Reported::Succeeded } else { Reported::Failed },
            at: Timestamp::from_millis(at).expect("a date"),
            code: (!entry.succeeds).then(|| "no-funds".into()),
        };
        settled.map(line).collect()
    }
}
