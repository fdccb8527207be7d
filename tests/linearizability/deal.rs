//! What a deal may answer, one request at a time.
//!
//! Tickets without gaps in the order of decisions, places while amount and seats last (a wallet
//! takes one seat however often it invests), a line for those who wait, and what became of each
//! key. Nothing of the server's rules is used. A place is given back at a point in time of its own
//! (`Freed`), some time after a wallet without money got it or a client took it back; in that very
//! moment the line moves up, the longest waiting first, whoever fits.
//!
//! What was asked for once is looked up when it is asked for again: the key and then where the
//! investment stands, which are two points; so is taking back, and how it stands then. Nothing is ever confirmed in these runs.

use std::collections::{BTreeMap, BTreeSet};

use stateright::semantics::SequentialSpec;

use crate::history::Specification;
use crate::wallet::Replay;

/// The first of the wallets that have no money: they get a place and lose it again.
pub(crate) const POOR: u32 = 100;

/// What is to be done when there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum IfFull {
    Wait,
    Refuse,
}

/// What is asked for under a key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Invest {
    pub(crate) wallet: u32,
    pub(crate) amount: i64,
    pub(crate) if_full: IfFull,
}

/// A request. Amounts are in hundredths; an investment is named by its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Wish {
    /// A place, or one in line.
    Invest(u32, Invest),
    /// The investment is taken back.
    Cancel(u32),
    /// A look at the investment.
    Look(u32),
    /// A look at the deal.
    Read,
}

/// Where an investment stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Standing {
    /// At this position of the line, from 1.
    Waiting(u64),
    /// It has a place.
    Placed,
    /// What was done is being undone.
    Undoing,
    /// Everything was undone.
    Failed,
    /// It was taken back.
    Cancelled,
    /// It got no place.
    Refused,
}

/// How a deal stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Counts {
    pub(crate) remaining: i64,
    pub(crate) reserved: i64,
    pub(crate) places: u64,
    pub(crate) seats: u64,
    pub(crate) waiting: u64,
    pub(crate) last_ticket: u64,
    pub(crate) version: u64,
}

/// An answer. `id` is the mark of the investment's id, `body` that of the whole text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Said {
    /// The first answer to who is not refused.
    Ticket { ticket: u64, id: u64, standing: Standing },
    /// The same, asked again. `Either`: it may have been this client's own first.
    Again { ticket: u64, id: u64, standing: Standing, replay: Replay },
    /// Refused for good, with this code.
    Refused { code: String, ticket: u64, id: u64, body: u64, replay: Replay },
    /// The key was used for something else.
    Reused,
    /// Where an investment stands.
    Is { ticket: u64, standing: Standing },
    /// How the deal stands.
    Stands(Counts),
}

/// A point in time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Point {
    /// The deal gives a ticket, or knows the key.
    Decides(u32, Invest),
    /// The investment leaves the line, or begins to be undone.
    Stops(u32),
    /// It is seen where the investment stands.
    Looks(u32),
    /// The investment's place is free.
    Frees(u32),
    /// The deal is seen.
    Reads,
}

/// What became of a key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Given {
    asked: Invest,
    ticket: u64,
    id: Option<u64>,
    became: Became,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Became {
    Waiting,
    Placed,
    Freed,
    Withdrawn,
    /// No longer in line, because no place can come.
    Unplaced,
    Refused {
        code: &'static str,
        body: Option<u64>,
    },
}

/// A deal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Deal {
    amount: i64,
    seats: usize,
    keys: BTreeMap<u32, Given>,
    /// The keys that wait, the longest waiting first.
    line: Vec<u32>,
    /// The keys that somebody took back while they had a place.
    stopped: BTreeSet<u32>,
    last_ticket: u64,
    version: u64,
}

impl Deal {
    /// A deal that was just opened.
    pub(crate) fn new(amount: i64, seats: usize) -> Self {
        Self {
            amount,
            seats,
            keys: BTreeMap::new(),
            line: Vec::new(),
            stopped: BTreeSet::new(),
            last_ticket: 0,
            version: 1,
        }
    }

    fn placed(&self) -> impl Iterator<Item = &Invest> {
        let placed = self.keys.values().filter(|given| given.became == Became::Placed);
        placed.map(|given| &given.asked)
    }

    fn reserved(&self) -> i64 {
        self.placed().map(|asked| asked.amount).sum()
    }

