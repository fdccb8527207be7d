//! The text of the processor's report, made from its ledger and spoiled by faults.
//!
//! A line for each entry that ended in the last days, refunds too, in the order in which they
//! ended. What a fault may do to it is only what the product says that it detects or survives:
//!
//! | Fault | What comes | What the product says of it |
//! |---|---|---|
//! | cut | half of it, in the middle of a line | detected: nothing of it counts |
//! | contradict | two ends or two ids of a key, two keys of an id | detected: nothing of it counts |
//! | strange | attempts and advances that never were, other people's keys | ignored, and counted |
//! | lie | the opposite of an end that the asker knows | ignored, and counted |
//! | double, shuffle | lines again, in any order | a line counts once, order means nothing |
//! | stale | what it was up to a day ago | the days of two reports overlap by as much |
//!
//! A report that lies about an end that nobody knows, or leaves a line out for good, cannot be seen
//! through by anybody, and is not made.

use std::fmt::Write as _;

use bursar_domain::time::Timestamp;

use crate::parties::mark::{Mark, Strike};
use crate::parties::{Kind, Parties, State};

const DAY_MS: i64 = 86_400_000;

/// A report as it comes.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// Whether the connection broke before its end.
    pub(super) breaks_off: bool,
    /// In parts of so many bytes.
    pub(super) part_bytes: usize,
    /// How many lines say the opposite of the ledger, and could be believed.
    pub(super) lies: u64,
}

#[derive(Clone, Debug)]
struct Line<'a> {
    id: Box<str>,
    key: Box<str>,
    has_succeeded: bool,
    at_ms: i64,
    code: Option<&'a str>,
}

