//! The campaigns of the server: which of them a line is drawn in, and what came of it.
//!
//! Whether a line is drawn, and where, is worked out here again from the published terms, so that
//! the server's counts can be held against it: of the campaigns that a line fits, the one with the
//! highest priority; of these the one that starts first; of these the first by its id.
//!
//! Invariant: nothing here asks the server which campaign a line belongs to.

use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use serde::Deserialize;

use super::line::{Line, Merchant};
use crate::cli::client::{Attempt, Client, Failure, send};

/// How many campaigns a page has.
const PAGE: &str = "500";

/// A campaign as the server tells of it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Campaign {
    /// Its id.
    pub(super) id: String,
    currency: String,
    first_day: String,
    last_day: String,
    starts_at: String,
    priority: i32,
    #[serde(default)]
    min_amount: Option<String>,
    merchants: Merchants,
    /// How many purchases were drawn.
    pub(super) draws: u64,
    /// How many of them won.
    pub(super) wins: u64,
    /// How many wins were granted.
    pub(super) rewards: u64,
    /// How many the budget did not hold.
    pub(super) exhausted: u64,
    /// How many came to nothing for another reason.
    pub(super) failed: u64,
    /// How many wait because it pauses.
    pub(super) waiting: u64,
    /// How much is granted.
    pub(super) granted: String,
}

/// Whose purchases are drawn: all, when no list has anything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
struct Merchants {
    ids: Vec<String>,
    category_codes: Vec<String>,
    names: Vec<String>,
}

impl Merchants {
    fn fit(&self, merchant: &Merchant) -> bool {
        let is_any = self.ids.is_empty() && self.category_codes.is_empty() && self.names.is_empty();
        let by_code = |rule: &String| {
            let (first, last) = rule.split_once('-').unwrap_or((rule, rule));
            merchant.category_code.is_some_and(|code| first <= code && code <= last)
        };
        let name = merchant.name.trim().to_lowercase();
        let by_name = |rule: &String| match rule.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == *rule,
        };
        is_any
            || self.ids.contains(&merchant.id)
            || self.category_codes.iter().any(by_code)
            || self.names.iter().any(by_name)
    }
}

impl Campaign {
    fn fits(&self, line: &Line, currency: Currency) -> bool {
        let day = line.day.to_string();
        let least = self.min_amount.as_deref();
        let enough = |least: &str| {
            Amount::parse_or_zero(least, currency).is_ok_and(|least| line.amount >= least)
        };
        self.currency == currency.code()
            && self.first_day <= day
            && day <= self.last_day
            && least.is_none_or(enough)
            && self.merchants.fit(&line.merchant)
    }

    /// Whether its money is in this currency.
    pub(super) fn is_in(&self, currency: Currency) -> bool {
        self.currency == currency.code()
    }
}

/// The campaigns of a server, in the order in which they are asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Campaigns(Vec<Campaign>);

#[derive(Deserialize)]
struct Page {
    items: Vec<Campaign>,
    next_cursor: Option<String>,
}

impl Campaigns {
    /// These, put into their order.
    pub(super) fn new(mut campaigns: Vec<Campaign>) -> Self {
        campaigns.sort_by(|one, other| {
            let later = (other.priority, &one.starts_at, &one.id);
            later.cmp(&(one.priority, &other.starts_at, &other.id))
        });
        Self(campaigns)
    }

    /// Asks the server for all.
    pub(super) async fn read(client: &Client) -> Result<Self, Failure> {
        let (mut campaigns, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = client.patiently(async || page(client, cursor.as_deref()).await).await?;
            campaigns.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(Self::new(campaigns)),
            }
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Campaign> {
        self.0.iter()
    }

    /// The campaign of an id.
    pub(super) fn get(&self, id: &str) -> Option<&Campaign> {
        self.0.iter().find(|campaign| campaign.id == id)
    }

    /// The campaign in which a line is drawn, if there is one.
    pub(super) fn of(&self, line: &Line, currency: Currency) -> Option<&Campaign> {
        self.0.iter().find(|campaign| campaign.fits(line, currency))
    }
}

async fn page(client: &Client, cursor: Option<&str>) -> Result<Page, Attempt> {
    let mut query = vec![("limit", PAGE)];
    query.extend(cursor.map(|cursor| ("cursor", cursor)));
    send(client.get_with("/v1/campaigns", &query)?).await?.read("a page of campaigns")
}

#[cfg(test)]
mod tests {
    use bursar_domain::plan::Day;
    use serde_json::{Value, json};

