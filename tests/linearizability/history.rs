//! What happened to one entity, in the order in which it happened, and whether it may have.
//!
//! A [`History`] is a list of calls and answers. A call without an answer (a client that gave up)
//! may have been decided at any time after it, or never: it is a thread of its own, whose answer
//! comes after everything else. A request that does two things one after the other (a refund asks first and
//! has the money later) is two points with the same beginning and end.
//!
//! Invariants: entries are appended while the request is not yet sent, or the answer wholly read,
//! so that the order of entries never claims more than real time does; a history's wrong end is
//! named by its shortest prefix that is wrong, because every prefix of a right history is right.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::hash::Hash;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::search::{Manner, Numbered, POINTS_MAX, Searched};

/// The first thread of calls that were never answered; they are tried last.
const UNANSWERED: usize = 1_000;

/// The most points that one request stands for.
const OF_WISH_MAX: usize = 4;

type Tester<S> = LinearizabilityTester<usize, Searched<S>>;

/// A point of a call, as the tester is told.
#[derive(Debug)]
struct Point<O, R> {
    call: usize,
    number: usize,
    thread: usize,
    operation: O,
    answer: Option<R>,
}

type Told<S> = Point<<S as SequentialSpec>::Op, <S as SequentialSpec>::Ret>;

/// A specification, and how requests are seen in it.
pub(crate) trait Specification:
    SequentialSpec<Op: Clone + Debug, Ret: Clone + Debug> + Clone + Debug + Hash
{
    /// A request.
    type Wish: Clone + Debug;
    /// What was answered to it.
    type Said: Clone + Debug;

    /// The points in time that a request stands for, each with its answer. A point without an
    /// answer may be at any time after the call, or never.
    fn points(wish: &Self::Wish, said: Option<&Self::Said>) -> Vec<(Self::Op, Option<Self::Ret>)>;
}

/// A call or an answer.
#[derive(Clone, Debug)]
enum Entry<W, A> {
    Call { number: usize, client: usize, wish: W },
    Answer { number: usize, said: A },
}

/// Calls and answers in the order in which they happened.
#[derive(Clone, Debug)]
pub(crate) struct History<S: Specification> {
    begins: S,
    entries: Vec<Entry<S::Wish, S::Said>>,
    calls: usize,
}

impl<S: Specification> History<S> {
    /// Nothing has happened yet to an entity in this state.
    pub(crate) fn new(begins: S) -> Self {
        Self { begins, entries: Vec::new(), calls: 0 }
    }

    /// A client is about to send this. Returns its number.
    pub(crate) fn call(&mut self, client: usize, wish: S::Wish) -> usize {
        let number = self.calls;
        self.calls += 1;
        self.entries.push(Entry::Call { number, client, wish });
        number
    }

