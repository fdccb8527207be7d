//! From a body to the terms of a campaign.
//!
//! Everything that can be wrong with terms is found here, with the place of the fault; the campaign
//! itself only decides whether its id is free. The secret from which the seeds come is made here, by
//! the system's source of randomness; a repeat under the same key is answered from the first record,
//! so its secret is thrown away.

use std::borrow::Cow;
use std::sync::Arc;

use bursar_actors::job::Command;
use bursar_domain::campaign::merchants::{CodeRange, Merchants, NameRule, fold};
use bursar_domain::campaign::terms::{
    DAYS_MAX, Limits, Odds, OnReversal, PRIZES_MAX, Prize, Rounding, Secret, Worth,
};
use bursar_domain::campaign::{self, Terms};
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, EntityId};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use rust_decimal::Decimal;

use super::requests::{AnnounceCampaign, LimitsBody, MerchantsBody, PrizeBody};
use crate::http::fields;
use crate::http::operation::{KeyText, Operation, made_id};
use crate::http::problem::Problem;

/// The longest name of a campaign, in characters.
const NAME_MAX: usize = 200;

/// The most rules in one list of merchants.
const RULES_MAX: usize = 1_000;

/// The longest rule, in bytes.
const RULE_SIZE_MAX: usize = 256;

/// The denominator of odds is at most this.
const ODDS_OF_MAX: u64 = 1_000_000_000_000_000_000;

fn nonsense(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::field(Code::InvalidField, pointer, detail)
}

/// Announces a campaign at `now`; a day's purchases are drawn for `open_days` after it.
pub(crate) fn announce(
    body: AnnounceCampaign<'_>,
    key_text: KeyText<'_>,
    now: Timestamp,
    open_days: u16,
) -> Result<Operation, Problem> {
    let key = key_text.checked()?;
    let id = match &body.id {
        Some(id) => CampaignId::parse(id).ok_or_else(|| {
            let detail = "an id is 1 to 64 of the characters A-Z a-z 0-9 _ -";
            Problem::field(Code::InvalidId, "/id", detail)
        })?,
        None => CampaignId::parse(&made_id("cmp", key)).expect("well-formed by its making"),
    };
    let terms = Arc::new(terms(id.clone(), body, now, open_days)?);
    let command = campaign::Command::Announce(terms);
    let content = command.content();
    let command = Command::Campaign(command);
    Operation::of_operator(EntityId::campaign(&id), command, content, key_text)
}

fn terms(
    id: CampaignId,
    body: AnnounceCampaign<'_>,
    now: Timestamp,
    open_days: u16,
) -> Result<Terms, Problem> {
    let currency = fields::currency(&body.currency)?;
    let budget = fields::amount(&body.budget, currency, "/budget")?;
    let starts_at = fields::instant(&body.starts_at, Code::InvalidField, "/starts_at")?;
    let ends_at = fields::instant(&body.ends_at, Code::InvalidField, "/ends_at")?;
    let (first_day, last_day) = days(starts_at, ends_at)?;
    let on_reversal = match body.on_reversal.as_deref() {
        None | Some("claw-back") => OnReversal::ClawBack,
        Some("keep") => OnReversal::Keep,
        Some(_) => {
            return Err(nonsense("/on_reversal", "on_reversal is \"claw-back\" or \"keep\""));
        }
    };
    let least = body.min_amount.as_ref();
    Ok(Terms {
        id,
        name: fields::text(body.name, NAME_MAX, "/name")?,
        currency,
        budget,
        starts_at,
        ends_at,
        first_day,
        last_day,
        odds: odds(&body.odds)?,
        prizes: prizes(&body.prizes, currency)?,
        merchants: body.merchants.map(merchants).transpose()?.unwrap_or_default(),
        min_amount: least
            .map(|least| fields::amount(least, currency, "/min_amount"))
            .transpose()?,
        limits: body.limits.map(|body| limits(&body, currency)).transpose()?.unwrap_or_default(),
        on_reversal,
        priority: body.priority.unwrap_or_default(),
        open_days,
        secret: secret()?,
        announced_at: now,
    })
}

