//! How a provider is paid: on a calendar, or at once.
//!
//! On a calendar, what accrued in a period is paid at its end. At once, each payment goes to the
//! provider's bank before the payer's wallet books it, so nothing of it ever accrues.
//!
//! The first release knew only calendars, and its records and snapshots have a bare [`Cadence`]
//! here. So a calendar is written as a cadence is, and `Immediate` as one more period: a number
//! that no cadence has. Invariant: what a released version wrote reads back as `OnCalendar`, and
//! is written again to the same bytes.

use std::sync::Arc;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use crate::cadence::{Cadence, Every};
use crate::key::ContentMark;

/// How a provider is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// What accrued is paid at the end of each period.
    OnCalendar(Cadence),
    /// Each payment is settled at once.
    Immediate,
}

impl Settlement {
    /// The calendar, if there is one.
    pub const fn cadence(&self) -> Option<&Cadence> {
        match self {
            Self::OnCalendar(cadence) => Some(cadence),
            Self::Immediate => None,
        }
    }

    /// Adds it to the mark of a request. A calendar's part is that of the first release, so that
    /// a key used then still knows its content.
    pub(super) fn mark(&self, mark: &mut ContentMark) {
        match self {
            Self::OnCalendar(cadence) => {
                mark.text(cadence.every_name());
                mark.optional_text(cadence.on_text().as_deref());
                mark.text(&cadence.at_text());
                mark.text(cadence.time_zone());
            }
            Self::Immediate => mark.text("immediate"),
        }
    }
}

/// What was said last of how a provider is paid, and the calendar that its periods keep.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Terms {
    /// What was said last: it counts for payments from then on, and for the periods after the
    /// running one.
    pub settlement: Settlement,
    /// The calendar of the running period, or of the last one; `None` when there never was one.
    pub cadence: Option<Cadence>,
}

impl Terms {
    /// As said when the provider was registered.
    pub(super) fn of(settlement: &Settlement) -> Arc<Self> {
        let (settlement, cadence) = (settlement.clone(), settlement.cadence().cloned());
        Arc::new(Self { settlement, cadence })
    }

    /// The calendar of the periods after the running one.
    pub(super) fn following(&self) -> Option<&Cadence> {
        self.settlement.cadence().or(self.cadence.as_ref())
    }
}

/// [`Every`] and one more number. Only appended to: the order is on disk.
#[derive(Encode, Decode)]
enum Tag {
    Day,
    Week(u8),
    Month(u8),
    Year { month: u8, day: u8 },
    Immediate,
}

impl Encode for Settlement {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Self::OnCalendar(cadence) => cadence.encode(encoder),
            Self::Immediate => Tag::Immediate.encode(encoder),
        }
    }
}

impl<C> Decode<C> for Settlement {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let every = match Tag::decode(decoder)? {
            Tag::Day => Every::Day,
            Tag::Week(weekday) => Every::Week(weekday),
            Tag::Month(day) => Every::Month(day),
            Tag::Year { month, day } => Every::Year { month, day },
            Tag::Immediate => return Ok(Self::Immediate),
        };
        let (hour, minute) = (u8::decode(decoder)?, u8::decode(decoder)?);
        let cadence = Cadence::of(every, hour, minute, String::decode(decoder)?);
        let wrong =
            || DecodeError::OtherString(format!("not a cadence: {every:?} {hour}:{minute}"));
        cadence.map(Self::OnCalendar).ok_or_else(wrong)
    }
}

bincode::impl_borrow_decode!(Settlement);
