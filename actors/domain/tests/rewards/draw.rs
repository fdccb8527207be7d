//! The draw against answers from elsewhere, and against its own words.
//!
//! The constants were computed by `known_answers.py`, which stands beside this file: Python's own
//! HMAC, SHA-256 and numbers, written from the words of `campaign/draw.rs`, sharing no code with it.
//! Below them the same words are written once more, in Rust and naively, and compared over many keys.

use bursar_domain::campaign::Terms;
use bursar_domain::campaign::draw::{Drawer, Seed, business_key, commitment, seed};
use bursar_domain::campaign::terms::{Odds, Secret};
use bursar_domain::plan::Day;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::stage::{campaign, day, prize, terms, wallet};

type Seeded = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Secret, campaign, day, seed, commitment.
#[rustfmt::skip]
const SEEDS: [Seeded; 3] = [
    ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "spring", "2026-11-21",
     "9600e9b74e4f7d609b5977e2fd3168b2726ac9b3ec77fce0ef229997ad32d3cd",
     "ac19d391f899b83cc28bd921232f8af299fbac95e8b4f325f90f2b1dca9f05c5"),
    ("0000000000000000000000000000000000000000000000000000000000000000", "cmp_1-x", "2024-02-29",
     "dc3ee7feac4bc1d0c46a4ed2900de6e02aee118a67e9a1ea2525e50e8231d264",
     "b93b270ad589fe3c36d566c9d0938a704c433fcf5890cd737cc9fd7aba9bb22e"),
    ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", "0000-01-01",
     "389fd60e64620084b39906602a83e7ce4fd83f28878e49384c159acdf3e18a69",
     "5843bc1cd11af579e0d87fcad1a574f63da62659984adfb11e50ead13fd2f6af"),
];

/// Keys and their digests under the first seed.
const DIGESTS: [(&str, &str); 4] = [
    ("alice/tx-1", "63bd52c6fd4019af472cc5635ed7cd88b9d9865ab1e67a437bc9d91de52fd6d8"),
    ("a/b/c", "4f37f163d7321ece6ac554c233b0d31fa20c0a05f3a1aa0e4882c8e4021699ad"),
    ("W_9-z/Zahlung 7 – Café", "ee63773f5c856a7e5b2312bf345d656a2823b658b3cc9c20d885728e6325bb55"),
    (
        "w/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "23c5d0be5f5a6f4105581c0896d4cfc1ea38c5341d7f2fa3fd44c2e456be8ec6",
    ),
];

type Drawn = (u64, u64, &'static [u32], &'static str);

/// Odds, weights, and what the keys `k/0` to `k/39` draw under the first seed: the place as a letter.
#[rustfmt::skip]
const DRAWN: [Drawn; 5] = [
    (1, 1, &[1], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    (1, 2, &[1, 1, 1], "--bb-cb----bc--baccb----bcabcb-a-bac-bab"),
    (4_611_686_018_427_387_904, 9_223_372_036_854_775_809, &[3, 5, 2], "---a--b-----a--babb--b---ba-c-bcb---b---"),
    (4_611_686_018_427_387_904, 13_835_058_055_282_163_712, &[7, 1, 2, 90], "---d--d-----d--a-aa--d---bd-d-d-d---d---"),
    (18_446_744_073_709_551_614, 18_446_744_073_709_551_615, &[5, 5], "abbababbababbbabbbbababaabaaabbabbabbbba"),
];

/// The numbers of keys `long/{n}` for which one digest was not enough, or two, and their prizes.
const LONG: [(u32, u16); 8] =
    [(17, 1), (35, 1), (38, 0), (109, 2), (163, 1), (268, 1), (504, 1), (1236, 0)];

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

fn from_hex(text: &str) -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&text[at * 2..][..2], 16).expect("hex");
    std::array::from_fn(byte)
}

fn of(secret: &str, name: &str) -> Terms {
    Terms { id: campaign(name), secret: Secret(from_hex(secret)), ..terms("any") }
}

fn first_drawer() -> Drawer {
    Drawer::new(&from_hex(SEEDS[0].3))
}

fn weights(weights: &[u32]) -> Vec<bursar_domain::campaign::terms::Prize> {
    weights.iter().map(|weight| prize(*weight, 1)).collect()
}

#[test]
fn seeds_and_commitments_are_as_computed_elsewhere() {
    for (secret, name, date, expected, published) in SEEDS {
        let seed = seed(&of(secret, name), Day::parse(date).expect("a day"));
        assert_eq!(hex(&seed), expected, "{name}/{date}");
        assert_eq!(hex(&commitment(&seed)), published, "{name}/{date}");
    }
}

#[test]
fn another_secret_campaign_or_day_has_another_seed() {
    let given = seed(&terms("a"), day(1));
    assert_ne!(given, seed(&terms("b"), day(1)));
    assert_ne!(given, seed(&terms("a"), day(2)));
    assert_ne!(given, seed(&Terms { secret: Secret([8; 32]), ..terms("a") }, day(1)));
    assert_eq!(given, seed(&Terms { priority: 9, ..terms("a") }, day(1)), "nothing else counts");
}

#[test]
fn digests_are_as_computed_elsewhere() {
    for (key, expected) in DIGESTS {
        assert_eq!(hex(&first_drawer().digest(key)), expected, "{key}");
    }
    assert_eq!(business_key(&wallet("alice"), "tx-1"), DIGESTS[0].0);
}

