//! The model: what a provider should have become, written as simply as possible.
//!
//! It keeps every line for ever, runs every missed period by itself, and counts the ends of
//! periods by going through days one by one, in UTC, without the calendar under test. It shares no
//! code with the rules and knows nothing of events.

use std::collections::HashMap;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// A calendar in UTC, at a full hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    Daily { hour: i64 },
    Weekly { weekday: i64, hour: i64 },
    Monthly { day: i64, hour: i64 },
}

impl Rule {
    fn has(self, days: i64) -> bool {
        match self {
            Self::Daily { .. } => true,
            // 1970-01-01 was a Thursday, the fourth day.
            Self::Weekly { weekday, .. } => (days + 3).rem_euclid(7) + 1 == weekday,
            Self::Monthly { day, .. } => day_of_month(days) == day,
        }
    }

    fn next_after(self, at: i64) -> i64 {
        let (Self::Daily { hour } | Self::Weekly { hour, .. } | Self::Monthly { hour, .. }) = self;
        let today = at.div_euclid(DAY);
        let ends = (today..today + 40).filter(|days| self.has(*days));
        let mut ends = ends.map(|days| days * DAY + hour * HOUR);
        ends.find(|end| *end > at).expect("each month has one")
    }
}

/// Goes through the months since 1970.
fn day_of_month(days: i64) -> i64 {
    let (mut left, mut year, mut month) = (days, 1970, 0);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let length = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        if left < length {
            return left + 1;
        }
        left -= length;
        month += 1;
        if month == 12 {
            (year, month) = (year + 1, 0);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Payment,
    Refund,
    Activity,
}

/// Something that accrued or was taken off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// In which period; 0 in none.
    pub(crate) period: u64,
    pub(crate) what: What,
    pub(crate) minor: i64,
}

/// A period that ended: what was sent, or why nothing was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct End {
    pub(crate) number: u64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) sent: Result<i64, &'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Running {
    pub(crate) number: u64,
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// A submitted line: id, content, days from now, amount, whether the currency is right.
pub(crate) type Submitted = (u8, u8, i64, i64, bool);

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) now: i64,
    /// What was said last; `None` is at once.
    pub(crate) wish: Option<Rule>,
    pub(crate) calendar: Option<Rule>,
    pub(crate) minimum: i64,
    pub(crate) declines_max: u32,
    pub(crate) one: bool,
    pub(crate) accrued: i128,
    pub(crate) pending: Option<i64>,
    pub(crate) reimbursed: i128,
    /// Payments and activities without refunds.
    pub(crate) earned: i128,
    pub(crate) declines: u32,
    pub(crate) on_hold: bool,
    pub(crate) running: Option<Running>,
    pub(crate) last: u64,
    pub(crate) lines: Vec<Line>,
    pub(crate) ends: Vec<End>,
    known: HashMap<u8, Submitted>,
}

impl Model {
    pub(crate) fn registered(now: i64, wish: Option<Rule>) -> Self {
        let mut model = Self {
            now,
            wish,
            calendar: wish,
            minimum: 0,
            declines_max: 3,
            one: false,
            accrued: 0,
            pending: None,
            reimbursed: 0,
            earned: 0,
            declines: 0,
            on_hold: false,
            running: None,
            last: 0,
            lines: Vec::new(),
            ends: Vec::new(),
            known: HashMap::new(),
        };
        model.begin();
        model
    }

    fn begin(&mut self) {
        if self.running.is_none()
            && let Some(rule) = self.wish.or(self.calendar)
        {
            self.run(self.now, rule.next_after(self.now));
        }
    }

    fn run(&mut self, from: i64, until: i64) {
        self.last += 1;
        self.running = Some(Running { number: self.last, from, until });
        self.calendar = self.wish.or(self.calendar);
    }

    /// Ends what is over, one period after the other.
    pub(crate) fn run_due(&mut self) {
        while let Some(Running { number, from, until }) = self.running
            && until <= self.now
        {
            let rule = self.wish.or(self.calendar).expect("a period has a calendar");
            let goes_on = self.wish.is_some() || self.accrued > 0 || self.pending.is_some();
            let mut to = until;
            while self.one && goes_on && rule.next_after(to) <= self.now {
                to = rule.next_after(to);
            }
            let sent = if self.accrued <= 0 {
                Err("zero")
            } else if self.on_hold {
                Err("on-hold")
            } else if self.pending.is_some() {
                Err("in-reimbursement")
            } else if self.accrued < i128::from(self.minimum) {
                Err("under-minimum")
            } else {
                Ok(i64::try_from(self.accrued).unwrap_or(i64::MAX))
            };
            if let Ok(minor) = sent {
                self.pending = Some(minor);
                self.accrued -= i128::from(minor);
            }
            self.ends.push(End { number, from, to, sent });
            self.running = None;
            if goes_on {
                self.run(to, rule.next_after(to));
            }
        }
    }

    fn line(&mut self, what: What, minor: i64) {
        let period = self.running.map_or(0, |running| running.number);
        self.lines.push(Line { period, what, minor });
        self.accrued += i128::from(minor);
        self.earned += i128::from(minor);
    }

    pub(crate) fn pay(&mut self, what: What, minor: i64) {
        self.run_due();
        self.begin();
        self.line(what, minor);
    }

    pub(crate) fn pay_settled(&mut self, minor: i64) {
        self.run_due();
        self.reimbursed += i128::from(minor);
        self.earned += i128::from(minor);
    }

    pub(crate) fn paid(&mut self) {
        self.run_due();
        self.reimbursed += i128::from(self.pending.take().expect("on its way"));
        self.declines = 0;
    }

    pub(crate) fn returned(&mut self, declined: bool) {
        self.run_due();
        self.accrued += i128::from(self.pending.take().expect("on its way"));
        self.declines += u32::from(declined);
        self.on_hold |= declined && self.declines >= self.declines_max;
    }

    /// Whether anything is decided.
    pub(crate) fn settle(&mut self, wish: Option<Rule>) -> bool {
        if wish == self.wish && !self.on_hold {
            return false;
        }
        self.run_due();
        self.wish = wish;
        if self.on_hold {
            (self.on_hold, self.declines) = (false, 0);
        }
        if wish.is_some() {
            self.begin();
        }
        true
    }

    /// The words of the answers; `None` when the call is refused.
    pub(crate) fn submit(&mut self, call: &[Submitted]) -> Option<Vec<String>> {
        self.wish?;
        let mut after = self.clone();
        after.run_due();
        let running = after.running.expect("on a calendar");
        let words: Vec<_> = call.iter().map(|line| after.take(line, running)).collect();
        if words.iter().any(|word| word.starts_with("new")) {
            *self = after;
        }
        Some(words)
    }

    fn take(&mut self, line: &Submitted, running: Running) -> String {
        let (id, _, days, minor, right_currency) = *line;
        let date = self.now.div_euclid(DAY) + days;
        let as_dated = (id, line.1, date, minor, right_currency);
        if let Some(first) = self.known.get(&id) {
            return if *first == as_dated { "duplicate" } else { "conflict" }.to_owned();
        }
        if !right_currency || minor <= 0 || !(-731..=1).contains(&days) {
            return "refused".to_owned();
        }
        self.known.insert(id, as_dated);
        self.line(What::Activity, minor);
        if date < running.from.div_euclid(DAY) { "new, late" } else { "new" }.to_owned()
    }
}