    use super::*;

    fn campaign(id: &str, terms: &Value) -> Campaign {
        let mut campaign = json!({
            "id": id, "currency": "CZK", "first_day": "2027-01-01", "last_day": "2027-12-31",
            "starts_at": "2027-01-01T00:00:00.000Z", "priority": 0, "merchants": {}, "draws": 0,
            "wins": 0, "rewards": 0, "exhausted": 0, "failed": 0, "waiting": 0, "granted": "0.00",
        });
        for (name, value) in terms.as_object().expect("an object") {
            campaign[name] = value.clone();
        }
        serde_json::from_value(campaign).expect("a campaign")
    }

    fn line(day: &str, minor: i64) -> Line {
        Line {
            number: 2,
            transaction: "1".to_owned(),
            day: Day::parse(day).expect("a day"),
            amount: Amount::from_minor(minor),
            merchant: Merchant {
                id: "AB/7".to_owned(),
                name: "Household".to_owned(),
                category_code: Some("4829"),
            },
            body: String::new(),
        }
    }

    fn czk() -> Currency {
        Currency::from_code("CZK").expect("the koruna is in the table")
    }

    #[test]
    fn a_line_fits_the_terms() {
        for (terms, fits) in [
            (json!({}), true),
            (json!({"currency": "EUR"}), false),
            (json!({"first_day": "2027-03-01"}), true),
            (json!({"first_day": "2027-03-02"}), false),
            (json!({"last_day": "2027-02-28"}), false),
            (json!({"min_amount": "10.00"}), true),
            (json!({"min_amount": "10.01"}), false),
            (json!({"merchants": {"ids": ["AB/7"]}}), true),
            (json!({"merchants": {"ids": ["AB/8"]}}), false),
            (json!({"merchants": {"category_codes": ["4829"]}}), true),
            (json!({"merchants": {"category_codes": ["4000-4828", "4830-4999"]}}), false),
            (json!({"merchants": {"category_codes": ["4000-4999"]}}), true),
            (json!({"merchants": {"names": ["household"]}}), true),
            (json!({"merchants": {"names": ["house*"]}}), true),
            (json!({"merchants": {"names": ["house"]}}), false),
            (json!({"merchants": {"ids": ["x"], "names": ["house*"]}}), true),
        ] {
            let found = campaign("a", &terms).fits(&line("2027-03-01", 1_000), czk());
            assert_eq!(found, fits, "{terms}");
        }
    }

    #[test]
    fn the_first_of_several_is_the_one_with_the_highest_priority() {
        let of = |terms: [Value; 3]| {
            let ids = ["c", "b", "a"];
            let campaigns = ids.iter().zip(&terms).map(|(id, terms)| campaign(id, terms));
            let campaigns = Campaigns::new(campaigns.collect());
            campaigns.of(&line("2027-03-01", 1), czk()).map(|campaign| campaign.id.clone())
        };
        let none = || json!({"currency": "EUR"});
        let early = || json!({"starts_at": "2026-01-01T00:00:00.000Z"});
        assert_eq!(of([json!({}), json!({}), json!({})]).as_deref(), Some("a"));
        assert_eq!(of([json!({}), early(), json!({})]).as_deref(), Some("b"));
        assert_eq!(of([json!({"priority": 1}), early(), json!({})]).as_deref(), Some("c"));
        assert_eq!(of([none(), none(), none()]), None);
    }
}
