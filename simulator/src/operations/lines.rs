//! Taking bank lines in, some at a time.
//!
//! Needs the wallet. Every line is answered for itself: new, duplicate, conflict, refused. If none
//! is new there is no record. Drawn as banks send them: pending, then posted under the same or
//! another id, in overlapping batches, reversed now and then; with wrong currencies and dates.

use std::sync::Arc;

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{
    self, Content, Event, Line, LineAnswer, LineStatus, Submitted, Take,
};

use super::cast::Cast;
use super::{Operation, Sending, currency, money, wallet_id};
use crate::chance::Chance;
use crate::facts::given::{self, Stage};
use crate::facts::wish::Money;
use crate::facts::{Granted, Number, Said, Wish, names};

impl Operation for given::Lines {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        sending.known.place(self.opened)?;
        let name = |number: Number| names::line(number).into();
        let line = |line: &given::Line| {
            let (amount, currency) = money(line.money);
            let content = Content {
                id: name(line.number),
                date: sending.known.day(line.day),
                status: match line.stage {
                    Stage::Pending => LineStatus::Pending,
                    Stage::Posted => LineStatus::Posted,
                    Stage::Reversed => LineStatus::Reversed,
                },
                from_account: None,
                to_account: None,
                amount,
                description: None,
                merchant: None,
                pending_id: line.replaces.map(name),
                reversal_of: line.reverses.map(name),
            };
            let line = Line::new(content).expect("made of letters and digits");
            Submitted { line: Arc::new(line), currency }
        };
        let wallet = wallet_id(self.wallet);
        let lines = self.lines.iter().map(line).collect();
        let to = EntityId::statement(&wallet);
        let take = Take { wallet, currency: currency(self.currency), lines };
        Some((to, Command::Statement(statement::Command::Take(take))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Statement(events) = &record.verdict else { return None };
        let [Event::Taken(taken)] = events.as_slice() else { return None };
        self.words(&taken.answers()).map(Granted::Judged)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        let Answer::Known(answers) = answer else { return None };
        let words = self.words(answers)?;
        (!words.contains(&"new")).then_some(Said::Unchanged)
    }
}

impl given::Lines {
    /// A word for each line; `None` when there are more or fewer answers.
    fn words(&self, answers: &[LineAnswer]) -> Option<Vec<&'static str>> {
        let words = answers.iter().map(|answer| answer.as_str());
        (answers.len() == self.lines.len()).then(|| words.collect())
    }
}

/// Draws some lines: new ones, and old ones again, further on.
pub(super) fn draw(chance: &mut Chance, cast: &mut Cast, today: i32) -> Wish {
    let index = cast.known_wallet(chance);
    let wallet = cast.wallets[index];
    let count = chance.between(1, 6);
    let lines = (0..count).map(|_| line(chance, cast, index, today)).collect();
    let opened = wallet.number;
    Wish::Lines(given::Lines { wallet: wallet.number, opened, currency: wallet.currency, lines })
}

fn line(chance: &mut Chance, cast: &mut Cast, wallet: usize, today: i32) -> given::Line {
    let fresh = Number::try_from(cast.lines.len()).expect("a plan is small");
    let before: Vec<given::Line> =
        cast.lines.iter().filter(|(of, _)| *of == wallet).map(|(_, line)| *line).collect();
    if !before.is_empty() && chance.strikes(450_000) {
        let mut line = *chance.pick(&before);
        match chance.weighted(&[3, 3, 2, 2, 1]) {
            0 => {}
            1 => line.stage = Stage::Posted,
            2 => line.stage = Stage::Reversed,
            3 => {
                line.replaces = (line.stage == Stage::Pending).then_some(line.number);
                (line.number, line.stage, line.reverses) = (fresh, Stage::Posted, None);
            }
            _ => line.money.amount += 1,
        }
        if line.stage != Stage::Posted {
            line.replaces = None;
        }
        if line.stage != Stage::Reversed {
            line.reverses = None;
        } else if chance.strikes(400_000) {
            (line.reverses, line.number) = (Some(line.number), fresh);
        }
        if line.number == fresh {
            cast.lines.push((wallet, line));
        }
        return line;
    }
    let day = if chance.strikes(20_000) {
        *chance.pick(&[today + 3, today - 40])
    } else {
        today - i32::try_from(chance.below(3)).expect("below three")
    };
    let currency = if chance.strikes(20_000) { "KWD" } else { cast.wallets[wallet].currency };
    let stage = if chance.strikes(600_000) { Stage::Posted } else { Stage::Pending };
    let amount = if chance.strikes(5_000) { i64::MAX / 3 } else { cast.amount(chance) };
    let money = Money { amount, currency };
    let line = given::Line { number: fresh, day, stage, money, replaces: None, reverses: None };
    cast.lines.push((wallet, line));
    line
}
