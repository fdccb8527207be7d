//! Makes the checker's search remember where it has been.
//!
//! stateright's tester tries the orders of a history depth first and forgets what it tried: a
//! history that is wrong at its end costs every order of everything before. Orders that took the
//! same requests and came to the same state have the same future (Lowe, "Testing for
//! linearizability", 2017), so a [`Searched`] specification refuses a step into such a place the
//! second time. The tester is used as it is; the memory sits in the specification that it clones.
//!
//! Invariants: the verdict is that of the plain specification (`by_hand` compares them on drawn
//! histories); a search that passes [`PLACES_MAX`] fails the test, it never says yes or no.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use stateright::semantics::SequentialSpec;

/// More places than a history of these tests may need.
const PLACES_MAX: usize = 2_000_000;

/// How many requests a place can tell apart.
const PLACE_BITS: usize = 128;

/// A place of the search: which requests were taken, and the mark of the state they led to.
type Place = (u128, u64);

/// An operation with its number in the history, below 128.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<O> {
    /// Its number.
    pub(crate) number: usize,
    /// What it is.
    pub(crate) operation: O,
}

/// A specification that is led to no place twice.
#[derive(Clone, Debug)]
pub(crate) struct Searched<S> {
    state: S,
    taken: u128,
    /// Led to a place where it had been, by an operation that nobody was answered.
    is_dead: bool,
    memory: Memory,
    places: Rc<RefCell<HashSet<Place>>>,
}

/// Whether a search remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Memory {
    Keeps,
    Forgets,
}

impl<S: Hash> Searched<S> {
    /// A search that begins in this state.
    pub(crate) fn new(state: S) -> Self {
        let memory = Memory::Keeps;
        Self { state, taken: 0, is_dead: false, memory, places: Rc::default() }
    }

    /// The same as the tester has it by itself.
    pub(crate) fn forgetful(state: S) -> Self {
        Self { memory: Memory::Forgets, ..Self::new(state) }
    }

    /// How many places were seen.
    pub(crate) fn places(&self) -> Rc<RefCell<HashSet<Place>>> {
        Rc::clone(&self.places)
    }

    /// Takes an operation; whether that leads to a new place.
    fn enter(&mut self, number: usize) -> bool {
        if self.memory == Memory::Forgets {
            return true;
        }
        assert!(number < PLACE_BITS, "the history is too long for the numbers of its requests");
        self.taken |= 1 << number;
        let mut hasher = DefaultHasher::new();
        self.state.hash(&mut hasher);
        let mut places = self.places.borrow_mut();
        assert!(places.len() < PLACES_MAX, "the history is too long or too concurrent to check");
        places.insert((self.taken, hasher.finish()))
    }
}

impl<S: SequentialSpec + Hash> SequentialSpec for Searched<S> {
    type Op = Numbered<S::Op>;
    type Ret = S::Ret;

    fn invoke(&mut self, operation: &Self::Op) -> S::Ret {
        let answer = self.state.invoke(&operation.operation);
        let is_new = self.enter(operation.number);
        self.is_dead |= !is_new;
        answer
    }

    fn is_valid_step(&mut self, operation: &Self::Op, answer: &S::Ret) -> bool {
        !self.is_dead
            && self.state.is_valid_step(&operation.operation, answer)
            && self.enter(operation.number)
    }
}
