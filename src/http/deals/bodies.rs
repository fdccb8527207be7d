//! From a body to a command: opening a deal, investing in it, closing it.
//!
//! Here stands what can be said of a request without knowing the deal: the shape of its fields and
//! whether they make sense together. Everything that depends on the deal's state is decided by it.
//! Nothing here waits, so the order in which requests arrived is not changed.

use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{self, Command, INVESTORS_MAX};
use bursar_domain::id::{DealId, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::saga::investment::Funding;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::Lookup;

use crate::http::fields::{self, AmountText};
use crate::http::operation::{KeyText, Operation, made_id};
use crate::http::problem::Problem;
use crate::http::requests::{MakeInvestment, OpenDeal};

/// The longest name of a deal, in characters.
const NAME_MAX: usize = 200;

fn nonsense(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::field(Code::InvalidField, pointer, detail)
}

/// Opens a deal.
pub(crate) fn open(body: OpenDeal<'_>, key_text: KeyText<'_>) -> Result<Operation, Problem> {
    let key_text = key_text.checked()?;
    let id = match body.id {
        Some(id) => fields::deal_id(&id, "/id")?,
        None => DealId::parse(&made_id("deal", key_text)).expect("well-formed by its making"),
    };
    let (amount, currency) = fields::money(&body.amount, &body.currency)?;
    let profile = deal::Profile {
        name: fields::required(body.name, NAME_MAX, "/name")?,
        currency,
        amount,
        investors_max: investors_max(body.max_investors)?,
        investment_min: bound(body.min_investment.as_ref(), currency, "/min_investment")?,
        investment_max: bound(body.max_investment.as_ref(), currency, "/max_investment")?,
        opens_at: instant(body.opens_at.as_deref(), "/opens_at")?,
        closes_at: instant(body.closes_at.as_deref(), "/closes_at")?,
    };
    check_together(&profile)?;
    Ok(Operation::to_deal(&id, Command::Open(profile), key_text))
}

/// Whether the fields make sense together.
fn check_together(profile: &deal::Profile) -> Result<(), Problem> {
    if let Some(least) = profile.investment_min {
        if least > profile.amount {
            let detail = "min_investment is more than the deal takes, so nobody could invest";
            return Err(nonsense("/min_investment", detail));
        }
        if profile.investment_max.is_some_and(|most| least > most) {
            let detail = "min_investment is more than max_investment, so nobody could invest";
            return Err(nonsense("/min_investment", detail));
        }
    }
    if let (Some(opens_at), Some(closes_at)) = (profile.opens_at, profile.closes_at)
        && closes_at <= opens_at
    {
        return Err(nonsense("/closes_at", "closes_at must be after opens_at"));
    }
    Ok(())
}

fn investors_max(wanted: Option<i64>) -> Result<u16, Problem> {
    let Some(wanted) = wanted else { return Ok(INVESTORS_MAX) };
    let wanted = u16::try_from(wanted).ok().filter(|most| (1..=INVESTORS_MAX).contains(most));
    wanted
        .ok_or_else(|| nonsense("/max_investors", format!("max_investors is 1 to {INVESTORS_MAX}")))
}

fn bound(
    amount: Option<&AmountText<'_>>,
    currency: Currency,
    pointer: &str,
) -> Result<Option<Amount>, Problem> {
    amount.map(|amount| fields::amount(amount, currency, pointer)).transpose()
}

fn instant(text: Option<&str>, pointer: &str) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| fields::instant(text, Code::InvalidField, pointer)).transpose()
}

/// Invests in a deal. `known` says what is known of a wallet without asking anyone.
pub(crate) fn invest(
    deal: &DealId,
    body: MakeInvestment<'_>,
    key_text: KeyText<'_>,
    known: impl FnOnce(&WalletId) -> Lookup<Investor>,
) -> Result<Operation, Problem> {
    let key_text = key_text.required()?;
    let wallet = fields::wallet_id(&body.wallet, "/wallet")?;
    let (amount, currency) = fields::money(&body.amount, &body.currency)?;
    let funding = match &*body.funding {
        "bank" => Funding::Bank,
        "wallet" => Funding::Wallet,
        _ => return Err(nonsense("/funding", "funding is \"bank\" or \"wallet\"")),
    };
    let if_full = match body.waitlist {
        Some(true) | None => IfFull::Wait,
        Some(false) => IfFull::Refuse,
    };
    let investor = known(&wallet);
    let request_id = Box::default();
    let invest = Invest { wallet, amount, currency, funding, if_full, request_id, investor };
    Ok(Operation::to_deal(deal, Command::Invest(invest), Some(key_text)))
}

/// Closes a deal.
pub(crate) fn close(deal: &DealId, key_text: KeyText<'_>) -> Result<Operation, Problem> {
    Ok(Operation::to_deal(deal, Command::Close, key_text.checked()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body;

    fn check(more: &str, expected: Option<&str>) {
        let text = format!(r#"{{"name":"D","amount":"100","currency":"EUR"{more}}}"#);
        let body = body::parse::<OpenDeal<'_>>(text.as_bytes()).expect("well-formed");
        let problem = open(body, KeyText::None).err();
        let found = problem.map(|problem| {
            let problem = serde_json::to_value(problem).expect("a problem has a JSON form");
            format!("{} {}", problem["code"], problem["errors"][0]["pointer"]).replace('"', "")
        });
        assert_eq!(found.as_deref(), expected, "{more}");
    }

    #[test]
    fn a_deal_makes_sense() {
        check("", None);
        check(r#","max_investors":1"#, None);
        check(r#","max_investors":200"#, None);
        check(r#","min_investment":"100","max_investment":"1000""#, None);
        check(r#","closes_at":"2020-01-01""#, None);
        check(r#","opens_at":"2026-01-01","closes_at":"2026-01-02""#, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for most in ["0", "201", "-1", "70000"] {
            let more = format!(r#","max_investors":{most}"#);
            check(&more, Some("invalid-field /max_investors"));
        }
        for (more, expected) in [
            (r#","min_investment":"101""#, "invalid-field /min_investment"),
            (r#","min_investment":"9","max_investment":"8""#, "invalid-field /min_investment"),
            (r#","min_investment":"0""#, "invalid-amount /min_investment"),
            (r#","max_investment":5"#, "invalid-amount /max_investment"),
            (r#","opens_at":"soon""#, "invalid-field /opens_at"),
            (r#","opens_at":"2026-01-02","closes_at":"2026-01-02""#, "invalid-field /closes_at"),
        ] {
            check(more, Some(expected));
        }
    }
}
