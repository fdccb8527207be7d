//! What a wallet may answer, one request at a time.
//!
//! A balance, the keys with what was answered under them, what is left of each payment, and how
//! many decisions there were. Nothing of the server's rules is used. A refund is two points: it is
//! asked for (from then on no more than the rest can be asked for), and its money arrives.
//!
//! What the specification holds besides the balance: a key has one answer to the letter, and says
//! that it is a replay from the second time on; with other content it is refused and leaves no
//! trace; the position of what was booked only grows; a read counts the decisions (`version`).

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

use crate::history::Specification;

/// A request. Amounts are in hundredths; a key stands for its number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Wish {
    /// Money from outside.
    Deposit { key: u32, amount: i64 },
    /// Money to the provider.
    Pay { key: u32, amount: i64 },
    /// Money back, of the payment made under a key.
    Refund { key: u32, payment: u32, amount: i64 },
    /// A look.
    Read,
}

impl Wish {
    /// Its key.
    pub(crate) fn key(&self) -> Option<u32> {
        match self {
            Self::Deposit { key, .. } | Self::Pay { key, .. } | Self::Refund { key, .. } => {
                Some(*key)
            }
            Self::Read => None,
        }
    }
}

/// Whether an answer says that it is a replay.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Replay {
    /// It says that it is none.
    No,
    /// It says that it is one.
    Yes,
    /// It cannot be told: the request was sent more than once.
    Either,
}

/// An answer. `body` is the mark of its whole text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Said {
    /// It was done.
    Booked { balance: i64, seq: u64, body: u64, replay: Replay },
    /// It was refused for good, with this code.
    Refused { code: String, body: u64, replay: Replay },
    /// The key was used for something else.
    Reused,
    /// How the wallet stands.
    Stands { posted: i64, held: i64, version: u64 },
}

/// A point in time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Point {
    /// The wallet decides.
    Decides(Wish),
    /// The money of the refund under this key arrives.
    Arrives(u32),
}

/// What is answered at a point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// The answer to the request.
    Said(Said),
    /// The refund was taken; its money comes later.
    Taken(Replay),
    /// Nobody was answered.
    Nobody,
}

/// How a request came out. The mark is known once somebody was answered. What was booked has a
/// position behind all that were known then.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Outcome {
    Booked { balance: i64, after: u64, body: Option<u64> },
    Refused { code: &'static str, body: Option<u64> },
    OnItsWay,
}

/// A wallet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Wallet {
    balance: i64,
    version: u64,
    seq: u64,
    keys: BTreeMap<u32, (Wish, Outcome)>,
    /// What is left to refund of each payment, by its key.
    left: BTreeMap<u32, i64>,
}

impl Wallet {
    /// A wallet with this balance after so many decisions.
    pub(crate) fn new(balance: i64, version: u64) -> Self {
        Self { balance, version, seq: 0, keys: BTreeMap::new(), left: BTreeMap::new() }
    }

    /// Decides a request whose key is new.
    fn decide(&mut self, wish: &Wish) {
        let Some(key) = wish.key() else { return };
        let outcome = match *wish {
            Wish::Deposit { amount, .. } => self.book(amount),
            Wish::Pay { amount, .. } if amount > self.balance => {
                Outcome::Refused { code: "insufficient-funds", body: None }
            }
            Wish::Pay { amount, .. } => {
                self.left.insert(key, amount);
                self.book(-amount)
            }
            Wish::Refund { payment, amount, .. } => match self.left.get_mut(&payment) {
                Some(left) if amount <= *left => {
                    *left -= amount;
                    Outcome::OnItsWay
                }
                Some(_) => Outcome::Refused { code: "refund-exceeds-payment", body: None },
                None => Outcome::Refused { code: "payment-not-found", body: None },
            },
            Wish::Read => unreachable!("a read has no key"),
        };
        self.version += 1;
        self.keys.insert(key, (wish.clone(), outcome));
    }

    fn book(&mut self, amount: i64) -> Outcome {
        self.balance += amount;
        Outcome::Booked { balance: self.balance, after: self.seq, body: None }
    }

