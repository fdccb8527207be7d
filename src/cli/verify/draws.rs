//! Every draw, drawn again: by the description, with code of its own.
//!
//! A draw follows from the campaign's secret, the purchase's date and its name and from nothing else;
//! what it is worth from the terms and the purchase's amount. So each is made again here, with HMAC
//! and SHA-256 straight from their libraries, and must come to the same prize and the same amount.
//! Its campaign must be one that the purchase fits; whether another one, which was known at that
//! time, should have gone before it is not in the records and not checked.
//!
//! Campaigns are read before statements, but for those that only the journal knows: the draws of
//! these are kept until the end. Memory: some 300 bytes for each of them; 32 a campaign's day.

use std::collections::HashMap;
use std::fmt::Write;

use bursar_domain::campaign::terms::{OnReversal, Rounding, Worth};
use bursar_domain::campaign::{Merchant, SharedTerms, Terms, merchants};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::statement::Fate;
use bursar_domain::statement::rewards::DayCount;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::faults::Faults;

type Bytes = [u8; 32];

/// A purchase that was drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    pub(super) campaign: CampaignId,
    /// Whether the statement takes its reward for one that is taken back.
    pub(super) claws_back: bool,
    pub(super) wallet: WalletId,
    pub(super) purchase: Box<str>,
    pub(super) day: Day,
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    pub(super) merchant: Option<Merchant>,
    /// The UTC date on which it was taken.
    pub(super) today: Day,
    /// What the customer had won for that day before.
    pub(super) so_far: DayCount,
    /// What it came to.
    pub(super) fate: Fate,
}

/// What draws are made again with.
#[derive(Debug, Default)]
pub(super) struct Draws {
    terms: HashMap<CampaignId, SharedTerms>,
    seeds: HashMap<(CampaignId, Day), Bytes>,
    /// With the place of each.
    waiting: Vec<(String, Drawing)>,
    count: u64,
}

impl Draws {
    /// A campaign was announced.
    pub(super) fn announced(&mut self, terms: &SharedTerms) {
        self.terms.entry(terms.id.clone()).or_insert_with(|| SharedTerms::clone(terms));
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A purchase was drawn at a place: what is wrong with it, as far as that is known yet.
    pub(super) fn drawn(&mut self, place: &dyn ToString, drawing: Drawing) -> Vec<String> {
        self.count += 1;
        if let Some(terms) = self.terms.get(&drawing.campaign).map(SharedTerms::clone) {
            return self.check(&terms, &drawing);
        }
        self.waiting.push((place.to_string(), drawing));
        Vec::new()
    }

    /// All entities have been given: the draws that had to wait for their campaign.
    pub(super) fn judge(mut self, faults: &mut Faults) {
        for (place, drawing) in std::mem::take(&mut self.waiting) {
            let found = match self.terms.get(&drawing.campaign).map(SharedTerms::clone) {
                Some(terms) => self.check(&terms, &drawing),
                None => vec![format!("it is drawn in {}, which is no campaign", drawing.campaign)],
            };
            for what in found {
                faults.wrong(&place, what);
            }
        }
    }

    fn check(&mut self, terms: &Terms, drawing: &Drawing) -> Vec<String> {
        let mut found = Vec::new();
        let purchase = &drawing.purchase;
        if let Some(why) = does_not_fit(terms, drawing) {
            found.push(format!("purchase {purchase:?} is not for campaign {}: {why}", terms.id));
        }
        let claws_back = match terms.on_reversal {
            OnReversal::ClawBack => true,
            OnReversal::Keep => false,
        };
        if claws_back != drawing.claws_back {
            let id = &terms.id;
            found.push(format!("it mistakes what becomes of rewards of {id} after a reversal"));
        }
        let place = (terms.id.clone(), drawing.day);
        let seed = *self.seeds.entry(place).or_insert_with(|| seed(terms, drawing.day));
        let key = format!("{}/{purchase}", drawing.wallet);
        let expected = fate(terms, drawing, draw(&seed, &key, terms));
        if drawing.fate != expected {
            let text = |fate| text(fate, drawing.currency);
            found.push(format!(
                "purchase {purchase:?} drew {} in {}; it draws {}",
                text(drawing.fate),
                terms.id,
                text(expected)
            ));
        }
        found
    }
}

fn text(fate: Fate, currency: Currency) -> String {
    match fate {
        Fate::Lost => "nothing".to_owned(),
        Fate::Won { prize, amount } => format!("prize {prize} of {}", amount.to_major(currency)),
        Fate::Limited { prize, amount } => {
            let amount = amount.to_major(currency);
            format!("prize {prize} of {amount}, over the customer's limit")
        }
    }
}

/// Why a purchase is none of a campaign's.
fn does_not_fit(terms: &Terms, drawing: &Drawing) -> Option<&'static str> {
    let day = drawing.day.days();
    if day < terms.first_day.days() || day > terms.last_day.days() {
        Some("its date is not one of the campaign's days")
    } else if drawing.currency != terms.currency {
        Some("its currency is another one")
    } else if terms.min_amount.is_some_and(|least| drawing.amount.minor() < least.minor()) {
        Some("its amount is too small")
    } else if drawing.today.days() - day > i32::from(terms.open_days) {
        Some("no purchase of its date could be drawn any more")
    } else if !is_merchants(terms, drawing.merchant.as_ref()) {
        Some("its merchant is another one")
    } else {
        None
    }
}

