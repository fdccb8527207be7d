//! A million draws against the odds and the prize table: chi-square, by whole numbers.
//!
//! The seeds are fixed, so the statistic is the same number on every run; it is compared with the
//! value that a fair draw exceeds once in a thousand times (p = 0.001). All sums are exact: the
//! statistic times the smallest common denominator, in 128 bits. A draw that is a little unfair must
//! be found out as well, so the same numbers are held against slightly different odds.

use bursar_domain::campaign::draw::{Drawer, business_key, seed};
use bursar_domain::campaign::terms::{Odds, Prize};

use crate::stage::{day, prize, terms, wallet};

/// Ten days, a hundred thousand draws each.
const DAYS: i32 = 10;
const DRAWS_A_DAY: u64 = 100_000;

/// One in 20, as a fraction that no power of two divides.
const ODDS: Odds = Odds { wins: 3, of: 60 };
const WEIGHTS: [u32; 6] = [1_000, 500, 250, 100, 49, 1];

/// Chi-square values, times 1,000, that are exceeded once in a thousand times: for 1, 5 and 9
/// degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4).
const ONE: u128 = 10_828;
const FIVE: u128 = 20_515;
const NINE: u128 = 27_877;

/// What was drawn: draws that lost, and how often each prize came; day by day.
fn drawn() -> Vec<(u64, [u64; 6])> {
    let prizes: Vec<Prize> = WEIGHTS.iter().map(|weight| prize(*weight, 1)).collect();
    let (terms, wallets) = (terms("spring"), ["ann", "bob", "cat", "dan"].map(wallet));
    let one_day = |number: i32| {
        let drawer = Drawer::new(&seed(&terms, day(number)));
        let (mut lost, mut won) = (0, [0; 6]);
        for purchase in 0..DRAWS_A_DAY {
            let wallet = &wallets[usize::try_from(purchase % 4).expect("below 4")];
            let key = business_key(wallet, &format!("{}", 170_000 + purchase));
            match drawer.draw(&key, ODDS, &prizes) {
                Some(place) => won[usize::from(place)] += 1,
                None => lost += 1,
            }
        }
        (lost, won)
    };
    (0..DAYS).map(one_day).collect()
}

/// The statistic of counts against shares of `of`, times 1,000, rounded down.
fn chi_square(counts: &[u64], shares: &[u64], of: u64) -> u128 {
    assert_eq!(shares.iter().sum::<u64>(), of, "the shares are all there is");
    let total = u128::from(counts.iter().sum::<u64>());
    // (count - total * share / of)^2 / (total * share / of), over one denominator each.
    let part = |(count, share): (&u64, &u64)| {
        let expected = total * u128::from(*share);
        let apart = (u128::from(*count) * u128::from(of)).abs_diff(expected);
        apart * apart * 1_000 / (expected * u128::from(of))
    };
    counts.iter().zip(shares).map(part).sum()
}

#[test]
fn the_statistic_is_the_one_of_the_books() {
    // A die, 60 throws: 5 8 9 8 10 20 gives 13.4.
    assert_eq!(chi_square(&[5, 8, 9, 8, 10, 20], &[1; 6], 6), 13_400);
    assert_eq!(chi_square(&[25, 75], &[1, 3], 4), 0);
}

#[test]
fn a_million_draws_fit_the_odds_and_the_prize_table() {
    let days = drawn();
    let lost: u64 = days.iter().map(|(lost, _)| lost).sum();
    let won: Vec<u64> =
        (0..WEIGHTS.len()).map(|at| days.iter().map(|(_, won)| won[at]).sum()).collect();
    let wins: u64 = won.iter().sum();
    assert_eq!(wins + lost, 1_000_000);

    let shares = [ODDS.wins, ODDS.of - ODDS.wins];
    let of_odds = chi_square(&[wins, lost], &shares, ODDS.of);
    assert!(of_odds < ONE, "{wins} of a million won: {of_odds}");

    let weights = WEIGHTS.map(u64::from);
    let of_table = chi_square(&won, &weights, weights.iter().sum());
    assert!(of_table < FIVE, "{won:?}: {of_table}");

    // No day is luckier than another one.
    let by_day: Vec<u64> = days.iter().map(|(_, won)| won.iter().sum()).collect();
    let of_days = chi_square(&by_day, &[1; 10], 10);
    assert!(of_days < NINE, "{by_day:?}: {of_days}");

    // The test would notice: odds of 1 in 19.5, and a table with the rarest two exchanged.
    assert!(chi_square(&[wins, lost], &[2, 37], 39) > ONE);
    assert!(chi_square(&won, &[1_000, 500, 250, 100, 1, 49], 1_900) > FIVE);
}
