//! A line of a customer's bank statement, and what a submission of it is answered.
//!
//! A bank sends the same lines in overlapping batches, and the same purchase more than once: pending,
//! then posted under this or another id, perhaps reversed. The slot (XXH3-64 of the id) finds a line
//! again and the mark (of its content but for the status) tells whether it is the same. Both are made
//! once, when the line is made or read, and are not on disk with it.
//!
//! Invariants: ids and texts are well-formed, also after decoding; how slot and mark are made never
//! changes, because a statement's state has them on disk. Two ids with one slot are a conflict, never
//! a silent duplicate, because the mark covers the id as well.

use std::sync::Arc;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::campaign::Merchant;
use crate::code::Code;
use crate::currency::Currency;
use crate::money::Amount;
use crate::plan::Day;

/// The most lines that one decision takes.
pub const LINES_MAX: usize = 500;

/// The most bytes of lines that one decision takes, so that its record fits one group.
pub const LINES_SIZE_MAX: usize = 96 * 1024;

/// The longest id of a line, a merchant or an account, in bytes.
pub const NAME_SIZE_MAX: usize = 64;

/// The longest merchant's name, in bytes.
pub const MERCHANT_SIZE_MAX: usize = 256;

/// The longest description, in bytes.
pub const DESCRIPTION_SIZE_MAX: usize = 1_024;

/// Whether a text can be a `transaction_id`: 1 to 64 bytes, no control characters, no spaces at its
/// ends.
pub fn is_transaction_id(text: &str) -> bool {
    (1..=NAME_SIZE_MAX).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// How far a purchase is at the bank. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineStatus {
    /// Announced; it may still vanish.
    Pending,
    /// Booked.
    Posted,
    /// Given back.
    Reversed,
}

impl LineStatus {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Posted => "posted",
            Self::Reversed => "reversed",
        }
    }
}

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Content {
    /// The bank's name of it.
    pub id: Box<str>,
    /// The bank's date.
    pub date: Day,
    /// How far it is.
    pub status: LineStatus,
    /// The account that pays.
    pub from_account: Option<Box<str>>,
    /// The account that is paid.
    pub to_account: Option<Box<str>>,
    /// How much, in the wallet's currency; positive where it was taken.
    pub amount: Amount,
    /// The bank's words.
    pub description: Option<Box<str>>,
    /// Where.
    pub merchant: Option<Merchant>,
    /// The pending line that it replaces.
    pub pending_id: Option<Box<str>>,
    /// For a reversal with an id of its own: the line that is given back.
    pub reversal_of: Option<Box<str>>,
}

/// A line with what it is found by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    content: Content,
    slot: u64,
    mark: u64,
}

