//! What goes wrong at the third parties and at the clerk: a list, drawn from the seed.
//!
//! A [`Fault`] stands for a while on one route and strikes some of the calls there. Whether it
//! strikes is decided by a hash of the seed, the fault's number, the call's key and how often that
//! key was asked, never by the order of calls or by other faults. So a fault that is left out of
//! the list changes nothing about where the others strike, and a failing run can be made smaller.
//!
//! There are two layers: what is decided about a wish ([`Kind::Decline`], [`Kind::Pending`]), and
//! what happens to a call on its way there and back. A call may meet one of each, so that an answer
//! that is lost may have been a no.
//!
//! Invariant: only what the contract with the parties allows is drawn; what it forbids is listed at
//! [`Faults::draw`].

use bursar_domain::call::Request;

use super::mark::{Mark, Strike};
use crate::chance::{Chance, WHOLE_PPM};

/// What is asked for, as far as faults tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Route {
    /// Money taken.
    Pull,
    /// Money given.
    Push,
    /// Money given back.
    Refund,
    /// What became of a key.
    Find,
    /// Documents made.
    Make,
    /// Documents voided.
    Void,
    /// A mail.
    Mail,
    /// The processor's report.
    Report,
    /// Lines of a report that was set aside, and its closing.
    Shelf,
    /// A page of the agenda.
    Agenda,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pull,
        Self::Push,
        Self::Refund,
        Self::Find,
        Self::Make,
        Self::Void,
        Self::Mail,
        Self::Report,
        Self::Shelf,
        Self::Agenda,
    ];

    /// That of a request.
    pub const fn of(request: &Request) -> Self {
        match request {
            Request::Pull { .. } => Self::Pull,
            Request::Push { .. } => Self::Push,
            Request::Refund { .. } => Self::Refund,
            Request::Find => Self::Find,
            Request::MakeDocuments { .. } => Self::Make,
            Request::VoidDocuments { .. } => Self::Void,
            Request::Mail(_) => Self::Mail,
        }
    }

    /// Its place in [`Route::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    const fn moves_money(self) -> bool {
        matches!(self, Self::Pull | Self::Push | Self::Refund)
    }

    const fn is_errand(self) -> bool {
        matches!(self, Self::Report | Self::Shelf | Self::Agenda)
    }
}

/// How what is pending ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// It succeeds.
    Succeeded,
    /// It fails.
    Failed,
    /// It never does, by itself.
    Silent,
}

/// How a call goes wrong. Times are in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The answer is no, and stays no under this key.
    Decline,
    /// The answer is "not yet"; it ends later.
    Pending {
        /// How.
        then: Then,
        /// When, unless never.
        after_ms: i64,
    },
    /// A 5xx: sometimes done, sometimes not.
    Error {
        /// How long the party asks to be left alone, if it does.
        wait_ms: Option<i64>,
    },
    /// The connection breaks: sometimes done, sometimes not.
    Break,
    /// It never arrives, and no answer comes.
    Swallow,
    /// Done, and no answer comes.
    LoseAnswer,
    /// It arrives after a while, when nobody waits for its answer any more.
    Linger {
        /// How long it is on its way.
        ms: i64,
    },
    /// The party works on it for a while; then it is done and answered.
    Slow {
        /// How long.
        ms: i64,
    },
    /// Done at once, answered after a while; so answers overtake each other.
    Lag {
        /// How long.
        ms: i64,
    },
    /// Answered, and once more after a while.
    Twice {
        /// How long after the first.
        ms: i64,
    },
    /// A 429, not acted on.
    Throttle {
        /// How long to wait, if it says so.
        wait_ms: Option<i64>,
    },
    /// No connection, nothing was sent.
    Refuse,
    /// Turned away unread, as by wrong credentials.
    TurnAway,
    /// "Still at work under this key": sometimes done, sometimes not.
    Busy,
    /// The report breaks off in the middle.
    Cut,
    /// The report says two things of one transaction.
    Contradict,
    /// The report says of debits what was never asked: attempts that never were.
    Strange,
    /// The report has lines that say the opposite of an answer that the asker has had.
    Lie,
    /// The report has lines twice.
    Double,
    /// The report's lines are in any order.
    Shuffle,
    /// The report is one of earlier.
    Stale {
        /// By how much.
        ms: i64,
    },
    /// What was set aside is not there any more.
    Forget,
}