    fn seated(&self) -> BTreeSet<u32> {
        self.placed().map(|asked| asked.wallet).collect()
    }

    fn fits(&self, asked: &Invest) -> bool {
        let seated = self.seated();
        asked.amount <= self.amount - self.reserved()
            && (seated.len() < self.seats || seated.contains(&asked.wallet))
    }

    /// Decides what is asked for under a new key.
    fn decide(&mut self, key: u32, asked: &Invest) {
        let has_hope = asked.amount <= self.amount && self.placed().next().is_some();
        let became = if self.fits(asked) {
            Became::Placed
        } else if asked.if_full == IfFull::Wait && has_hope {
            self.line.push(key);
            Became::Waiting
        } else {
            let seated = self.seated();
            let is_full = seated.len() >= self.seats && !seated.contains(&asked.wallet);
            let code = if is_full { "deal-full" } else { "amount-exceeds-remaining" };
            Became::Refused { code, body: None }
        };
        self.last_ticket += 1;
        self.version += 1;
        let given = Given { asked: asked.clone(), ticket: self.last_ticket, id: None, became };
        self.keys.insert(key, given);
    }

    fn become_(&mut self, key: u32, became: Became) {
        self.keys.get_mut(&key).expect("it was given").became = became;
    }

    /// A place is free: the line moves up. Nothing happens when there is no place to free.
    fn free(&mut self, key: u32) {
        let may_end = self.keys.get(&key).is_some_and(|given| {
            let ends = given.asked.wallet >= POOR || self.stopped.contains(&key);
            given.became == Became::Placed && ends
        });
        if !may_end {
            return;
        }
        self.version += 1;
        self.become_(key, Became::Freed);
        for key in self.line.clone() {
            if self.fits(&self.keys[&key].asked) {
                self.become_(key, Became::Placed);
                self.line.retain(|waiting| *waiting != key);
            }
        }
        if self.placed().next().is_none() {
            for key in std::mem::take(&mut self.line) {
                self.become_(key, Became::Unplaced);
            }
        }
    }

    /// Somebody takes an investment back.
    fn stop(&mut self, key: u32) {
        match self.keys.get(&key).map(|given| &given.became) {
            Some(Became::Waiting) => {
                self.version += 1;
                self.line.retain(|waiting| *waiting != key);
                self.become_(key, Became::Withdrawn);
            }
            Some(Became::Placed) => {
                self.stopped.insert(key);
            }
            Some(Became::Freed | Became::Withdrawn | Became::Unplaced | Became::Refused { .. })
            | None => {}
        }
    }

    /// Whether an investment may be seen so.
    fn is_seen(&self, key: u32, standing: Standing) -> bool {
        let Some(given) = self.keys.get(&key) else { return false };
        let ends = given.asked.wallet >= POOR || self.stopped.contains(&key);
        match given.became {
            Became::Waiting => {
                let place = self.line.iter().position(|waiting| *waiting == key);
                place
                    .and_then(|place| u64::try_from(place + 1).ok())
                    .is_some_and(|position| standing == Standing::Waiting(position))
            }
            Became::Placed => standing == Standing::Placed || ends && standing == Standing::Undoing,
            Became::Freed => {
                matches!(standing, Standing::Undoing | Standing::Failed)
                    || self.stopped.contains(&key) && standing == Standing::Cancelled
            }
            Became::Withdrawn => standing == Standing::Cancelled,
            Became::Unplaced | Became::Refused { .. } => standing == Standing::Refused,
        }
    }

    /// Whether the key has this ticket and this investment. The first id is kept.
    fn has(&mut self, key: u32, ticket: u64, id: u64) -> bool {
        let Some(given) = self.keys.get_mut(&key) else { return false };
        given.ticket == ticket && *given.id.get_or_insert(id) == id
    }