impl Line<'_> {
    fn opposite(&self) -> Self {
        Self { has_succeeded: !self.has_succeeded, code: None, ..self.clone() }
    }

    fn write(&self, out: &mut String) {
        let Self { id, key, has_succeeded, at_ms, code } = self;
        let status = if *has_succeeded { "succeeded" } else { "failed" };
        let at = Timestamp::from_millis(*at_ms).expect("an instant of the simulation");
        let written = write!(out, r#"{{"id":"{id}","key":"{key}","status":"{status}","at":"{at}""#);
        written.expect("a string takes all");
        if let Some(code) = code {
            write!(out, r#","code":"{code}""#).expect("a string takes all");
        }
        out.push_str("}\n");
    }
}

/// The report of the last days, with what befalls it.
pub(super) fn write(
    parties: &Parties,
    (now_ms, days): (i64, u16),
    strikes: &[(Kind, Strike)],
    is_known: &dyn Fn(&str) -> bool,
) -> Text {
    let stale_ms = strikes
        .iter()
        .filter_map(|(kind, _)| if let Kind::Stale { ms } = kind { Some(*ms) } else { None });
    let until_ms = now_ms - stale_ms.max().unwrap_or(0);
    let from_ms = until_ms - i64::from(days) * DAY_MS;
    let mut lines: Vec<Line<'_>> = parties
        .ended(from_ms, until_ms)
        .map(|entry| Line {
            id: entry.id.clone(),
            key: entry.key.clone(),
            has_succeeded: entry.state == State::Succeeded,
            at_ms: entry.ended_ms,
            code: entry.code,
        })
        .collect();
    let mut lies = 0;
    for (kind, strike) in strikes {
        lies += spoil(&mut lines, *kind, *strike, (now_ms, is_known));
    }
    let mut text = String::with_capacity(lines.len() * 128);
    for line in &lines {
        line.write(&mut text);
    }
    let cut = strikes.iter().find(|(kind, _)| *kind == Kind::Cut);
    if cut.is_some() {
        halve(&mut text);
    }
    // Half of what breaks off looks whole from outside but for its last line.
    let breaks_off = cut.is_some_and(|(_, strike)| strike.coin(4));
    let part_bytes = strikes.first().map_or(4_096, |(_, strike)| pick(*strike, 5, 200) + 1);
    Text { bytes: text.into_bytes(), breaks_off, part_bytes, lies }
}

/// What ends in the middle of the line half-way; of nothing, the beginning of a line.
fn halve(text: &mut String) {
    let half = text.len() / 2;
    let begins = text[..half].rfind('\n').map_or(0, |end| end + 1);
    text.truncate(begins.max(half));
    if text.is_empty() || text.ends_with('\n') || text.ends_with('}') {
        text.truncate(begins);
        text.push('{');
    }
}

fn pick(strike: Strike, purpose: u64, bound: usize) -> usize {
    usize::try_from(strike.below(purpose, bound as u64)).expect("below a length")
}

/// Spoils the lines; how many lies there are that could be believed.
fn spoil(
    lines: &mut Vec<Line<'_>>,
    kind: Kind,
    strike: Strike,
    (now_ms, is_known): (i64, &dyn Fn(&str) -> bool),
) -> u64 {
    match kind {
        Kind::Contradict => contradict(lines, strike, now_ms),
        Kind::Strange => strange(lines, strike, now_ms),
        Kind::Lie => {
            let mut lies = 0;
            for line in lines.iter_mut().filter(|line| is_known(&line.key)) {
                if Mark::of(&line.key).strike(strike.below(6, u64::MAX), 0, 0).coin(1) {
                    *line = line.opposite();
                    lies += 1;
                }
            }
            return lies;
        }
        Kind::Double => {
            let again: Vec<_> = lines
                .iter()
                .filter(|line| Mark::of(&line.key).0.is_multiple_of(3))
                .cloned()
                .collect();
            lines.extend(again);
        }
        Kind::Shuffle => {
            let salt = strike.below(7, u64::MAX);
            lines.sort_by_key(|line| Mark::of(&line.key).with(salt));
        }
        Kind::Decline
        | Kind::Pending { .. }
        | Kind::Error { .. }
        | Kind::Break
        | Kind::Swallow
        | Kind::LoseAnswer
        | Kind::Linger { .. }
        | Kind::Slow { .. }
        | Kind::Lag { .. }
        | Kind::Twice { .. }
        | Kind::Throttle { .. }
        | Kind::Refuse
        | Kind::TurnAway
        | Kind::Busy
        | Kind::Cut
        | Kind::Stale { .. }
        | Kind::Forget => {}
    }
    0
}

/// Says two things of one transaction, or of one that never was.
fn contradict(lines: &mut Vec<Line<'_>>, strike: Strike, now_ms: i64) {
    if lines.is_empty() {
        lines.push(other("never-was", now_ms));
    }
    let line = lines[pick(strike, 8, lines.len())].clone();
    let more = match strike.below(9, 3) {
        0 => line.opposite(),
        1 => Line { id: "ptx_another".into(), ..line },
        _ => Line { key: "another-key".into(), ..line },
    };
    lines.push(more);
}

/// Speaks of what was never asked for.
fn strange(lines: &mut Vec<Line<'_>>, strike: Strike, now_ms: i64) {
    lines.push(other(&format!("shop/{}", strike.below(10, 1_000)), now_ms));
    lines.push(other("adv_9999999999/d1/1", now_ms));
    let debit = |line: &&Line<'_>| {
        let mut parts = line.key.split('/');
        line.key.starts_with("adv_") && parts.clone().count() == 3 && parts.nth(1).is_some()
    };
    let debits: Vec<_> = lines.iter().filter(debit).map(|line| line.key.clone()).collect();
    for key in debits.iter().take(4) {
        let never = key.rfind('/').map(|end| format!("{}/{}", &key[..end], 60_000));
        let beyond = key.find('/').map(|end| format!("{}/d4000000000/1", &key[..end]));
        lines.extend([never, beyond].into_iter().flatten().map(|key| other(&key, now_ms)));
    }
}

fn other<'a>(key: &str, at_ms: i64) -> Line<'a> {
    let id = format!("ptx_other_{:016x}", Mark::of(key).0).into();
    let has_succeeded = Mark::of(key).0.is_multiple_of(2);
    Line { id, key: key.into(), has_succeeded, at_ms, code: None }
}