fn secret() -> Result<Secret, Problem> {
    let mut bytes = [0; 32];
    // Without randomness nothing that anyone could check can be drawn.
    getrandom::fill(&mut bytes).map_err(|_| Problem::overloaded())?;
    Ok(Secret(bytes))
}

/// The days whose purchases are drawn.
fn days(starts_at: Timestamp, ends_at: Timestamp) -> Result<(Day, Day), Problem> {
    if ends_at <= starts_at {
        return Err(nonsense("/ends_at", "ends_at must be after starts_at"));
    }
    let first = Day::utc_ms(starts_at.millis());
    let last = Day::utc_ms(ends_at.millis() - 1);
    let out_of_range = || nonsense("/starts_at", "the years go from 0000 to 9999");
    let (first, last) = first.zip(last).ok_or_else(out_of_range)?;
    if last.days() - first.days() >= DAYS_MAX {
        return Err(nonsense("/ends_at", format!("a campaign has at most {DAYS_MAX} days")));
    }
    Ok((first, last))
}

/// A decimal or a fraction.
fn odds(text: &str) -> Result<Odds, Problem> {
    let refuse = || {
        let detail = "odds are a decimal such as \"0.05\" or a fraction such as \"1/20\": above 0, \
                      at most 1, up to 18 digits";
        Problem::field(Code::InvalidOdds, "/odds", detail)
    };
    let digits = |text: &str| -> Option<u64> {
        let good = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| text.parse().ok())?
    };
    let (wins, of) = if let Some((wins, of)) = text.split_once('/') {
        digits(wins).zip(digits(of)).ok_or_else(refuse)?
    } else {
        let (whole, part) = text.split_once('.').map_or((text, None), |(w, p)| (w, Some(p)));
        let decimals = u32::try_from(part.unwrap_or_default().len()).map_err(|_| refuse())?;
        let of = 10_u64.checked_pow(decimals).filter(|of| *of <= ODDS_OF_MAX).ok_or_else(refuse)?;
        let part = part.map_or(Some(0), digits);
        let (whole, part) = digits(whole).zip(part).ok_or_else(refuse)?;
        let wins = whole.checked_mul(of).and_then(|wins| wins.checked_add(part));
        (wins.ok_or_else(refuse)?, of)
    };
    let good = (1..=of).contains(&wins) && of <= ODDS_OF_MAX;
    if good { Ok(Odds { wins, of }) } else { Err(refuse()) }
}