    /// The money of a refund arrives, unless it has.
    fn arrive(&mut self, key: u32) {
        if let Some((Wish::Refund { amount, .. }, outcome)) = self.keys.get_mut(&key)
            && *outcome == Outcome::OnItsWay
        {
            self.balance += *amount;
            self.version += 1;
            *outcome = Outcome::Booked { balance: self.balance, after: self.seq, body: None };
        }
    }

    /// Whether this may be answered under a key that is decided. The first answer is kept.
    fn fits(&mut self, key: u32, said: &Said) -> bool {
        let Some((_, outcome)) = self.keys.get_mut(&key) else { return false };
        match (outcome, said) {
            (
                Outcome::Booked { balance, after, body },
                Said::Booked { balance: b, body: text, seq, .. },
            ) => {
                // What came out before others, and is heard of only now, has an older position.
                self.seq = self.seq.max(*seq);
                balance == b && *seq > *after && *body.get_or_insert(*text) == *text
            }
            (Outcome::Refused { code, body }, Said::Refused { code: c, body: text, .. }) => {
                code == c && *body.get_or_insert(*text) == *text
            }
            (Outcome::Booked { .. } | Outcome::Refused { .. } | Outcome::OnItsWay, _) => false,
        }
    }

    fn decides(&mut self, wish: &Wish, answer: &Answer) -> bool {
        let Some(key) = wish.key() else {
            let Answer::Said(Said::Stands { posted, held, version }) = answer else { return false };
            return (*posted, *held, *version) == (self.balance, 0, self.version);
        };
        let known = self.keys.get(&key).map(|(first, _)| first == wish);
        let replay = match answer {
            Answer::Said(Said::Reused) => return known == Some(false),
            Answer::Said(Said::Booked { replay, .. } | Said::Refused { replay, .. })
            | Answer::Taken(replay) => *replay,
            Answer::Said(Said::Stands { .. }) | Answer::Nobody => return false,
        };
        match (known, replay) {
            (Some(false), _) | (Some(true), Replay::No) | (None, Replay::Yes) => return false,
            (Some(true), Replay::Yes | Replay::Either) => {}
            (None, Replay::No | Replay::Either) => self.decide(wish),
        }
        match answer {
            Answer::Said(said) => self.fits(key, said),
            Answer::Taken(_) => {
                !matches!(self.keys.get(&key), None | Some((_, Outcome::Refused { .. })))
            }
            Answer::Nobody => false,
        }
    }
}

impl SequentialSpec for Wallet {
    type Op = Point;
    type Ret = Answer;

    fn invoke(&mut self, point: &Point) -> Answer {
        match point {
            Point::Decides(wish) => {
                if wish.key().is_some_and(|key| !self.keys.contains_key(&key)) {
                    self.decide(wish);
                }
            }
            Point::Arrives(key) => self.arrive(*key),
        }
        Answer::Nobody
    }

    fn is_valid_step(&mut self, point: &Point, answer: &Answer) -> bool {
        match (point, answer) {
            (Point::Decides(wish), answer) => self.decides(wish, answer),
            (Point::Arrives(key), Answer::Said(said)) => {
                self.arrive(*key);
                self.fits(*key, said)
            }
            (Point::Arrives(_), Answer::Taken(_) | Answer::Nobody) => false,
        }
    }
}

impl Specification for Wallet {
    type Wish = Wish;
    type Said = Said;

    fn points(wish: &Wish, said: Option<&Said>) -> Vec<(Point, Option<Answer>)> {
        let decides = Point::Decides(wish.clone());
        match (wish, said) {
            (Wish::Read, None) => Vec::new(),
            (Wish::Refund { key, .. }, None) => {
                vec![(decides, None), (Point::Arrives(*key), None)]
            }
            (Wish::Refund { key, .. }, Some(said @ Said::Booked { replay, .. })) => vec![
                (decides, Some(Answer::Taken(*replay))),
                (Point::Arrives(*key), Some(Answer::Said(said.clone()))),
            ],
            (Wish::Deposit { .. } | Wish::Pay { .. } | Wish::Refund { .. } | Wish::Read, said) => {
                vec![(decides, said.cloned().map(Answer::Said))]
            }
        }
    }
}