    /// This was answered to the call of this number.
    pub(crate) fn answer(&mut self, number: usize, said: S::Said) {
        self.entries.push(Entry::Answer { number, said });
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Everything that was asked for, answered or not.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &S::Wish> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Call { wish, .. } => Some(wish),
            Entry::Answer { .. } => None,
        })
    }

    /// Everything that was answered, with what was asked for, in the order of the answers.
    pub(crate) fn answers(&mut self) -> Vec<(S::Wish, &mut S::Said)> {
        let wishes: Vec<_> = self.wishes().cloned().collect();
        let said = self.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Call { .. } => None,
            Entry::Answer { number, said } => Some((wishes[*number].clone(), said)),
        });
        said.collect()
    }

    /// How many places the search saw; or, when no order of the requests explains the answers, the
    /// history up to the first answer that cannot be explained.
    pub(crate) fn check(&self) -> Result<usize, String> {
        if let Some(places) = self.explained(self.entries.len()) {
            return Ok(places);
        }
        // The first prefix without an explanation: below `right` there is one, from `wrong` not.
        let (mut right, mut wrong) = (0, self.entries.len());
        while wrong - right > 1 {
            let middle = usize::midpoint(right, wrong);
            if self.explained(middle).is_some() {
                right = middle;
            } else {
                wrong = middle;
            }
        }
        Err(self.text(wrong))
    }

    /// Fails unless some order explains the answers.
    pub(crate) fn assert_linearizable(&self, whose: &str) -> usize {
        self.check().unwrap_or_else(|text| panic!("{whose} is not linearizable:\n{text}"))
    }

    /// A client that asks and is answered before anything else happens.
    pub(crate) fn then(mut self, client: usize, wish: S::Wish, said: S::Said) -> Self {
        let number = self.call(client, wish);
        self.answer(number, said);
        self
    }

    /// Fails unless this history is accepted, by the tester alone, too.
    pub(crate) fn accepted(&self) {
        self.assert_linearizable("this history");
        assert!(self.is_explained_plainly(), "the tester alone does not accept it");
    }

    /// Fails unless this history is refused, and named by this last line.
    pub(crate) fn found(&self, last: &str) {
        let text = self.check().expect_err("this history is wrong");
        assert!(text.lines().last().is_some_and(|line| line.contains(last)), "{last}: {text}");
        assert!(!self.is_explained_plainly(), "the tester alone accepts it");
    }

    /// Whether some order explains the first entries; then, how many places the search saw.
    fn explained(&self, length: usize) -> Option<usize> {
        let points = self.points(length);
        let answered = points.iter().filter(|point| point.answer.is_some());
        let answered = answered.fold(0, |bits, point| bits | 1 << point.number);
        let searched = Searched::new(self.begins.clone(), answered, Manner::Short);
        let places = searched.places();
        let found = self.tester(searched, points, length).is_consistent();
        let places = places.borrow().len();
        found.then_some(places)
    }

    /// Whether some order explains all of it.
    pub(crate) fn is_explained(&self) -> bool {
        self.explained(self.entries.len()).is_some()
    }

    /// The same, found by the tester alone.
    pub(crate) fn is_explained_plainly(&self) -> bool {
        let searched = Searched::new(self.begins.clone(), 0, Manner::Plain);
        let length = self.entries.len();
        self.tester(searched, self.points(length), length).is_consistent()
    }

    /// The points of the first entries, in the order of their calls.
    fn points(&self, length: usize) -> Vec<Told<S>> {
        let entries = &self.entries[..length];
        let said: BTreeMap<_, _> = entries.iter().filter_map(Entry::answered).collect();
        let mut points = Vec::new();
        for entry in entries {
            let Entry::Call { number: call, client, wish } = entry else { continue };
            let of_wish = S::points(wish, said.get(call).copied());
            assert!(of_wish.len() <= OF_WISH_MAX, "{wish:?}");
            for (index, (operation, answer)) in of_wish.into_iter().enumerate() {
                let number = points.len();
                let thread = match &answer {
                    Some(_) => client * OF_WISH_MAX + index,
                    None => UNANSWERED + number,
                };
                points.push(Point { call: *call, number, thread, operation, answer });
            }
        }
        assert!(points.len() <= POINTS_MAX, "the history is too long: {}", points.len());
        points
    }

    /// A tester that was told these points of the first entries.
    fn tester(&self, begins: Searched<S>, points: Vec<Told<S>>, length: usize) -> Tester<S> {
        let mut tester = LinearizabilityTester::new(begins);
        let mut of_calls = BTreeMap::<_, Vec<_>>::new();
        for point in points {
            of_calls.entry(point.call).or_default().push(point);
        }
        for entry in &self.entries[..length] {
            match entry {
                Entry::Call { number, .. } => {
                    for point in of_calls.get(number).into_iter().flatten() {
                        let (number, operation) = (point.number, point.operation.clone());
                        let called = tester.on_invoke(point.thread, Numbered { number, operation });
                        called.expect("a client waits for its answer");
                    }
                }
                Entry::Answer { number, .. } => {
                    let points = of_calls.get_mut(number).expect("it was called");
                    for point in points.extract_if(.., |point| point.answer.is_some()) {
                        tester.on_return(point.thread, point.answer).expect("it was called");
                    }
                }
            }
        }
        for point in of_calls.into_values().flatten() {
            tester.on_return(point.thread, point.answer).expect("it was called");
        }
        tester
    }

    fn text(&self, length: usize) -> String {
        let mut text = format!("it begins with {:?}\n", self.begins);
        for entry in &self.entries[..length] {
            writeln!(text, "{entry:?}").expect("text can be written to");
        }
        text
    }
}

impl<W, A> Entry<W, A> {
    fn answered(&self) -> Option<(usize, &A)> {
        match self {
            Self::Call { .. } => None,
            Self::Answer { number, said } => Some((*number, said)),
        }
    }
}