fn prizes(bodies: &[PrizeBody<'_>], currency: Currency) -> Result<Vec<Prize>, Problem> {
    if bodies.is_empty() || bodies.len() > PRIZES_MAX {
        let detail = format!("1 to {PRIZES_MAX} prizes");
        return Err(Problem::field(Code::InvalidPrizes, "/prizes", detail));
    }
    let prize = |(at, body): (usize, &PrizeBody<'_>)| prize(at, body, currency);
    bodies.iter().enumerate().map(prize).collect()
}

fn prize(at: usize, body: &PrizeBody<'_>, currency: Currency) -> Result<Prize, Problem> {
    let place = |field: &str| format!("/prizes/{at}{field}");
    let refuse =
        |field: &str, detail: &str| Problem::field(Code::InvalidPrizes, &place(field), detail);
    let weight = body.weight.unwrap_or(1);
    if weight == 0 {
        return Err(refuse("/weight", "a weight is 1 or more"));
    }
    let worth = match (&body.amount, &body.percent) {
        (Some(amount), None) => {
            if body.rounding.is_some() || body.max.is_some() {
                return Err(refuse("", "rounding and max go with percent"));
            }
            Worth::Fixed(fields::amount(amount, currency, &place("/amount"))?)
        }
        (None, Some(percent)) => {
            let detail = "a percent is a decimal above 0, at most 1000, with up to 4 decimals";
            let millionths = millionths(percent).ok_or_else(|| refuse("/percent", detail))?;
            let rounding = match body.rounding.as_deref() {
                None | Some("down") => Rounding::Down,
                Some("half-even") => Rounding::HalfEven,
                Some("up") => Rounding::Up,
                Some(_) => {
                    return Err(refuse("/rounding", "rounding is down, half-even or up"));
                }
            };
            let max = body.max.as_ref();
            let most = max.map(|max| fields::amount(max, currency, &place("/max"))).transpose()?;
            Worth::Share { millionths, rounding, most }
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(refuse("", "a prize has either an amount or a percent"));
        }
    };
    Ok(Prize { weight, worth })
}

/// A percentage in millionths.
fn millionths(percent: &str) -> Option<u64> {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let percent = Decimal::from_str_exact(percent).ok()?;
    let millionths = percent.checked_mul(Decimal::from(10_000))?;
    let whole = millionths.is_integer() && millionths <= Decimal::from(10_000_000);
    let millionths = u64::try_from(millionths.trunc()).ok().filter(|n| *n > 0)?;
    whole.then_some(millionths)
}

fn merchants(body: MerchantsBody<'_>) -> Result<Merchants, Problem> {
    let ids = rules(body.ids, "/merchants/ids")?;
    let codes = rules(body.category_codes, "/merchants/category_codes")?;
    let names = rules(body.names, "/merchants/names")?;
    let mut ids: Vec<Box<str>> = ids.into_iter().map(|id| id.as_ref().into()).collect();
    ids.sort_unstable();
    ids.dedup();
    let range = |(at, text): (usize, &Cow<'_, str>)| {
        let detail = "a category code is four digits such as \"5411\", or a range such as \
                      \"5812-5814\"";
        let pointer = format!("/merchants/category_codes/{at}");
        code_range(text).ok_or_else(|| nonsense(&pointer, detail))
    };
    let codes = codes.iter().enumerate().map(range).collect::<Result<_, _>>()?;
    let rule = |text: &Cow<'_, str>| match text.strip_suffix('*') {
        Some(begin) => NameRule::BeginsWith(beginning(begin).into()),
        None => NameRule::Exactly(fold(text).into()),
    };
    Ok(Merchants { ids, codes, names: names.iter().map(rule).collect() })
}

/// The beginning of folded names; spaces at its end are part of it.
fn beginning(begin: &str) -> String {
    let spaces = &begin[begin.trim_end().len()..];
    let folded = fold(begin);
    if folded.is_empty() { folded } else { folded + spaces }
}

fn rules<'a>(list: Option<Vec<Cow<'a, str>>>, pointer: &str) -> Result<Vec<Cow<'a, str>>, Problem> {
    let list = list.unwrap_or_default();
    if list.len() > RULES_MAX {
        return Err(nonsense(pointer, format!("at most {RULES_MAX} rules")));
    }
    let bad = |text: &Cow<'_, str>| text.is_empty() || text.len() > RULE_SIZE_MAX;
    if let Some(at) = list.iter().position(bad) {
        let detail = format!("a rule has 1 to {RULE_SIZE_MAX} bytes");
        return Err(nonsense(&format!("{pointer}/{at}"), detail));
    }
    Ok(list)
}

fn code_range(text: &str) -> Option<CodeRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (category_code(first)?, category_code(last)?);
    (first <= last).then_some(CodeRange { first, last })
}

/// A category code: four digits.
pub(in crate::http) fn category_code(text: &str) -> Option<u16> {
    let good = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok())?
}

fn limits(body: &LimitsBody<'_>, currency: Currency) -> Result<Limits, Problem> {
    if body.rewards_per_day == Some(0) {
        return Err(nonsense("/limits/rewards_per_day", "at least 1; pause a campaign instead"));
    }
    let amount = body.amount_per_day.as_ref();
    let amount: Option<Amount> = amount
        .map(|amount| fields::amount(amount, currency, "/limits/amount_per_day"))
        .transpose()?;
    Ok(Limits { rewards: body.rewards_per_day, amount })
}
