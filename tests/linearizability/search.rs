//! Keeps the checker's search short, without changing what it says.
//!
//! stateright's tester tries the orders of a history depth first. It forgets what it tried, so a
//! history that is wrong at its end costs every order of everything before; and it tries requests
//! that nobody was answered in every order, however senseless. It is used as it is; what helps it
//! is in the specification that it clones at each step:
//!
//! - Orders that took the same requests and came to the same state have the same future (Lowe,
//!   "Testing for linearizability", 2017). A step into such a place is refused the second time.
//! - A request that nobody was answered is told to the tester as one that is answered last of all.
//!   It is taken where it changes something, or after everything that was answered, where nobody
//!   can tell any more; so "never" is "last".
//!
//! Invariants: the verdict is that of the plain specification (`by_hand` compares them on its
//! histories); a search that passes [`PLACES_MAX`] fails the test, it never says yes or no.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use stateright::semantics::SequentialSpec;

/// More places than a history of these tests may need.
const PLACES_MAX: usize = 2_000_000;

/// How many points a history may have.
pub(crate) const POINTS_MAX: usize = 128;

/// A place of the search: which points were taken, and the mark of the state they led to.
type Place = (u128, u64);

/// An operation with its number in the history.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<O> {
    /// Its number.
    pub(crate) number: usize,
    /// What it is.
    pub(crate) operation: O,
}

/// How a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// With all that helps.
    Short,
    /// As the tester has it by itself.
    Plain,
}

/// A specification that is led to no place twice.
#[derive(Clone, Debug)]
pub(crate) struct Searched<S> {
    state: S,
    manner: Manner,
    taken: u128,
    answered: u128,
    places: Rc<RefCell<HashSet<Place>>>,
}

impl<S: Hash> Searched<S> {
    /// A search that begins in this state; the points of these bits were answered.
    pub(crate) fn new(state: S, answered: u128, manner: Manner) -> Self {
        Self { state, manner, taken: 0, answered, places: Rc::default() }
    }

    /// How many places were seen, as it grows.
    pub(crate) fn places(&self) -> Rc<RefCell<HashSet<Place>>> {
        Rc::clone(&self.places)
    }

    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.state.hash(&mut hasher);
        hasher.finish()
    }

    /// Takes a point; whether that leads to a new place.
    fn enter(&mut self, number: usize) -> bool {
        if self.manner == Manner::Plain {
            return true;
        }
        self.taken |= 1 << number;
        let place = (self.taken, self.mark());
        let mut places = self.places.borrow_mut();
        assert!(places.len() < PLACES_MAX, "the history is too long or too concurrent to check");
        places.insert(place)
    }

    /// Whether nothing that was answered is left.
    fn is_at_the_end(&self) -> bool {
        self.manner == Manner::Short && self.answered & !self.taken == 0
    }
}

impl<S: SequentialSpec + Hash> SequentialSpec for Searched<S> {
    type Op = Numbered<S::Op>;
    type Ret = Option<S::Ret>;

    fn invoke(&mut self, _: &Self::Op) -> Self::Ret {
        unreachable!("every point is told with an answer, or that there is none")
    }

    fn is_valid_step(&mut self, point: &Self::Op, answer: &Self::Ret) -> bool {
        let is_valid = match answer {
            Some(answer) => self.state.is_valid_step(&point.operation, answer),
            None if self.is_at_the_end() => true,
            None => {
                let before = self.mark();
                self.state.invoke(&point.operation);
                self.manner == Manner::Plain || self.mark() != before
            }
        };
        is_valid && self.enter(point.number)
    }
}
