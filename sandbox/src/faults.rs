//! What is to go wrong: the faults that stand, and which of them strikes a call.
//!
//! Several faults may stand; they are asked in the order in which they were ordered, and the first
//! that matches and strikes wins. A fault with a count is gone once it has struck so often. Each
//! draws its own chance ([`crate::chance`]), from its number in the order of faults, so that two
//! faults of a half strike independently.
//!
//! A call whose key is settled already (booked, made, voided) is never declined or left pending:
//! it has its answer. Everything that only keeps the answer away still strikes it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calls::Route;
use crate::chance::{Chance, WHOLE_PPM};
use crate::change::Misfit;
use crate::journal::forms;

/// How a call goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// The answer is no.
    Decline,
    /// Fails, nothing was done.
    Error,
    /// Nothing was done and no answer comes.
    Timeout,
    /// Done, but no answer comes.
    LoseAnswer,
    /// Done and answered, late.
    Slow,
    /// Too many calls, says the answer; nothing was done.
    RateLimit,
    /// Answered with `pending`, settled later or never. An extension of the contract's modes, as
    /// are those that follow.
    Pending,
    /// The report breaks off half-way.
    Cut,
    /// The report says two things of one transaction.
    Contradict,
}

/// How what is pending ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Then {
    /// It succeeds.
    Succeeded,
    /// It fails.
    Failed,
    /// It never does: nobody ever hears of it again.
    Silent,
}

impl Mode {
    /// Whether it can happen to calls of this kind.
    pub(crate) fn suits(self, route: Route) -> bool {
        match self {
            Self::Decline => route.moves_money() || matches!(route, Route::Documents | Route::Mail),
            Self::Pending => route.moves_money(),
            Self::Cut | Self::Contradict => route == Route::Report,
            Self::Error | Self::Timeout | Self::LoseAnswer | Self::Slow | Self::RateLimit => true,
        }
    }

    /// How long it takes unless said otherwise; `None` where there is nothing to wait for.
    pub(crate) fn delay_default(self) -> Option<Duration> {
        match self {
            Self::Decline | Self::Error | Self::Cut | Self::Contradict => None,
            Self::Timeout | Self::LoseAnswer => Some(Duration::from_secs(30)),
            Self::Slow | Self::RateLimit | Self::Pending => Some(Duration::from_secs(1)),
        }
    }

    /// Whether it says how a call ends, rather than whether an answer comes.
    fn settles(self) -> bool {
        match self {
            Self::Decline | Self::Pending => true,
            Self::Error
            | Self::Timeout
            | Self::LoseAnswer
            | Self::Slow
            | Self::RateLimit
            | Self::Cut
            | Self::Contradict => false,
        }
    }
}

/// A fault as ordered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// Which calls it is for.
    pub(crate) route: Route,
    /// What happens to them.
    pub(crate) mode: Mode,
    /// How often it strikes; for ever without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    /// How likely it strikes a call, in parts per million; always without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability_ppm: Option<u32>,
    /// Only calls about this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// How long it takes.
    #[serde(
        rename = "delay_ms",
        with = "forms::delay",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) delay: Option<Duration>,
    /// Why, for what is declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Arc<str>>,
    /// How what is pending ends; without, it fails if there is a code, and else it succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<Then>,
}

/// A fault that stands.
#[derive(Debug)]
struct Fault {
    /// Its number in the order of faults, from 1.
    number: u64,
    order: Order,
    /// How often it struck.
    struck: u64,
}

/// A call, as far as faults look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// What it is for.
    pub(crate) route: Route,
    /// What its chance is drawn for: the idempotency key, or what stands for it.
    pub(crate) key: &'a str,
    /// The account that it is about.
    pub(crate) account: Option<&'a str>,
    /// Whether the key has its answer already.
    pub(crate) settled: bool,
}

/// What befalls a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Strike {
    /// The number of the fault.
    pub(crate) fault: u64,
    /// What happens.
    pub(crate) mode: Mode,
    /// How long it takes.
    pub(crate) delay: Duration,
    /// Why, for what is declined.
    pub(crate) code: Option<Arc<str>>,
    /// How what is pending ends.
    pub(crate) then: Option<Then>,
}

/// The faults that stand, in the order in which they are asked.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: Vec<Fault>,
    ordered: u64,
}

impl Faults {
    /// The most faults that stand at once.
    pub(crate) const MAX: usize = 1_000;

    /// How many stand.
    pub(crate) fn len(&self) -> usize {
        self.standing.len()
    }

    /// Has one more stand.
    pub(crate) fn add(&mut self, order: Order) {
        self.ordered += 1;
        self.standing.push(Fault { number: self.ordered, order, struck: 0 });
    }

    /// The one that was ordered last, if it stands.
    pub(crate) fn last_to_json(&self) -> Option<Value> {
        self.standing.last().map(Fault::to_json)
    }

    /// All that stand.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        self.standing.iter().map(Fault::to_json).collect()
    }

    /// Has none stand. Numbers go on, so that later faults have chances of their own.
    pub(crate) fn clear(&mut self) {
        self.standing.clear();
    }

    /// What befalls the `attempt`th call of this key; it has struck only with [`Faults::struck`].
    pub(crate) fn strike(
        &self,
        chance: Chance,
        target: Target<'_>,
        attempt: u32,
    ) -> Option<Strike> {
        let mut standing = self.standing.iter();
        let fault = standing
            .find(|fault| fault.matches(target) && fault.happens(chance, target, attempt))?;
        Some(Strike {
            fault: fault.number,
            mode: fault.order.mode,
            delay: fault.order.delay.unwrap_or_default(),
            code: fault.order.code.clone(),
            then: fault.order.then,
        })
    }

    /// The fault of this number has struck.
    pub(crate) fn struck(&mut self, number: u64) -> Result<(), Misfit> {
        let found = self.standing.iter().position(|fault| fault.number == number);
        let index = found.ok_or(Misfit("no such fault stands"))?;
        let fault = &mut self.standing[index];
        fault.struck += 1;
        if fault.left() == Some(0) {
            self.standing.remove(index);
        }
        Ok(())
    }
}

