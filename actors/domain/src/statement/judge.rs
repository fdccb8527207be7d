//! What becomes of submitted lines, one by one.
//!
//! Order of the checks: is the line known, with this content or another; only then the currency, the
//! amount, the date, the size of the window. So a line that was taken stays a duplicate as long as it
//! is remembered, and a refused line may come again, corrected. Lines are judged in the order of the
//! call, each with what those before it said.
//!
//! A line comes up to three times under one id: pending, posted, reversed; each is new once. A
//! pending one that comes after its posted one changes nothing any more. Posted ones are drawn, once
//! for each purchase, which is what the line names: its `pending_id`, or else its own id.
//!
//! A line that conflicts with a known one and is dated later is remembered in so far that the known
//! one is kept until that date leaves the window: else it would be new one day, and drawn again.
//!
//! Invariant: judging reads only; the same lines on the same state at the same time are answered the
//! same.

use crate::call::Context;
use crate::plan::Day;
use crate::planted::{self, Bug};
use crate::statement::event::{Entry, Taken, answers};
use crate::statement::line::{Line, LineAnswer, LineRefusal, LineStatus, LineVerdict, Submitted};
use crate::statement::window::{Ahead, Facts, Lines, note};
use crate::statement::{Statement, Take, WINDOW_LINES_MAX};

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Days since 1970 change at this time zone first: the date is nowhere later.
const FIRST_ZONE_HOURS: i64 = 14;

/// What a line is held against besides what is known.
struct Bounds {
    oldest: Day,
    newest: Day,
}

impl Statement {
    /// What each line of a call is answered now, in its order. When something is new,
    /// [`Taken::answers`] says the same from the record; when nothing is, there is no record, and
    /// this is the answer.
    pub fn judge(&self, take: &Take, context: &Context<'_>) -> Vec<LineAnswer> {
        let taken = self.judged(take, context);
        answers(taken.entries.len(), &taken.others)
    }

    /// What a call comes to.
    pub(super) fn judged(&self, take: &Take, context: &Context<'_>) -> Taken {
        let bounds = self.bounds(context);
        let mut ahead = Ahead::of(&self.window, bounds.oldest);
        let mut taken = Taken {
            wallet: take.wallet.clone(),
            currency: take.currency,
            today: Day::utc(context.now),
            oldest: bounds.oldest,
            entries: Vec::new(),
            others: Vec::new(),
            kept: Vec::new(),
        };
        for (place, submitted) in take.lines.iter().enumerate() {
            let verdict = verdict(&ahead, submitted, take).or_else(|| {
                let is_full =
                    || ahead.has_as_many_as(WINDOW_LINES_MAX).then_some(LineRefusal::Full);
                bounds.refuse(submitted, take).or_else(is_full).map(LineVerdict::Refused)
            });
            if let Some(verdict) = verdict {
                if verdict == LineVerdict::Conflict && bounds.refuse(submitted, take).is_none() {
                    taken.kept.extend(kept(&mut ahead, &submitted.line));
                }
                let place = u16::try_from(place).expect("a decision takes few lines");
                taken.others.push((place, verdict));
                continue;
            }
            let entry = entry(&ahead, submitted);
            if !planted::is(Bug::DrawnTwice) {
                note(&mut ahead, &entry);
            }
            taken.entries.push(entry);
        }
        taken
    }

    fn bounds(&self, context: &Context<'_>) -> Bounds {
        let days = context.policy.rewarding.taken_days();
        let oldest = Day::utc(context.now).checked_add_days(-days).unwrap_or(Day::MIN);
        let first_zone = context.now.millis().saturating_add(FIRST_ZONE_HOURS * HOUR_MS);
        let newest = Day::utc_ms(first_zone).unwrap_or(Day::MAX);
        Bounds { oldest: oldest.max(self.window.oldest), newest }
    }
}

impl Bounds {
    fn refuse(&self, submitted: &Submitted, take: &Take) -> Option<LineRefusal> {
        let content = submitted.line.content();
        if submitted.currency != take.currency {
            Some(LineRefusal::Currency)
        } else if !content.amount.is_positive() {
            Some(LineRefusal::Amount)
        } else if content.date > self.newest {
            Some(LineRefusal::Ahead)
        } else {
            (content.date < self.oldest).then_some(LineRefusal::TooOld)
        }
    }
}

/// What is kept longer because a posted line of a later date conflicts with it: the known line, and
/// the purchase that it would be drawn for.
fn kept(ahead: &mut Ahead<'_>, line: &Line) -> Vec<(u64, Day)> {
    let date = line.content().date;
    let mut kept = Vec::new();
    if line.content().status != LineStatus::Posted {
        return kept;
    }
    for slot in [line.slot(), line.purchase_slot()] {
        if let Some(mut known) = ahead.get(slot).filter(|known| known.day < date) {
            known.day = date;
            ahead.set(slot, known);
            kept.push((slot, date));
        }
    }
    kept
}

/// What a known line is; `None` when there is something new in it.
fn verdict(ahead: &Ahead<'_>, submitted: &Submitted, take: &Take) -> Option<LineVerdict> {
    let (line, content) = (&submitted.line, submitted.line.content());
    let known = ahead.get(line.slot())?;
    let compared = || {
        let same = known.mark == line.mark() && submitted.currency == take.currency;
        if same { LineVerdict::Duplicate } else { LineVerdict::Conflict }
    };
    let (is_pending, is_posted) = (known.has(Facts::PENDING), known.has(Facts::POSTED));
    match content.status {
        LineStatus::Pending if is_posted => Some(LineVerdict::Duplicate),
        LineStatus::Pending => is_pending.then(compared),
        LineStatus::Posted => is_posted.then(compared),
        LineStatus::Reversed => {
            // What is given back is said anew by each bank in its own way; only a reversal with an
            // id of its own has a content of its own.
            let is_own = content.reversal_of.is_some() && !is_pending && !is_posted;
            let verdict = || if is_own { compared() } else { LineVerdict::Duplicate };
            known.has(Facts::REVERSED).then(verdict)
        }
    }
}

/// A new line with what it is to bring about.
fn entry(ahead: &Ahead<'_>, submitted: &Submitted) -> Entry {
    let line = &submitted.line;
    let (draws, replaces) = match line.content().status {
        LineStatus::Pending | LineStatus::Reversed => (false, None),
        LineStatus::Posted => {
            let purchase = ahead.get(line.purchase_slot());
            let is_drawn = purchase.is_some_and(|known| known.has(Facts::DRAWN));
            (!is_drawn, replaced(ahead, line))
        }
    };
    Entry { line: std::sync::Arc::clone(line), draws, replaces }
}

/// The pending line that a posted one replaces, besides one of the same id.
fn replaced(ahead: &Ahead<'_>, line: &Line) -> Option<u64> {
    if line.content().pending_id.is_some() {
        return Some(line.purchase_slot()).filter(|slot| *slot != line.slot());
    }
    let own = ahead.get(line.slot());
    if own.is_some_and(|own| own.has(Facts::PENDING) || own.has(Facts::DRAWN)) {
        return None;
    }
    ahead.replaced_by(line.slot(), line.likeness(), line.content().date)
}