    /// Whether this may be answered under a key.
    fn decides(&mut self, key: u32, asked: &Invest, said: &Said) -> bool {
        let known = self.keys.get(&key).map(|given| given.asked == *asked);
        let replay = match said {
            Said::Reused => return known == Some(false),
            Said::Ticket { .. } => Replay::No,
            Said::Again { replay, .. } | Said::Refused { replay, .. } => *replay,
            Said::Is { .. } | Said::Stands(_) => return false,
        };
        match (known, replay) {
            (Some(false), _) | (Some(true), Replay::No) | (None, Replay::Yes) => return false,
            (Some(true), Replay::Yes | Replay::Either) => {}
            (None, Replay::No | Replay::Either) => self.decide(key, asked),
        }
        match said {
            Said::Ticket { ticket, id, standing } => {
                self.is_seen(key, *standing) && self.has(key, *ticket, *id)
            }
            Said::Again { ticket, id, .. } => {
                let refused = matches!(self.keys[&key].became, Became::Refused { .. });
                !refused && self.has(key, *ticket, *id)
            }
            Said::Refused { code, ticket, id, body, .. } => {
                let given = self.keys.get_mut(&key).expect("it was decided");
                let is_same = match &mut given.became {
                    Became::Refused { code: c, body: first } => {
                        c == code && *first.get_or_insert(*body) == *body
                    }
                    Became::Waiting
                    | Became::Placed
                    | Became::Freed
                    | Became::Withdrawn
                    | Became::Unplaced => false,
                };
                is_same && self.has(key, *ticket, *id)
            }
            Said::Reused | Said::Is { .. } | Said::Stands(_) => false,
        }
    }

    fn counts(&self) -> Counts {
        let number = |length: usize| u64::try_from(length).expect("a length is a u64");
        Counts {
            remaining: self.amount - self.reserved(),
            reserved: self.reserved(),
            places: number(self.placed().count()),
            seats: number(self.seated().len()),
            waiting: number(self.line.len()),
            last_ticket: self.last_ticket,
            version: self.version,
        }
    }
}

impl SequentialSpec for Deal {
    type Op = Point;
    type Ret = Option<Said>;

    fn invoke(&mut self, point: &Point) -> Option<Said> {
        match point {
            Point::Decides(key, asked) => {
                if !self.keys.contains_key(key) {
                    self.decide(*key, asked);
                }
            }
            Point::Stops(key) => self.stop(*key),
            Point::Frees(key) => self.free(*key),
            Point::Looks(_) | Point::Reads => {}
        }
        None
    }

    fn is_valid_step(&mut self, point: &Point, said: &Option<Said>) -> bool {
        let Some(said) = said else { return false };
        match (point, said) {
            (Point::Decides(key, asked), said) => self.decides(*key, asked, said),
            (Point::Stops(key), Said::Is { .. }) => {
                self.stop(*key);
                self.keys.contains_key(key)
            }
            (Point::Looks(key), Said::Is { ticket, standing }) => {
                self.is_seen(*key, *standing) && self.keys[key].ticket == *ticket
            }
            (Point::Reads, Said::Stands(counts)) => *counts == self.counts(),
            (Point::Stops(_) | Point::Looks(_) | Point::Frees(_) | Point::Reads, _) => false,
        }
    }
}

impl Specification for Deal {
    type Wish = Wish;
    type Said = Said;

    fn points(wish: &Wish, said: Option<&Said>) -> Vec<(Point, Option<Option<Said>>)> {
        let is = |ticket: &u64, standing: &Standing| {
            Some(Some(Said::Is { ticket: *ticket, standing: *standing }))
        };
        match (wish, said) {
            (Wish::Look(_) | Wish::Read, None) => Vec::new(),
            (Wish::Read, Some(said)) => vec![(Point::Reads, Some(Some(said.clone())))],
            (Wish::Look(key), Some(said)) => vec![(Point::Looks(*key), Some(Some(said.clone())))],
            (Wish::Cancel(key), None) => {
                vec![(Point::Stops(*key), None), (Point::Frees(*key), None)]
            }
            (Wish::Cancel(key), Some(said)) => vec![
                (Point::Stops(*key), Some(Some(said.clone()))),
                (Point::Looks(*key), Some(Some(said.clone()))),
                (Point::Frees(*key), None),
            ],
            (Wish::Invest(key, asked), said) => {
                let mut points =
                    vec![(Point::Decides(*key, asked.clone()), said.cloned().map(Some))];
                if let Some(Said::Again { ticket, standing, .. }) = said {
                    points.push((Point::Looks(*key), is(ticket, standing)));
                }
                let may_be_first = match said {
                    None | Some(Said::Ticket { .. }) => true,
                    Some(Said::Again { replay, .. }) => *replay != Replay::Yes,
                    Some(_) => false,
                };
                if asked.wallet >= POOR && may_be_first {
                    points.push((Point::Frees(*key), None));
                }
                points
            }
        }
    }
}