impl Fault {
    fn matches(&self, target: Target<'_>) -> bool {
        let order = &self.order;
        order.route == target.route
            && !(target.settled && order.mode.settles())
            && order.account.as_deref().is_none_or(|account| Some(account) == target.account)
    }

    fn happens(&self, chance: Chance, target: Target<'_>, attempt: u32) -> bool {
        let Some(probability_ppm) = self.order.probability_ppm else { return true };
        let purpose = format!("fault {} {}", self.number, target.route.word());
        chance.draw(&purpose, target.key, attempt).happens(probability_ppm)
    }

    /// How often it will strike.
    fn left(&self) -> Option<u64> {
        self.order.count.map(|count| u64::from(count) - self.struck)
    }

    fn to_json(&self) -> Value {
        let order = &self.order;
        let mut view = json!({
            "id": format!("flt_{}", self.number),
            "route": order.route,
            "mode": order.mode,
            "struck": self.struck,
        });
        if let Some(left) = self.left() {
            view["count"] = json!(left);
        }
        if let Some(probability_ppm) = order.probability_ppm {
            let (whole, part) = (probability_ppm / WHOLE_PPM, probability_ppm % WHOLE_PPM);
            view["probability"] = json!(format!("{whole}.{part:06}"));
        }
        if let Some(account) = &order.account {
            view["match"] = json!({ "account": account });
        }
        if let Some(delay) = order.delay {
            view["delay_ms"] = json!(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(code) = &order.code {
            view["code"] = json!(code);
        }
        if let Some(then) = order.then {
            view["then"] = json!(then);
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(mode: Mode) -> Order {
        Order {
            route: Route::Pull,
            mode,
            count: None,
            probability_ppm: None,
            account: None,
            delay: None,
            code: None,
            then: None,
        }
    }

    fn pull(key: &str) -> Target<'_> {
        Target { route: Route::Pull, key, account: Some("alice"), settled: false }
    }

    fn struck(faults: &mut Faults, target: Target<'_>) -> Option<Mode> {
        let strike = faults.strike(Chance::new(1), target, 1)?;
        faults.struck(strike.fault).expect("it stands");
        Some(strike.mode)
    }

    #[test]
    fn the_first_that_matches_and_strikes_wins() {
        let mut faults = Faults::default();
        faults.add(Order { probability_ppm: Some(0), ..order(Mode::Slow) });
        faults.add(Order { account: Some("bob".into()), ..order(Mode::Error) });
        faults.add(Order { count: Some(2), ..order(Mode::Decline) });
        faults.add(order(Mode::Timeout));
        let found = [1, 2, 3].map(|_| struck(&mut faults, pull("k")));
        assert_eq!(found, [Some(Mode::Decline), Some(Mode::Decline), Some(Mode::Timeout)]);
        assert_eq!(faults.to_json().len(), 3, "the count of one is used up");
        let bob = Target { account: Some("bob"), ..pull("k") };
        assert_eq!(struck(&mut faults, bob), Some(Mode::Error));
        assert_eq!(struck(&mut faults, Target { route: Route::Push, ..pull("k") }), None);
        faults.clear();
        assert_eq!(struck(&mut faults, pull("k")), None);
    }

    #[test]
    fn a_settled_key_only_loses_its_answer() {
        let mut faults = Faults::default();
        let settled = Target { settled: true, ..pull("k") };
        faults.add(Order { count: Some(1), ..order(Mode::Decline) });
        faults.add(order(Mode::Pending));
        assert_eq!(struck(&mut faults, settled), None);
        assert_eq!(faults.to_json()[0]["count"], 1, "it did not strike");
        faults.add(order(Mode::LoseAnswer));
        assert_eq!(struck(&mut faults, settled), Some(Mode::LoseAnswer));
    }

    #[test]
    fn chance_does_not_depend_on_the_order_of_calls() {
        let all = |keys: &mut dyn Iterator<Item = u32>| {
            let mut faults = Faults::default();
            for mode in [Mode::Error, Mode::Timeout] {
                let half = Order { probability_ppm: Some(500_000), ..order(mode) };
                faults.add(half);
            }
            let mut found: Vec<_> =
                keys.map(|key| (key, struck(&mut faults, pull(&key.to_string())))).collect();
            found.sort_by_key(|&(key, _)| key);
            found
        };
        let forwards = all(&mut (0..1_000));
        assert_eq!(forwards, all(&mut (0..1_000).rev()));
        for mode in [None, Some(Mode::Error), Some(Mode::Timeout)] {
            let count = forwards.iter().filter(|(_, found)| *found == mode).count();
            assert!(count > 200, "{mode:?}: {count} of 1000, the draws are independent");
        }
    }

    #[test]
    fn a_fault_shows_how_it_stands() {
        let mut faults = Faults::default();
        faults.add(Order {
            count: Some(3),
            probability_ppm: Some(50_000),
            account: Some("alice".into()),
            delay: Some(Duration::from_millis(20)),
            code: Some("r01".into()),
            then: Some(Then::Failed),
            ..order(Mode::Pending)
        });
        let expected = json!({
            "id": "flt_1", "route": "pull", "mode": "pending", "struck": 0, "count": 3,
            "probability": "0.050000", "match": { "account": "alice" }, "delay_ms": 20,
            "code": "r01", "then": "failed",
        });
        assert_eq!(faults.last_to_json(), Some(expected));
    }
}
