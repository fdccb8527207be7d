//! What a prize comes to: rounding, ceiling, at least one minor unit, and no overflow.
//!
//! The table was worked out by hand; below it, the rounding is held against its meaning in numbers
//! wide enough for every purchase and every share.

use bursar_domain::campaign::terms::{Rounding, Worth};
use bursar_domain::money::Amount;
use proptest::prelude::*;

use crate::stage::amount;

const PERCENT: u64 = 10_000;
const ROUNDINGS: [Rounding; 3] = [Rounding::Down, Rounding::HalfEven, Rounding::Up];

fn share(millionths: u64, rounding: Rounding, most: Option<i64>) -> Worth {
    Worth::Share { millionths, rounding, most: most.map(Amount::from_minor) }
}

/// Down, half to even, up.
fn check(millionths: u64, most: Option<i64>, purchase: i64, expected: [i64; 3]) {
    for (rounding, expected) in ROUNDINGS.into_iter().zip(expected) {
        let won = share(millionths, rounding, most).of(amount(purchase));
        assert_eq!(won, amount(expected), "{millionths} of {purchase} {rounding:?}, most {most:?}");
    }
}

#[test]
fn a_share_is_rounded_as_said() {
    for (millionths, purchase, expected) in [
        // Nothing to round.
        (10 * PERCENT, 1_000, [100, 100, 100]),
        (100 * PERCENT, 7, [7, 7, 7]),
        (250 * PERCENT, 4, [10, 10, 10]),
        // Halves: to the even one.
        (10 * PERCENT, 15, [1, 2, 2]),
        (10 * PERCENT, 25, [2, 2, 3]),
        (10 * PERCENT, 35, [3, 4, 4]),
        (50 * PERCENT, 1_001, [500, 500, 501]),
        (50 * PERCENT, 1_003, [501, 502, 502]),
        // Less and more than a half.
        (10 * PERCENT, 14, [1, 1, 2]),
        (10 * PERCENT, 16, [1, 2, 2]),
        (10 * PERCENT, 24, [2, 2, 3]),
        (10 * PERCENT, 26, [2, 3, 3]),
        // A hair beside a half, and beside a whole.
        (1, 1_499_999, [1, 1, 2]),
        (1, 1_500_000, [1, 2, 2]),
        (1, 2_500_000, [2, 2, 3]),
        (1, 2_500_001, [2, 3, 3]),
        (1, 2_000_001, [2, 2, 3]),
        (1, 2_999_999, [2, 3, 3]),
    ] {
        check(millionths, None, purchase, expected);
    }
}

#[test]
fn a_win_is_at_least_one_minor_unit() {
    check(1, None, 1, [1, 1, 1]);
    check(10 * PERCENT, None, 4, [1, 1, 1]);
    check(10 * PERCENT, None, 5, [1, 1, 1]);
    check(1, Some(1), 1, [1, 1, 1]);
}

#[test]
fn a_ceiling_holds_after_the_rounding() {
    check(10 * PERCENT, Some(3), 26, [2, 3, 3]);
    check(10 * PERCENT, Some(2), 26, [2, 2, 2]);
    check(10 * PERCENT, Some(100), 1_000, [100, 100, 100]);
    check(10 * PERCENT, Some(99), 1_000, [99, 99, 99]);
    check(u64::MAX, Some(5), i64::MAX, [5, 5, 5]);
}

#[test]
fn the_largest_share_of_the_largest_purchase_is_the_largest_amount() {
    check(100 * PERCENT, None, i64::MAX, [i64::MAX; 3]);
    check(100 * PERCENT + 1, None, i64::MAX, [i64::MAX; 3]);
    check(u64::MAX, None, i64::MAX, [i64::MAX; 3]);
    check(u64::MAX, None, 1, [18_446_744_073_709, 18_446_744_073_710, 18_446_744_073_710]);
}

#[test]
fn a_fixed_prize_is_what_it_is() {
    for purchase in [1, 100, i64::MAX] {
        assert_eq!(Worth::Fixed(amount(500)).of(amount(purchase)), amount(500));
    }
}

proptest! {
    #[test]
    fn a_share_is_the_nearest_whole_number_on_the_side_that_is_said(
        millionths in prop_oneof![1..=u64::MAX, 1..2_000_000_u64],
        purchase in prop_oneof![1..=i64::MAX, 1..100_000_i64],
    ) {
        let exact = u128::from(millionths) * u128::try_from(purchase).expect("positive");
        let most = u128::try_from(i64::MAX).expect("positive");
        let [down, even, up] = ROUNDINGS.map(|rounding| {
            let won = share(millionths, rounding, None).of(amount(purchase)).minor();
            u128::try_from(won).expect("positive")
        });
        prop_assert!(down >= 1 && up <= most);
        if down > 1 && up < most {
            prop_assert!(down * 1_000_000 <= exact && exact < (down + 1) * 1_000_000);
            prop_assert!((up - 1) * 1_000_000 < exact && exact <= up * 1_000_000);
            let apart = (even * 1_000_000).abs_diff(exact);
            prop_assert!(apart < 500_000 || (apart == 500_000 && even % 2 == 0));
        }
        prop_assert!(down <= even && even <= up);
    }
}
