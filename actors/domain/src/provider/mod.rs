//! A provider: a business that receives payments and is reimbursed on its calendar, or at once.
//!
//! What it received, and what it is owed for activities it submitted, accrues. Refunds go out of
//! it; where it does not hold enough, it goes below zero and the next payments fill it up again, as
//! at any acquirer. At the end of a period what is accrued is sent to its bank by a saga; what is
//! declined comes back. Its sums are wider than an [`crate::money::Amount`], because a payment that
//! left its wallet cannot be refused.
//!
//! `command` says what may be asked, `event` what may happen and what follows from it, `rules`
//! decides, `judge` for submitted activities, `period` when periods end, `books` writes events into
//! the state; this file holds the state and its form on disk.
//!
//! Invariant: accrued + in reimbursement + reimbursed = received + activities - refunded.

pub mod activity;
mod books;
pub mod command;
pub mod event;
mod judge;
pub mod period;
mod rules;
pub mod settlement;
mod summary;

use std::sync::Arc;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::key::Index;
use crate::message::Marks;
use crate::money::Total;
use books::Books;

pub use activity::{Activity, ActivityLine, LineAnswer, LineRefusal, LineVerdict};
pub use books::Pending;
pub use command::{Activities, Command};
pub use event::{Event, Received, RefundSent};
pub use period::{Period, Sum, Sums};
pub use settlement::{Settlement, Terms};
pub use summary::Summary;

/// What is said of a provider when it is registered.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Profile {
    /// The name that customers see.
    pub name: Box<str>,
    /// The one currency it takes.
    pub currency: Currency,
    /// How it is paid, as said then.
    pub settlement: Settlement,
    /// Where it is reimbursed to: a token at the processor.
    pub account: Box<str>,
}

/// The state of a provider. Before `Registered` it has no books.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    books: Option<Books>,
    marks: Marks,
    activities: Index,
}

impl Provider {
    /// The activities that are known: from their slots to the marks of their content. Older
    /// entries are on disk.
    pub fn activities(&self) -> &Index {
        &self.activities
    }

    /// The same, for forgetting what a save wrote.
    pub fn activities_mut(&mut self) -> &mut Index {
        &mut self.activities
    }
}

/// The first byte on disk: how the state is laid out. The first two are those of an `Option`,
/// because the first release wrote (profile or none, accrued, marks).
mod layout {
    /// No provider.
    pub(super) const NOTHING: u8 = 0;
    /// The first release's: profile, accrued, marks.
    pub(super) const FIRST: u8 = 1;
    /// That, and: terms, pending, reimbursed, earned, number, period, declines, whether on hold,
    /// previous, the index of activities.
    pub(super) const PERIODS: u8 = 2;
}

/// What the first release could say is written as it did.
impl Encode for Provider {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let Some(books) = &self.books else {
            layout::NOTHING.encode(encoder)?;
            Total::ZERO.encode(encoder)?;
            return self.marks.encode(encoder);
        };
        let is_first = *books == Books::registered(Arc::clone(&books.profile), books.accrued);
        assert!(!is_first || self.activities.is_empty(), "activities come with a period");
        if is_first { layout::FIRST } else { layout::PERIODS }.encode(encoder)?;
        books.profile.encode(encoder)?;
        books.accrued.encode(encoder)?;
        self.marks.encode(encoder)?;
        if is_first {
            return Ok(());
        }
        books.terms.encode(encoder)?;
        books.pending.encode(encoder)?;
        books.reimbursed.encode(encoder)?;
        books.earned.encode(encoder)?;
        books.number.encode(encoder)?;
        books.period.encode(encoder)?;
        books.declines.encode(encoder)?;
        books.on_hold.encode(encoder)?;
        books.previous.encode(encoder)?;
        self.activities.encode(encoder)
    }
}

impl<C> Decode<C> for Provider {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let layout = u8::decode(decoder)?;
        if layout == layout::NOTHING {
            Total::decode(decoder)?;
            let marks = Marks::decode(decoder)?;
            return Ok(Self { marks, ..Self::default() });
        }
        if layout > layout::PERIODS {
            return Err(DecodeError::OtherString(format!("no layout of a provider: {layout}")));
        }
        let (profile, accrued) = (Arc::new(Profile::decode(decoder)?), Total::decode(decoder)?);
        let marks = Marks::decode(decoder)?;
        let mut provider = Self { books: None, marks, activities: Index::default() };
        let mut books = Books::registered(profile, accrued);
        if layout == layout::PERIODS {
            books.terms = Arc::new(Terms::decode(decoder)?);
            books.pending = Option::decode(decoder)?;
            books.reimbursed = Total::decode(decoder)?;
            books.earned = Total::decode(decoder)?;
            books.number = u64::decode(decoder)?;
            books.period = Option::decode(decoder)?;
            books.declines = u32::decode(decoder)?;
            books.on_hold = bool::decode(decoder)?;
            books.previous = Option::decode(decoder)?;
            provider.activities = Index::decode(decoder)?;
        }
        provider.books = Some(books);
        Ok(provider)
    }
}

bincode::impl_borrow_decode!(Provider);
