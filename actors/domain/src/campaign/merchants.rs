//! Which purchases a campaign is for: by merchant id, category code or name.
//!
//! A purchase fits when any of the lists has it; without any list every purchase fits, also one of
//! which no merchant is known. Category codes are those of ISO 18245: numbers of four digits.

use bincode::{Decode, Encode};

/// Category codes from one to another, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CodeRange {
    /// The first.
    pub first: u16,
    /// The last, not below the first.
    pub last: u16,
}

/// A rule for names.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum NameRule {
    /// The whole name, folded ([`fold`]).
    Exactly(Box<str>),
    /// The beginning of the name, folded.
    BeginsWith(Box<str>),
}

/// The rules.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Merchants {
    /// These merchants, sorted.
    pub ids: Vec<Box<str>>,
    /// These category codes.
    pub codes: Vec<CodeRange>,
    /// These names.
    pub names: Vec<NameRule>,
}

/// A merchant, as the bank named it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct Merchant {
    /// The bank's name of it.
    pub id: Option<Box<str>>,
    /// The name that the customer sees.
    pub name: Option<Box<str>>,
    /// What it sells.
    pub category_code: Option<u16>,
}

/// A name as it is compared: without spaces at its ends, in small letters. Letter by letter, so that
/// the beginning of a folded name is the folded beginning: `str::to_lowercase` writes the Greek sigma
/// in another way at the end of a word.
pub fn fold(name: &str) -> String {
    let letters = name.trim().chars().flat_map(char::to_lowercase);
    letters.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

impl Merchants {
    /// Whether every purchase fits.
    pub fn is_any(&self) -> bool {
        self.ids.is_empty() && self.codes.is_empty() && self.names.is_empty()
    }

    /// Whether a purchase at this merchant fits.
    pub fn fit(&self, merchant: Option<&Merchant>) -> bool {
        if self.is_any() {
            return true;
        }
        let Some(merchant) = merchant else { return false };
        let by_id = |id: &str| self.ids.binary_search_by(|known| (**known).cmp(id)).is_ok();
        let by_code =
            |code: &u16| self.codes.iter().any(|range| (range.first..=range.last).contains(code));
        merchant.id.as_deref().is_some_and(by_id)
            || merchant.category_code.as_ref().is_some_and(by_code)
            || self.fits_name(merchant.name.as_deref())
    }

    fn fits_name(&self, name: Option<&str>) -> bool {
        let (Some(name), false) = (name, self.names.is_empty()) else { return false };
        let name = fold(name);
        self.names.iter().any(|rule| match rule {
            NameRule::Exactly(text) => **text == *name,
            NameRule::BeginsWith(text) => name.starts_with(&**text),
        })
    }
}
