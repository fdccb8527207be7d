//! What a deal must do, said a second time and as simply as possible.
//!
//! A list of everyone who ever had a ticket, and loops over all of it: no index, no running sum. The
//! deal is compared with this after every decision, so neither may be clever where the other is.
//! An investment is named by the position of its ticket, as in the deal.

use std::collections::BTreeSet;

use bursar_domain::code::Code;
use bursar_domain::deal::{Event, Profile};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

/// How many of the line one decision works off; the deal's own number is not public.
pub(crate) const AT_ONCE: usize = 400;

/// Where someone with a ticket stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stand {
    Waiting,
    Reserved,
    Confirmed,
    /// Refused, withdrawn or freed: no place and none to come.
    Gone,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) wallet: String,
    pub(crate) amount: i64,
    pub(crate) stand: Stand,
}

/// What a request gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    Reserved,
    Waiting(u32),
    Refused(Code),
}

/// What happens to those in line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Moves {
    pub(crate) promoted: Vec<u64>,
    pub(crate) refused: Vec<(u64, Code)>,
    pub(crate) unfinished: bool,
}

impl Moves {
    /// The same, from what the deal decided.
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut moves = Self::default();
        for event in events {
            if let Event::Promoted { places, .. } = event {
                moves.promoted.extend(places.iter().map(|place| place.investment.0));
            } else if let Event::LineRefused { places, .. } = event {
                let code = |word: &str| Code::ALL.iter().find(|code| code.as_str() == word);
                moves.refused.extend(places.iter().map(|(place, failure)| {
                    (place.investment.0, *code(&failure.code).expect("a code of ours"))
                }));
            } else if *event == Event::Unfinished {
                moves.unfinished = true;
            }
        }
        moves
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    pub(crate) entries: Vec<Entry>,
    pub(crate) unfinished: bool,
    pub(crate) closed: bool,
    amount: i64,
    seats: usize,
    opens_at: i64,
    closes_at: i64,
}

impl Model {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self {
            entries: Vec::new(),
            unfinished: false,
            closed: false,
            amount: profile.amount.minor(),
            seats: usize::from(profile.investors_max),
            opens_at: profile.opens_at.map_or(i64::MIN, Timestamp::millis),
            closes_at: profile.closes_at.map_or(i64::MAX, Timestamp::millis),
        }
    }

    pub(crate) fn all(&self, stand: Stand) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.stand == stand)
    }

    pub(crate) fn sum(&self, stand: Stand) -> i64 {
        self.all(stand).map(|entry| entry.amount).sum()
    }

    pub(crate) fn wallets(&self, stand: Stand) -> BTreeSet<&str> {
        self.all(stand).map(|entry| entry.wallet.as_str()).collect()
    }

    fn seated(&self) -> BTreeSet<&str> {
        let mut seated = self.wallets(Stand::Reserved);
        seated.extend(self.wallets(Stand::Confirmed));
        seated
    }

    fn free(&self) -> i64 {
        self.amount - self.sum(Stand::Reserved) - self.sum(Stand::Confirmed)
    }

    fn has_seat(&self, wallet: &str) -> bool {
        let seated = self.seated();
        seated.contains(wallet) || seated.len() < self.seats
    }

    fn fits(&self, wallet: &str, amount: i64) -> bool {
        amount <= self.free() && self.has_seat(wallet)
    }

    /// The first in line for whom there is a place.
    pub(crate) fn first_that_fits(&self) -> Option<&Entry> {
        let (free, seated) = (self.free(), self.seated());
        self.all(Stand::Waiting).find(|entry| {
            let has_seat = seated.contains(entry.wallet.as_str()) || seated.len() < self.seats;
            entry.amount <= free && has_seat
        })
    }

    pub(crate) fn invest(
        &mut self,
        seq: u64,
        now: i64,
        wallet: &str,
        amount: Amount,
        waits: bool,
    ) -> Got {
        let got = self.place(now, wallet, amount.minor(), waits);
        let stand = match got {
            Got::Reserved => Stand::Reserved,
            Got::Waiting(_) => Stand::Waiting,
            Got::Refused(_) => Stand::Gone,
        };
        self.entries.push(Entry { seq, wallet: wallet.into(), amount: amount.minor(), stand });
        got
    }

    fn place(&self, now: i64, wallet: &str, amount: i64, waits: bool) -> Got {
        if now < self.opens_at {
            return Got::Refused(Code::DealNotOpen);
        }
        if self.closed || now >= self.closes_at {
            return Got::Refused(Code::DealClosed);
        }
        let fits = self.fits(wallet, amount);
        if fits && self.first_that_fits().is_none() {
            return Got::Reserved;
        }
        let mut without_reserved = self.clone();
        without_reserved.entries.retain(|entry| entry.stand == Stand::Confirmed);
        let anything_on_its_way = self.all(Stand::Reserved).next().is_some();
        let may_fit = fits || (anything_on_its_way && without_reserved.fits(wallet, amount));
        if waits && may_fit {
            let before = self.all(Stand::Waiting).count();
            return Got::Waiting(u32::try_from(before + 1).expect("few"));
        }
        let code =
            if self.has_seat(wallet) { Code::AmountExceedsRemaining } else { Code::DealFull };
        Got::Refused(code)
    }

    fn put(&mut self, seq: u64, stand: Stand) {
        let entry = self.entries.iter_mut().find(|entry| entry.seq == seq);
        entry.expect("it has a ticket").stand = stand;
    }

    pub(crate) fn confirm(&mut self, seq: u64) -> Moves {
        self.put(seq, Stand::Confirmed);
        self.work_off()
    }

    pub(crate) fn free_up(&mut self, seq: u64) -> Moves {
        self.put(seq, Stand::Gone);
        self.work_off()
    }

    pub(crate) fn go_on(&mut self) -> Moves {
        self.unfinished = false;
        self.work_off()
    }

    /// Whether someone was in line, and is no more.
    pub(crate) fn withdraw(&mut self, seq: u64) -> bool {
        let waits = self.all(Stand::Waiting).any(|entry| entry.seq == seq);
        if waits {
            self.put(seq, Stand::Gone);
        }
        waits
    }

    fn work_off(&mut self) -> Moves {
        let waiting = self.all(Stand::Waiting).count();
        let mut moves = Moves::default();
        while moves.promoted.len() < AT_ONCE
            && let Some(seq) = self.first_that_fits().map(|entry| entry.seq)
        {
            self.put(seq, Stand::Reserved);
            moves.promoted.push(seq);
        }
        if self.all(Stand::Reserved).next().is_none() {
            let refused: Vec<_> = self.all(Stand::Waiting).take(AT_ONCE).cloned().collect();
            for entry in refused {
                let has_seat = self.has_seat(&entry.wallet);
                let code = if has_seat { Code::AmountExceedsRemaining } else { Code::DealFull };
                moves.refused.push((entry.seq, code));
                self.put(entry.seq, Stand::Gone);
            }
        }
        let moved = moves.promoted.len() + moves.refused.len();
        moves.unfinished = moved == AT_ONCE && waiting > AT_ONCE;
        self.unfinished |= moves.unfinished;
        moves
    }
}
