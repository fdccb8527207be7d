//! The room of a deal: what its investments take of the amount and of the seats.
//!
//! A seat is a wallet with at least one place, reserved or confirmed. Invariant, asked before every
//! place is given: what is reserved and what is confirmed is never more than the amount, and seats
//! are never more than the ceiling.

use std::collections::BTreeMap;

use bursar_domain::currency::Currency;
use bursar_domain::deal::Waiting;
use bursar_domain::id::{Seq, WalletId};
use bursar_domain::money::Amount;

use crate::cli::verify::sums::major;

/// What is taken.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The most that the deal takes, in minor units.
    pub(super) amount: i128,
    pub(super) seats_max: usize,
    /// For each wallet, how many places it has reserved and how many confirmed.
    pub(super) seats: BTreeMap<WalletId, (u32, u32)>,
    /// Investments on their way.
    pub(super) places: BTreeMap<Seq, (WalletId, Amount)>,
    pub(super) reserved: i128,
    pub(super) confirmed: i128,
}

impl Room {
    fn free(&self) -> i128 {
        self.amount - self.reserved - self.confirmed
    }

    pub(super) fn has_seat(&self, wallet: &WalletId) -> bool {
        self.seats.len() < self.seats_max || self.seats.contains_key(wallet)
    }

    /// Whether there is a place for an amount.
    pub(super) fn fits(&self, wallet: &WalletId, amount: Amount) -> bool {
        i128::from(amount.minor()) <= self.free() && self.has_seat(wallet)
    }

    /// Who in line fits first.
    pub(super) fn first<'a>(
        &self,
        mut line: impl Iterator<Item = &'a Waiting>,
    ) -> Option<&'a Waiting> {
        line.find(|waiting| self.fits(&waiting.wallet, waiting.amount))
    }

    /// How much room there is, for people.
    pub(super) fn in_words(&self, currency: Currency) -> String {
        let seats = self.seats_max.saturating_sub(self.seats.len());
        format!("{} {currency} and {seats} seats were free", major(self.free(), currency))
    }

    /// Gives a place.
    pub(super) fn take(&mut self, investment: Seq, wallet: &WalletId, amount: Amount) {
        self.seats.entry(wallet.clone()).or_default().0 += 1;
        self.reserved += i128::from(amount.minor());
        self.places.insert(investment, (wallet.clone(), amount));
    }

    /// Takes a place back: its wallet and amount.
    pub(super) fn free_place(&mut self, investment: Seq) -> Option<(WalletId, Amount)> {
        let (wallet, amount) = self.places.remove(&investment)?;
        self.reserved -= i128::from(amount.minor());
        let seat = self.seats.entry(wallet.clone()).or_default();
        seat.0 = seat.0.saturating_sub(1);
        if *seat == (0, 0) {
            self.seats.remove(&wallet);
        }
        Some((wallet, amount))
    }

    /// Makes a place one for good: what it was.
    pub(super) fn confirm(&mut self, investment: Seq) -> Option<(WalletId, Amount)> {
        let (wallet, amount) = self.free_place(investment)?;
        self.seats.entry(wallet.clone()).or_default().1 += 1;
        self.confirmed += i128::from(amount.minor());
        Some((wallet, amount))
    }

    pub(super) fn seats_confirmed(&self) -> usize {
        self.seats.values().filter(|seat| seat.1 > 0).count()
    }
}
