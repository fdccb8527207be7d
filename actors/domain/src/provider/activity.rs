//! A record of what a provider did for a member, and what a submission of it is answered.
//!
//! A client submits the same records in overlapping batches. The `activity_id` makes each count
//! once, for ever: the provider remembers a slot (XXH3-128 of the id) and a mark of the content,
//! the newest in memory, older ones on disk. Both hashes are made once, when the record is made or
//! read, and go with it; on disk the record does not have them.
//!
//! Invariants: id and member are well-formed, also after decoding; the mark is on disk for ever, so
//! how it is made never changes. Two ids with one slot would be a conflict, never a silent
//! duplicate, because the mark covers the id as well.

use std::sync::Arc;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

use crate::code::Code;
use crate::currency::Currency;
use crate::money::Amount;
use crate::plan::Day;

/// The most lines that one decision takes.
pub const LINES_MAX: usize = 1_000;

/// The most bytes of lines that one decision takes, so that its record fits one group.
pub const LINES_SIZE_MAX: usize = 96 * 1024;

/// The longest `activity_id` and the longest `member`, in characters.
pub const NAME_LENGTH_MAX: usize = 64;

/// The longest description, in bytes.
pub const DESCRIPTION_SIZE_MAX: usize = 2_048;

/// A service may be dated so many days after the local date of its submission.
pub const DAYS_AHEAD_MAX: i32 = 1;

/// And so many days before it: two years.
pub const DAYS_BACK_MAX: i32 = 731;

/// Whether a text can be an `activity_id`: 1 to 64 of `A-Z a-z 0-9 _ . : -`.
pub fn is_activity_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether a text can name a member: 1 to 64 characters, none of them a control character.
pub fn is_member(text: &str) -> bool {
    !text.is_empty()
        && text.chars().nth(NAME_LENGTH_MAX).is_none()
        && !text.chars().any(char::is_control)
}

/// Something that a provider did for a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activity {
    id: Box<str>,
    member: Box<str>,
    service_date: Day,
    description: Option<Box<str>>,
    amount: Amount,
    slot: u128,
    mark: u64,
}

impl Activity {
    /// From its parts; `None` when one of the texts is not allowed.
    pub fn new(
        id: Box<str>,
        member: Box<str>,
        service_date: Day,
        description: Option<Box<str>>,
        amount: Amount,
    ) -> Option<Self> {
        let size = description.as_ref().map_or(0, |text| text.len());
        if !is_activity_id(&id) || !is_member(&member) || size > DESCRIPTION_SIZE_MAX {
            return None;
        }
        let slot = xxh3_128(id.as_bytes());
        let mark = content_mark(&id, &member, service_date, description.as_deref(), amount);
        Some(Self { id, member, service_date, description, amount, slot, mark })
    }

    /// The client's name of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// For whom.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// When it was done.
    pub fn service_date(&self) -> Day {
        self.service_date
    }

    /// The client's words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What the provider is owed for it, in the provider's currency; positive where it accrued.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Where the index keeps it.
    pub fn slot(&self) -> u128 {
        self.slot
    }

    /// What the index keeps of it.
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// No less than it has bytes on disk.
    pub(super) fn size(&self) -> usize {
        let description = self.description.as_ref().map_or(0, |text| text.len());
        // Three lengths of up to 3 bytes, whether there is a description, a date and an amount.
        self.id.len() + self.member.len() + description + 9 + 1 + 5 + 9
    }
}

/// XXH3-64 of the numbers and the lengths of the texts, and of each text with what came before
/// as its seed.
fn content_mark(
    id: &str,
    member: &str,
    service_date: Day,
    description: Option<&str>,
    amount: Amount,
) -> u64 {
    let mut head = [0_u8; 24];
    head[..4].copy_from_slice(&service_date.days().to_le_bytes());
    head[4..12].copy_from_slice(&amount.minor().to_le_bytes());
    // Missing and empty differ.
    let lengths = [id.len(), member.len(), description.map_or(0, |text| text.len() + 1)];
    for (place, length) in head[12..].chunks_exact_mut(4).zip(lengths) {
        let length = u32::try_from(length).expect("bounded when the activity was made");
        place.copy_from_slice(&length.to_le_bytes());
    }
    let texts = [id, member, description.unwrap_or_default()];
    texts.iter().fold(xxh3_64(&head), |seed, text| xxh3_64_with_seed(text.as_bytes(), seed))
}

impl Encode for Activity {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.id.encode(encoder)?;
        self.member.encode(encoder)?;
        self.service_date.encode(encoder)?;
        self.description.encode(encoder)?;
        self.amount.encode(encoder)
    }
}

impl<C> Decode<C> for Activity {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (id, member) = (Box::<str>::decode(decoder)?, Box::<str>::decode(decoder)?);
        let (service_date, description) = (Day::decode(decoder)?, Option::decode(decoder)?);
        let amount = Amount::decode(decoder)?;
        Self::new(id, member, service_date, description, amount)
            .ok_or_else(|| DecodeError::OtherString("not an activity".to_owned()))
    }
}

bincode::impl_borrow_decode!(Activity);

/// An activity as submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActivityLine {
    /// The activity; shared with the event that notes it.
    pub activity: Arc<Activity>,
    /// In which currency its amount is.
    pub currency: Currency,
}

/// Why a line is refused. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineRefusal {
    /// Not the provider's currency.
    Currency,
    /// Zero or less.
    Amount,
    /// With the lines before it in the call, more than the largest amount.
    TooMuch,
    /// The service date is too far in the future.
    Ahead,
    /// The service date is too long ago.
    TooOld,
}

impl LineRefusal {
    /// The stable reason.
    pub const fn code(self) -> Code {
        match self {
            Self::Currency => Code::CurrencyMismatch,
            Self::Amount => Code::InvalidAmount,
            Self::TooMuch => Code::BalanceOverflow,
            Self::Ahead | Self::TooOld => Code::InvalidField,
        }
    }

    /// The field of the line.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Currency => "currency",
            Self::Amount | Self::TooMuch => "amount",
            Self::Ahead | Self::TooOld => "service_date",
        }
    }

    /// For people.
    pub fn detail(self) -> String {
        match self {
            Self::Currency => "the provider is paid in another currency".to_owned(),
            Self::Amount => "the amount must be greater than zero".to_owned(),
            Self::TooMuch => "the lines of one call exceed the largest amount".to_owned(),
            Self::Ahead => {
                format!("the service date is more than {DAYS_AHEAD_MAX} day in the future")
            }
            Self::TooOld => format!("the service date is more than {DAYS_BACK_MAX} days ago"),
        }
    }
}

/// Why a line did not accrue. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineVerdict {
    /// It is known, with the same content.
    Duplicate,
    /// Its id is known with other content; the first stands.
    Conflict,
    /// It is not allowed. It is not remembered: corrected, it may come again.
    Refused(LineRefusal),
}

/// What a line is answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineAnswer {
    /// It accrued.
    New {
        /// Whether its service date lies before the period in which it is paid.
        late: bool,
    },
    /// It did not.
    Not(LineVerdict),
}

impl LineAnswer {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New { .. } => "new",
            Self::Not(LineVerdict::Duplicate) => "duplicate",
            Self::Not(LineVerdict::Conflict) => "conflict",
            Self::Not(LineVerdict::Refused(_)) => "refused",
        }
    }
}
