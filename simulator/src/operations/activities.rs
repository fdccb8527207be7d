//! Noting what a provider did for members, some lines at a time.
//!
//! Every line is answered for itself: new, duplicate, conflict, refused. If none is new there is no
//! record. Drawn with overlaps, with the same numbers and other content, with wrong currencies and
//! with dates too far away. A provider that is paid at once takes none.

use std::sync::Arc;

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::provider::{self, Activity, ActivityLine, LineAnswer};
use bursar_domain::record::Record;

use super::cast::Cast;
use super::{Operation, Sending, money, provider_events, provider_id};
use crate::chance::Chance;
use crate::facts::wish::Money;
use crate::facts::{Granted, Number, Said, Wish, names, owed};

impl Operation for owed::Activities {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let line = |line: &owed::Activity| {
            let (amount, currency) = money(line.money);
            let id = names::activity(line.number).into();
            let member = format!("m{}", line.member).into();
            let day = sending.known.day(line.day);
            let activity = Activity::new(id, member, day, None, amount);
            let activity = Arc::new(activity.expect("made of letters and digits"));
            ActivityLine { activity, currency }
        };
        let lines = self.lines.iter().map(line).collect();
        let command = provider::Command::Activities(provider::Activities::new(lines));
        Some((EntityId::provider(&provider_id(self.provider)), Command::Provider(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::ProviderNotFound, Code::SettlementIsImmediate]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let events = provider_events(record)?;
        let Some(provider::Event::Activities(noted)) = events.last() else { return None };
        self.words(&noted.answers()).map(Granted::Judged)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        let Answer::Judged(answers) = answer else { return None };
        let words = self.words(answers)?;
        (!words.contains(&"new")).then_some(Said::Unchanged)
    }
}

impl owed::Activities {
    /// A word for each line; `None` when there are more or fewer answers.
    fn words(&self, answers: &[LineAnswer]) -> Option<Vec<&'static str>> {
        let words = answers.iter().map(|answer| answer.as_str());
        (answers.len() == self.lines.len()).then(|| words.collect())
    }
}

/// Draws some lines: new ones, and old ones again.
pub(super) fn draw(chance: &mut Chance, cast: &mut Cast, today: i32) -> Wish {
    let provider = cast.provider(chance);
    let count = chance.between(1, 6);
    let lines = (0..count).map(|_| line(chance, cast, provider.currency, today)).collect();
    Wish::Activities(owed::Activities { provider: provider.number, lines })
}

fn line(
    chance: &mut Chance,
    cast: &mut Cast,
    currency: &'static str,
    today: i32,
) -> owed::Activity {
    let is_old = !cast.activities.is_empty() && chance.strikes(300_000);
    if is_old {
        let mut again = *chance.pick(&cast.activities);
        if chance.strikes(150_000) {
            again.money.amount = again.money.amount.checked_add(1).unwrap_or(1);
        }
        return again;
    }
    let number = Number::try_from(cast.activities.len()).expect("a plan is small");
    let day = if chance.strikes(20_000) {
        *chance.pick(&[today + 3, today - 740])
    } else {
        today - i32::try_from(chance.below(3)).expect("below three")
    };
    let amount = if chance.strikes(10_000) { i64::MAX } else { cast.amount(chance) };
    let currency = if chance.strikes(20_000) { "KWD" } else { currency };
    let member = u32::try_from(chance.below(4)).expect("below four");
    let money = Money { amount, currency };
    let activity = owed::Activity { number, member, day, money };
    cast.activities.push(activity);
    activity
}