/// Which of the two layers a kind is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layer {
    Verdict,
    Way,
}

impl Kind {
    pub(crate) const fn layer(self) -> Layer {
        match self {
            Self::Decline | Self::Pending { .. } => Layer::Verdict,
            Self::Error { .. }
            | Self::Break
            | Self::Swallow
            | Self::LoseAnswer
            | Self::Linger { .. }
            | Self::Slow { .. }
            | Self::Lag { .. }
            | Self::Twice { .. }
            | Self::Throttle { .. }
            | Self::Refuse
            | Self::TurnAway
            | Self::Busy
            | Self::Cut
            | Self::Contradict
            | Self::Strange
            | Self::Lie
            | Self::Double
            | Self::Shuffle
            | Self::Stale { .. }
            | Self::Forget => Layer::Way,
        }
    }

    /// Whether it can happen there, by the contract.
    pub const fn suits(self, route: Route) -> bool {
        match self {
            Self::Decline => {
                route.moves_money() || matches!(route, Route::Make | Route::Void | Route::Mail)
            }
            Self::Pending { .. } => route.moves_money(),
            Self::Throttle { .. } | Self::Busy => {
                !route.is_errand() && !matches!(route, Route::Mail)
            }
            Self::Break | Self::Swallow | Self::LoseAnswer | Self::Twice { .. } => {
                !route.is_errand()
            }
            Self::TurnAway => !matches!(route, Route::Shelf | Route::Agenda),
            Self::Linger { .. } => !route.is_errand() && !matches!(route, Route::Find),
            Self::Error { .. } => !matches!(route, Route::Mail),
            Self::Refuse | Self::Slow { .. } | Self::Lag { .. } => true,
            Self::Cut
            | Self::Contradict
            | Self::Strange
            | Self::Lie
            | Self::Double
            | Self::Shuffle
            | Self::Stale { .. } => matches!(route, Route::Report),
            Self::Forget => matches!(route, Route::Shelf),
        }
    }
}

/// One thing that goes wrong for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which one; it stays when others are left out.
    pub number: u32,
    /// To what.
    pub route: Route,
    /// From then on.
    pub from_ms: i64,
    /// Until then, without it.
    pub until_ms: i64,
    /// How many of a million calls it strikes.
    pub ppm: u32,
    /// What happens.
    pub kind: Kind,
}

/// All that goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// In the order in which they are asked: the first that strikes wins, in each layer.
    pub all: Vec<Fault>,
}

/// The bounds within which faults are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Nothing goes wrong after that many milliseconds.
    pub span_ms: i64,
    /// A request that nobody waits for is done before so many milliseconds have passed.
    pub settle_ms: i64,
    /// What is pending ends within so many milliseconds, or never.
    pub pending_ms: i64,
    /// A report is at most so old.
    pub stale_ms: i64,
    /// At most so many faults.
    pub most: u32,
}

impl Bounds {
    /// The product's own bounds, for a run of that many milliseconds.
    pub fn of(span_ms: i64) -> Self {
        let day_ms = 86_400_000;
        Self { span_ms, settle_ms: 15_000, pending_ms: 3 * day_ms, stale_ms: day_ms, most: 16 }
    }
}

impl Faults {
    /// Draws faults. What the contract forbids is not among them, because the product is right to
    /// believe it: a 429, a refused connection or a 401 after which it is done all the same; a no
    /// that is a yes later, or a yes that is a no; a first answer of a key that changes; two
    /// bookings of one key; "never seen" of what was booked before the question came; a request
    /// that is acted on more than `settle_ms` after it was sent; a report that is whole, and says
    /// of a debit whose end nobody was told the opposite of what the processor booked; one that
    /// leaves out what ended more than `stale_ms` ago.
    pub fn draw(chance: &Chance, span_ms: i64) -> Self {
        Self::draw_within(chance, &Bounds::of(span_ms))
    }

    /// Draws faults within other bounds.
    pub fn draw_within(chance: &Chance, bounds: &Bounds) -> Self {
        let mut chance = chance.split("faults");
        let count = chance.below(u64::from(bounds.most) + 1);
        let number = |at| u32::try_from(at).expect("no more than were asked for");
        let all = (0..count).map(|at| draw_one(chance.split_at(at), number(at), bounds));
        Self { all: all.collect() }
    }
}