fn is_merchants(terms: &Terms, merchant: Option<&Merchant>) -> bool {
    let merchants::Merchants { ids, codes, names } = &terms.merchants;
    if ids.len() + codes.len() + names.len() == 0 {
        return true;
    }
    let Some(merchant) = merchant else { return false };
    let name = merchant.name.as_deref().map(|name| name.trim().to_lowercase().replace('ς', "σ"));
    let is_name = |name: &String| {
        names.iter().any(|rule| match rule {
            merchants::NameRule::Exactly(whole) => **whole == **name,
            merchants::NameRule::BeginsWith(start) => name.starts_with(&**start),
        })
    };
    let is_code = |code: u16| codes.iter().any(|range| range.first <= code && code <= range.last);
    merchant.id.as_ref().is_some_and(|id| ids.contains(id))
        || merchant.category_code.is_some_and(is_code)
        || name.as_ref().is_some_and(is_name)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Bytes {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The seed of a day.
pub(super) fn seed(terms: &Terms, day: Day) -> Bytes {
    let mut text = String::new();
    write!(text, "{}/{day}", terms.id).expect("writing to a String cannot fail");
    mac(&terms.secret.0, &[text.as_bytes()])
}

/// The number `index` of a key, from 0: four to a digest.
fn number(seed: &Bytes, key: &str, index: usize) -> u64 {
    let block = u32::try_from(index / 4).expect("few numbers are drawn");
    let digest = match block {
        0 => mac(seed, &[key.as_bytes()]),
        later => mac(seed, &[key.as_bytes(), &[0], &later.to_be_bytes()]),
    };
    let start = index % 4 * 8;
    digest[start..start + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// One of 0 to `n` - 1, from the numbers at `next` on: those from the largest multiple of `n` on are
/// passed over.
fn one_of(n: u64, seed: &Bytes, key: &str, next: &mut usize) -> u64 {
    let all = 1_u128 << 64;
    let limit = all - all % u128::from(n);
    loop {
        let number = number(seed, key, *next);
        *next += 1;
        if u128::from(number) < limit {
            return number % n;
        }
    }
}

/// The place of the prize that is drawn; `None` for none.
pub(super) fn draw(seed: &Bytes, key: &str, terms: &Terms) -> Option<usize> {
    let total: u64 = terms.prizes.iter().map(|prize| u64::from(prize.weight)).sum();
    if terms.odds.of == 0 || total == 0 {
        return None;
    }
    let mut next = 0;
    if one_of(terms.odds.of, seed, key, &mut next) >= terms.odds.wins {
        return None;
    }
    let drawn = one_of(total, seed, key, &mut next);
    let mut upto = 0;
    terms.prizes.iter().position(|prize| {
        upto += u64::from(prize.weight);
        drawn < upto
    })
}

/// What a draw comes to: a prize is worth something, and a customer wins only so much for a day.
fn fate(terms: &Terms, drawing: &Drawing, prize: Option<usize>) -> Fate {
    let Some(place) = prize else { return Fate::Lost };
    let amount = worth(&terms.prizes[place].worth, drawing.amount);
    let prize = u16::try_from(place).unwrap_or(u16::MAX);
    let (count, sum) = (u64::from(drawing.so_far.rewards), drawing.so_far.amount.minor());
    let sum = i128::from(sum) + i128::from(amount.minor());
    let limits = terms.limits;
    let is_over = limits.rewards.is_some_and(|most| count + 1 > u64::from(most))
        || sum > i128::from(limits.amount.map_or(i64::MAX, Amount::minor));
    if is_over { Fate::Limited { prize, amount } } else { Fate::Won { prize, amount } }
}

/// What a prize is worth for a purchase; at least one minor unit.
pub(super) fn worth(worth: &Worth, spent: Amount) -> Amount {
    let (millionths, rounding, most) = match worth {
        Worth::Fixed(amount) => return *amount,
        Worth::Share { millionths, rounding, most } => (*millionths, *rounding, *most),
    };
    let exact = i128::from(spent.minor()) * i128::from(millionths);
    let (down, up) = (exact.div_euclid(1_000_000), (exact + 999_999).div_euclid(1_000_000));
    let rounded = match rounding {
        Rounding::Down => down,
        Rounding::Up => up,
        Rounding::HalfEven => match (exact % 1_000_000).cmp(&500_000) {
            std::cmp::Ordering::Less => down,
            std::cmp::Ordering::Greater => up,
            std::cmp::Ordering::Equal => down + down % 2 * (up - down),
        },
    };
    let most = most.map_or(i64::MAX, Amount::minor);
    let amount = i64::try_from(rounded.max(1)).unwrap_or(i64::MAX);
    Amount::from_minor(amount.min(most))
}