/// The slot of an id.
pub fn slot_of(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

impl Line {
    /// From what it says; `None` when one of the texts is not allowed.
    pub fn new(content: Content) -> Option<Self> {
        let ids = [Some(&content.id), content.pending_id.as_ref(), content.reversal_of.as_ref()];
        let accounts = [content.from_account.as_ref(), content.to_account.as_ref()];
        let merchant = content.merchant.as_ref();
        let fits = |text: Option<&Box<str>>, most| text.is_none_or(|text| text.len() <= most);
        let good = ids.into_iter().flatten().all(|id| is_transaction_id(id))
            && accounts.into_iter().all(|account| fits(account, NAME_SIZE_MAX))
            && fits(content.description.as_ref(), DESCRIPTION_SIZE_MAX)
            && merchant.is_none_or(|merchant| {
                fits(merchant.id.as_ref(), NAME_SIZE_MAX)
                    && fits(merchant.name.as_ref(), MERCHANT_SIZE_MAX)
            });
        let (slot, mark) = (slot_of(&content.id), content_mark(&content));
        good.then_some(Self { content, slot, mark })
    }

    /// What it says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Where it is found.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Whether another one says the same, but for the status.
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// The name of the purchase that it belongs to: the pending line's, when it says which.
    pub fn purchase(&self) -> &str {
        self.content.pending_id.as_deref().unwrap_or(&self.content.id)
    }

    /// The slot of that purchase's name.
    pub(super) fn purchase_slot(&self) -> u64 {
        self.content.pending_id.as_deref().map_or(self.slot, slot_of)
    }

    /// The slots of what a reversal gives back: the line that it names, or else its own purchase
    /// under all the names it says.
    pub(super) fn gives_back(&self) -> impl Iterator<Item = u64> {
        let of_another = self.content.reversal_of.as_deref().map(slot_of);
        let first = of_another.unwrap_or(self.slot);
        let second =
            Some(self.purchase_slot()).filter(|slot| of_another.is_none() && *slot != first);
        std::iter::once(first).chain(second)
    }

    /// What a pending line and the posted one that follows it without saying so have in common:
    /// accounts, merchant (its id, or else its name) and amount.
    pub fn likeness(&self) -> u64 {
        let content = &self.content;
        let merchant = content.merchant.as_ref();
        let merchant =
            merchant.and_then(|merchant| merchant.id.as_ref().or(merchant.name.as_ref()));
        let texts = [content.from_account.as_ref(), content.to_account.as_ref(), merchant];
        let seed = xxh3_64(&content.amount.minor().to_le_bytes());
        texts.into_iter().fold(seed, |seed, text| mix(seed, text.map(|text| &**text)))
    }

    /// No less than it has bytes on disk.
    pub(super) fn size(&self) -> usize {
        let content = &self.content;
        let merchant = content.merchant.as_ref();
        let texts = [
            Some(&content.id),
            content.from_account.as_ref(),
            content.to_account.as_ref(),
            content.description.as_ref(),
            content.pending_id.as_ref(),
            content.reversal_of.as_ref(),
            merchant.and_then(|merchant| merchant.id.as_ref()),
            merchant.and_then(|merchant| merchant.name.as_ref()),
        ];
        // Lengths of up to 3 bytes and whether they are there, a date, an amount, a code, a status.
        let fixed = texts.len() * 4 + 5 + 9 + 4 + 3;
        fixed + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

/// A text, or that there is none, on top of what came before.
fn mix(seed: u64, text: Option<&str>) -> u64 {
    match text {
        None => xxh3_64_with_seed(&[0], seed),
        Some(text) => xxh3_64_with_seed(text.as_bytes(), seed ^ (text.len() as u64 + 1)),
    }
}

fn content_mark(content: &Content) -> u64 {
    let mut head = [0_u8; 16];
    head[..4].copy_from_slice(&content.date.days().to_le_bytes());
    head[4..12].copy_from_slice(&content.amount.minor().to_le_bytes());
    let merchant = content.merchant.as_ref();
    let code = merchant.and_then(|merchant| merchant.category_code);
    head[12..].copy_from_slice(&code.map_or(u32::MAX, u32::from).to_le_bytes());
    let texts = [
        Some(&content.id),
        content.from_account.as_ref(),
        content.to_account.as_ref(),
        content.description.as_ref(),
        content.pending_id.as_ref(),
        content.reversal_of.as_ref(),
        merchant.and_then(|merchant| merchant.id.as_ref()),
        merchant.and_then(|merchant| merchant.name.as_ref()),
    ];
    texts.into_iter().fold(xxh3_64(&head), |seed, text| mix(seed, text.map(|text| &**text)))
}

impl Encode for Line {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.content.encode(encoder)
    }
}

impl<C> Decode<C> for Line {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let content = Content::decode(decoder)?;
        Self::new(content)
            .ok_or_else(|| DecodeError::OtherString("not a line of a statement".to_owned()))
    }
}

bincode::impl_borrow_decode!(Line);

/// A line as submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submitted {
    /// The line; shared with the event that notes it.
    pub line: Arc<Line>,
    /// In which currency its amount is.
    pub currency: Currency,
}

/// Why a line is refused. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineRefusal {
    /// Not the wallet's currency.
    Currency,
    /// Zero or less.
    Amount,
    /// Its date is not yet there anywhere on Earth.
    Ahead,
    /// Its date is before the window.
    TooOld,
    /// The window has as many lines as it may.
    Full,
}

impl LineRefusal {
    /// The stable reason.
    pub const fn code(self) -> Code {
        match self {
            Self::Currency => Code::CurrencyMismatch,
            Self::Amount => Code::InvalidAmount,
            Self::Ahead => Code::DateInFuture,
            Self::TooOld => Code::OutsideWindow,
            Self::Full => Code::TooManyLines,
        }
    }

    /// The field of the line.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Currency => "currency",
            Self::Amount => "amount",
            Self::Ahead | Self::TooOld => "date",
            Self::Full => "transaction_id",
        }
    }

    /// For people.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Currency => "the wallet has another currency",
            Self::Amount => "the amount must be greater than zero",
            Self::Ahead => "the date is in the future, everywhere on Earth",
            Self::TooOld => "the date is older than the window in which lines are taken",
            Self::Full => "the wallet has as many lines in its window as are remembered",
        }
    }
}

/// Why a line was not new. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineVerdict {
    /// It is known.
    Duplicate,
    /// Its id is known with other content; the first stands.
    Conflict,
    /// It is not allowed. It is not remembered: corrected, it may come again.
    Refused(LineRefusal),
}

/// What a line is answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineAnswer {
    /// It was taken.
    New,
    /// It was not.
    Not(LineVerdict),
}

impl LineAnswer {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Not(LineVerdict::Duplicate) => "duplicate",
            Self::Not(LineVerdict::Conflict) => "conflict",
            Self::Not(LineVerdict::Refused(_)) => "refused",
        }
    }
}