fn draw_one(mut chance: Chance, number: u32, bounds: &Bounds) -> Fault {
    let weights = [6, 4, 4, 4, 2, 2, 2, 3, 2, 1];
    let route = Route::ALL[chance.weighted(&weights)];
    let from_ms = chance.between(0, bounds.span_ms.max(1) - 1);
    // From a second to half the run, each order of magnitude as likely as the others.
    let longest = (bounds.span_ms / 2).max(1_000);
    let length = (0..24).fold(1_000, |long: i64, _| {
        if chance.strikes(600_000) { long.saturating_mul(2).min(longest) } else { long }
    });
    let until_ms = from_ms.saturating_add(length).min(bounds.span_ms);
    let ppm = *chance.pick(&[10_000, 100_000, 500_000, WHOLE_PPM]);
    let kind = draw_kind(&mut chance, route, bounds);
    Fault { number, route, from_ms, until_ms, ppm, kind }
}

fn draw_kind(chance: &mut Chance, route: Route, bounds: &Bounds) -> Kind {
    let linger = chance.between(1, (bounds.settle_ms - 1).max(1));
    let short = chance.between(1, 2_000);
    let lag = chance.between(1, 25_000);
    let wait_ms = chance.strikes(500_000).then(|| chance.between(0, 5_000));
    let then = *chance.pick(&[Then::Succeeded, Then::Failed, Then::Silent]);
    let scale = *chance.pick(&[1_000, 60_000, 3_600_000, bounds.pending_ms]);
    let after_ms = chance.between(1, scale.min(bounds.pending_ms).max(1));
    let stale = chance.between(1, bounds.stale_ms.max(1));
    let kinds = [
        Kind::Decline,
        Kind::Pending { then, after_ms },
        Kind::Error { wait_ms },
        Kind::Break,
        Kind::Swallow,
        Kind::LoseAnswer,
        Kind::Linger { ms: linger },
        Kind::Slow { ms: if chance.strikes(500_000) { short } else { linger } },
        Kind::Lag { ms: if chance.strikes(500_000) { short } else { lag } },
        Kind::Twice { ms: lag },
        Kind::Throttle { wait_ms },
        Kind::Refuse,
        Kind::TurnAway,
        Kind::Busy,
        Kind::Cut,
        Kind::Contradict,
        Kind::Strange,
        Kind::Lie,
        Kind::Double,
        Kind::Shuffle,
        Kind::Stale { ms: stale },
        Kind::Forget,
    ];
    let fitting: Vec<Kind> = kinds.into_iter().filter(|kind| kind.suits(route)).collect();
    *chance.pick(&fitting)
}

/// The faults, sorted to be asked quickly.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    seed: u64,
    routes: [Vec<Fault>; Route::ALL.len()],
}

impl Armed {
    pub(crate) fn new(seed: u64, faults: &Faults) -> Self {
        let of = |route| faults.all.iter().filter(|f| f.route == route).copied().collect();
        Self { seed, routes: Route::ALL.map(of) }
    }

    /// The first fault of a layer that strikes the `count`th call of a key, and what else of
    /// chance belongs to that strike.
    pub(crate) fn strike(
        &self,
        now_ms: i64,
        route: Route,
        layer: Layer,
        which: (Mark, u32),
    ) -> Option<(Kind, Strike)> {
        self.strikes(now_ms, route, layer, which).next()
    }

    /// All faults of a layer that strike there.
    pub(crate) fn strikes(
        &self,
        now_ms: i64,
        route: Route,
        layer: Layer,
        (key, count): (Mark, u32),
    ) -> impl Iterator<Item = (Kind, Strike)> {
        self.routes[route.index()].iter().filter_map(move |fault| {
            let stands = fault.from_ms <= now_ms && now_ms < fault.until_ms;
            if !stands || fault.kind.layer() != layer {
                return None;
            }
            let strike = key.strike(self.seed, fault.number, count);
            strike.is_within(fault.ppm).then_some((fault.kind, strike))
        })
    }

    /// Nothing goes wrong any more.
    pub(crate) fn disarm(&mut self) {
        self.routes.iter_mut().for_each(Vec::clear);
    }
}
