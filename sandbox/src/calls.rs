//! What was called and how it ended: the counts behind `GET /sandbox/calls`.
//!
//! They prove what the ledger cannot: how often a client tried, and that it never called faster
//! than it may. The most calls in a second are those of any second, not of a second of the clock,
//! and calls that were throttled count, because a client should not have made them.
//!
//! Invariant: `calls` is the sum of the three endings, of calls that are under way and of those
//! whose client left first.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const SECOND_NS: u64 = 1_000_000_000;

/// What a call is for. The words are those of the faults.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Route {
    /// Takes money from an account.
    Pull,
    /// Gives money to an account.
    Push,
    /// Gives back what was pulled.
    Refund,
    /// Asks how a transaction stands, by its key.
    Lookup,
    /// Asks how the transactions of the last days ended.
    Report,
    /// Makes or voids a document.
    Documents,
    /// Sends a mail.
    Mail,
    /// A transaction whose direction cannot be read.
    #[serde(skip_deserializing)]
    Unreadable,
}

/// Who is called. Limits are per party.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Party {
    /// Moves money.
    Processor,
    /// Makes documents.
    Documents,
    /// Takes mail.
    Mail,
}

impl Route {
    /// All, in order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Pull,
        Self::Push,
        Self::Refund,
        Self::Lookup,
        Self::Report,
        Self::Documents,
        Self::Mail,
        Self::Unreadable,
    ];

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Refund => "refund",
            Self::Lookup => "lookup",
            Self::Report => "report",
            Self::Documents => "documents",
            Self::Mail => "mail",
            Self::Unreadable => "unreadable",
        }
    }

    /// Who serves it.
    pub(crate) fn party(self) -> Party {
        match self {
            Self::Pull
            | Self::Push
            | Self::Refund
            | Self::Lookup
            | Self::Report
            | Self::Unreadable => Party::Processor,
            Self::Documents => Party::Documents,
            Self::Mail => Party::Mail,
        }
    }

    /// Whether it moves money.
    pub(crate) fn moves_money(self) -> bool {
        match self {
            Self::Pull | Self::Push | Self::Refund => true,
            Self::Lookup | Self::Report | Self::Documents | Self::Mail | Self::Unreadable => false,
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// With an answer, whatever it says, other than "too many calls".
    Answered,
    /// With "too many calls".
    Throttled,
    /// Without an answer, on purpose.
    Silent,
}

/// What was called and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    processor: Counter,
    routes: BTreeMap<Route, Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    calls: u64,
    answered: u64,
    throttled: u64,
    silent: u64,
    most_in_a_second: usize,
    /// When the calls of the last second came; as many as a second can bring.
    recent_ns: VecDeque<u64>,
}

impl Calls {
    /// A call came in.
    pub(crate) fn arrived(&mut self, route: Route, now_ns: u64) {
        self.each(route, |counter| counter.arrived(now_ns));
    }

    /// A call ended.
    pub(crate) fn ended(&mut self, route: Route, ending: Ending) {
        self.each(route, |counter| match ending {
            Ending::Answered => counter.answered += 1,
            Ending::Throttled => counter.throttled += 1,
            Ending::Silent => counter.silent += 1,
        });
    }

    fn each(&mut self, route: Route, count: impl Fn(&mut Counter)) {
        count(self.routes.entry(route).or_default());
        if route.party() == Party::Processor {
            count(&mut self.processor);
        }
    }

    /// All counts: of every route, and of the processor's together.
    pub(crate) fn to_json(&self) -> Value {
        let nothing = Counter::default();
        let mut all = serde_json::Map::new();
        all.insert("processor".to_owned(), self.processor.to_json());
        for route in Route::ALL {
            let counter = self.routes.get(&route).unwrap_or(&nothing);
            all.insert(route.word().to_owned(), counter.to_json());
        }
        Value::Object(all)
    }
}

impl Counter {
    fn arrived(&mut self, now_ns: u64) {
        self.calls += 1;
        while self.recent_ns.front().is_some_and(|&at| at + SECOND_NS <= now_ns) {
            self.recent_ns.pop_front();
        }
        self.recent_ns.push_back(now_ns);
        self.most_in_a_second = self.most_in_a_second.max(self.recent_ns.len());
    }

    fn to_json(&self) -> Value {
        json!({
            "calls": self.calls,
            "answered": self.answered,
            "throttled": self.throttled,
            "silent": self.silent,
            "most_in_a_second": self.most_in_a_second,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_in_a_second_is_of_any_second() {
        let mut calls = Calls::default();
        // Three within a second, although across a second of the clock; then a rest.
        for at in [600_000_000, 1_100_000_000, 1_599_999_999, 1_600_000_000, 9_000_000_000] {
            calls.arrived(Route::Pull, at);
        }
        calls.arrived(Route::Mail, 9_000_000_000);
        calls.ended(Route::Pull, Ending::Silent);
        let counts = calls.to_json();
        assert_eq!(counts["pull"]["most_in_a_second"], 3);
        assert_eq!(counts["pull"]["calls"], 5);
        assert_eq!(counts["pull"]["silent"], 1);
        assert_eq!(counts["processor"], counts["pull"]);
        assert_eq!(counts["mail"]["calls"], 1);
        assert_eq!(counts["report"]["calls"], 0);
    }
}
