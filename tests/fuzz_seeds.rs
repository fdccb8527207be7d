//! The fuzz targets without a fuzzer: every seed, and mutations of it that are the same each time.
//!
//! What `tests/fuzz.sh` does with a fuzzer that sees which branches are reached, this does blindly and
//! with any compiler, so that a target that no longer holds is seen in every run of the tests. A crash
//! that a fuzzer found becomes a seed, and so is tried here for ever.
//!
//! `FUZZ_MUTATIONS=100000` looks longer. The mutations come from a number, so a failure is found again;
//! what failed is told with its seed and bytes.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use bursar::fuzzing::TARGETS;

/// A stream of numbers (SplitMix64), the same for the same beginning.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).expect("below a size")
    }
}

/// Some change to bytes: a bit, a byte, a piece cut out, doubled, or taken from another seed.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], numbers: &mut Numbers) {
    const BYTES: [u8; 8] = [0, 1, 0x7F, 0x80, 0xFF, b'"', b'\n', b'9'];
    let at = numbers.below(bytes.len());
    let end = (at + 1 + numbers.below(16)).min(bytes.len());
    match numbers.below(7) {
        0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
        2 if !bytes.is_empty() => bytes[at] = BYTES[numbers.below(BYTES.len())],
        3 if !bytes.is_empty() => drop(bytes.drain(at..end)),
        4 if !bytes.is_empty() => {
            let piece = bytes[at..end].to_vec();
            let piece = piece.repeat(1 + numbers.below(4));
            drop(bytes.splice(at..at, piece));
        }
        5 => bytes.truncate(at),
        _ => {
            let other = &others[numbers.below(others.len())];
            let from = numbers.below(other.len());
            let to = (from + 1 + numbers.below(16)).min(other.len());
            drop(bytes.splice(at..at, other[from..to].iter().copied()));
        }
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| {
            let path = file.expect("a folder can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a seed can be read"))
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has seeds");
    seeds
}

#[test]
fn every_target_holds_on_its_seeds_and_what_is_like_them() {
    let wanted = std::env::var("FUZZ_MUTATIONS");
    let mutations: usize = wanted.map_or(3_000, |count| count.parse().expect("a number"));
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let bytes: Vec<_> = seeds.iter().map(|(_, bytes)| bytes.clone()).collect();
        let tried = |seed: &str, bytes: &[u8]| {
            let held = catch_unwind(|| target(bytes));
            assert!(held.is_ok(), "{name}, seed {seed}, as: {}", bytes.escape_ascii());
        };
        for (seed, bytes) in &seeds {
            tried(seed, bytes);
        }
        let mut numbers = Numbers(xxhash_rust::xxh3::xxh3_64(name.as_bytes()));
        for number in 0..mutations {
            let (seed, from) = &seeds[number % seeds.len()];
            let mut input = from.clone();
            for _ in 0..=numbers.below(4) {
                mutate(&mut input, &bytes, &mut numbers);
            }
            tried(seed, &input);
        }
    }
}