#[test]
fn prizes_are_as_computed_elsewhere() {
    for (wins, of, table, expected) in DRAWN {
        let prizes = weights(table);
        for (number, letter) in expected.chars().enumerate() {
            let drawn = first_drawer().draw(&format!("k/{number}"), Odds { wins, of }, &prizes);
            let place = "abcdefghij".find(letter).map(|at| u16::try_from(at).expect("small"));
            assert_eq!(drawn, place, "k/{number} at {wins} of {of}");
        }
    }
}

#[test]
fn more_numbers_than_one_digest_has_are_as_computed_elsewhere() {
    let odds = Odds { wins: 1 << 62, of: (1 << 63) + 1 };
    for (number, place) in LONG {
        let drawn = first_drawer().draw(&format!("long/{number}"), odds, &weights(&[3, 5, 2]));
        assert_eq!(drawn, Some(place), "long/{number}");
    }
}

/// The numbers of a key, one after the other.
fn numbers(seed: &Seed, key: &str) -> impl Iterator<Item = u128> {
    let digest = move |block: u32| {
        let mut mac = Hmac::<Sha256>::new_from_slice(seed).expect("any length");
        mac.update(key.as_bytes());
        if block > 0 {
            mac.update(&[&[0][..], &block.to_be_bytes()].concat());
        }
        <[u8; 32]>::from(mac.finalize().into_bytes())
    };
    let number = |eight: &[u8]| eight.iter().fold(0, |sum, byte| sum * 256 + u128::from(*byte));
    (0..).map(digest).flat_map(move |digest| digest.chunks(8).map(number).collect::<Vec<_>>())
}

/// The words of `campaign/draw.rs` once more: what is drawn, and how many numbers were looked at.
fn naive(seed: &Seed, key: &str, odds: Odds, table: &[u32]) -> (Option<usize>, usize) {
    let (mut numbers, mut looked_at) = (numbers(seed, key), 0);
    let mut one_of = |n: u128| {
        let limit = (1_u128 << 64) / n * n;
        let mut next = || numbers.next().expect("without end");
        loop {
            looked_at += 1;
            let number = next();
            if number < limit {
                return number % n;
            }
        }
    };
    if one_of(u128::from(odds.of)) >= u128::from(odds.wins) {
        return (None, looked_at);
    }
    let drawn = one_of(table.iter().map(|weight| u128::from(*weight)).sum());
    let mut upper = 0;
    let reaches = |weight: &u32| {
        upper += u128::from(*weight);
        upper > drawn
    };
    (table.iter().position(reaches), looked_at)
}

#[test]
fn numbers_that_would_favour_some_are_skipped() {
    // So many in a hundred numbers are skipped: 2^64 modulo the denominator, of 2^64. With plain
    // remainders, `wins` of the last one would win half of the draws instead of a third.
    let cases = [
        (1, 2, 0),
        (1, 3, 0),
        (1 << 62, (1 << 63) + 1, 50),
        (1, u64::MAX, 0),
        (1 << 62, 3 << 62, 25),
    ];
    let (seed, table) = (from_hex(SEEDS[1].3), [1, 2, 3]);
    let drawer = Drawer::new(&seed);
    for (wins, of, share) in cases {
        let odds = Odds { wins, of };
        let (mut looked_at, mut used, mut won) = (0, 0, 0_u64);
        for number in 0..6_000 {
            let key = format!("n/{number}");
            let (place, numbers) = naive(&seed, &key, odds, &table);
            let drawn = drawer.draw(&key, odds, &weights(&table)).map(usize::from);
            assert_eq!(drawn, place, "{key} at {wins} of {of}");
            looked_at += numbers;
            used += 1 + usize::from(drawn.is_some());
            won += u64::from(drawn.is_some());
        }
        // Weights are small, so it is the odds' numbers that are skipped: a share of all of them.
        let odds_numbers = looked_at - (used - 6_000);
        let skipped = (odds_numbers - 6_000) * 100 / odds_numbers;
        assert!(skipped.abs_diff(share) <= 2, "{skipped} in 100 were skipped at {wins} of {of}");
        let expected = u128::from(wins) * 6_000 / u128::from(of);
        let expected = u64::try_from(expected).expect("at most 6,000");
        assert!(won.abs_diff(expected) <= 200, "{won} of 6,000 won at {wins} of {of}");
    }
}

#[test]
fn certain_odds_always_win_and_a_prize_without_a_rival_is_always_drawn() {
    let drawer = first_drawer();
    for number in 0..500 {
        let key = format!("c/{number}");
        assert_eq!(drawer.draw(&key, Odds { wins: 1, of: 1 }, &weights(&[9])), Some(0));
        let all = Odds { wins: u64::MAX, of: u64::MAX };
        assert_eq!(drawer.draw(&key, all, &weights(&[u32::MAX])), Some(0), "{key}");
    }
}

#[test]
fn odds_that_are_wider_win_whatever_narrower_ones_won() {
    // The same number decides: raising the odds takes no win away.
    let drawer = first_drawer();
    let wins = |key: &str, wins| drawer.draw(key, Odds { wins, of: 100 }, &weights(&[1])).is_some();
    for number in 0..500 {
        let key = format!("o/{number}");
        assert!(!wins(&key, 10) || wins(&key, 11), "{key}");
    }
}

#[test]
fn a_whole_table_of_the_heaviest_prizes_is_drawn() {
    let prizes = weights(&[u32::MAX; 100]);
    let odds = Odds { wins: 1, of: 1 };
    let places =
        (0..3_000).map(|number| first_drawer().draw(&format!("t/{number}"), odds, &prizes));
    let places: std::collections::BTreeSet<_> = places.collect();
    assert_eq!(places.len(), 100, "each of a hundred is drawn in 3,000");
    assert!(!places.contains(&None));
}
