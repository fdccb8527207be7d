//! Requests and batch lines rendered once; afterwards only digits are patched.
//!
//! A pattern holds `{key}`, `{wallet}`, `{provider}` and `{deal}`; each becomes a number of fixed
//! width, so the length of a body never changes and the head with its `Content-Length` is rendered
//! once too.
//! Making a request then costs some tens of nanoseconds, which is the point: the generator's cycles
//! are taken from the server's cores.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Digits of an idempotency key's number.
const KEY_DIGITS: usize = 12;
/// Digits of a wallet's number.
const WALLET_DIGITS: usize = 7;
/// Digits of a provider's number.
const PROVIDER_DIGITS: usize = 3;
/// Digits of a deal's number.
const DEAL_DIGITS: usize = 4;

/// The numbers that make one request differ from the next.
#[derive(Clone, Copy, Default)]
pub(crate) struct Numbers {
    /// Number of the idempotency key.
    pub(crate) key: u64,
    /// Number of the wallet.
    pub(crate) wallet: u64,
    /// Number of the provider.
    pub(crate) provider: u64,
    /// Number of the deal.
    pub(crate) deal: u64,
}

/// Bytes with places for numbers.
#[derive(Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    key: Option<Range<usize>>,
    wallet: Option<Range<usize>>,
    provider: Option<Range<usize>>,
    deal: Option<Range<usize>>,
}

impl Template {
    /// Reads a pattern; each placeholder may stand in it once.
    pub(crate) fn new(pattern: &str) -> Self {
        let mut bytes = pattern.as_bytes().to_vec();
        // Widening one place moves the ones behind it, so all are widened before any is looked up.
        let places = [
            ("{key}", KEY_DIGITS),
            ("{wallet}", WALLET_DIGITS),
            ("{provider}", PROVIDER_DIGITS),
            ("{deal}", DEAL_DIGITS),
        ];
        let mut found = [None, None, None, None];
        for (index, (name, digits)) in places.into_iter().enumerate() {
            let Some(at) = find(&bytes, name.as_bytes()) else { continue };
            bytes.splice(at..at + name.len(), std::iter::repeat_n(b'0', digits));
            let growth = |earlier: &mut Range<usize>| {
                if earlier.start > at {
                    let (start, end) = (earlier.start + digits, earlier.end + digits);
                    *earlier = start - name.len()..end - name.len();
                }
            };
            found[..index].iter_mut().flatten().for_each(growth);
            found[index] = Some(at..at + digits);
        }
        let [key, wallet, provider, deal] = found;
        Self { bytes, key, wallet, provider, deal }
    }

    /// A whole request: the head's lines (each with its line end), then the body.
    pub(crate) fn request(head: &str, body: &str) -> Self {
        let length = Self::new(body).bytes.len();
        if length == 0 {
            return Self::new(&format!("{head}\r\n"));
        }
        Self::new(&format!("{head}Content-Length: {length}\r\n\r\n{body}"))
    }

    /// The bytes with these numbers in their places.
    pub(crate) fn fill(&mut self, numbers: &Numbers) -> &[u8] {
        let places = [
            (&self.key, numbers.key),
            (&self.wallet, numbers.wallet),
            (&self.provider, numbers.provider),
            (&self.deal, numbers.deal),
        ];
        for (place, number) in places {
            if let Some(place) = place {
                write_digits(&mut self.bytes[place.clone()], number);
            }
        }
        &self.bytes
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Writes a number over all of `place`, with leading noughts.
fn write_digits(place: &mut [u8], number: u64) {
    let mut rest = number;
    for byte in place.iter_mut().rev() {
        *byte = b"0123456789"[usize::try_from(rest % 10).expect("one digit")];
        rest /= 10;
    }
    assert_eq!(rest, 0, "the number {number} has more digits than its place");
}

/// Hands out numbers of idempotency keys, each once in the life of a server.
#[derive(Clone, Default)]
pub(crate) struct Keys(Arc<AtomicU64>);

impl Keys {
    /// The next number.
    pub(crate) fn take(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A cheap sequence of picks (splitmix64): the same seed gives the same run.
pub(crate) struct Picks(u64);

impl Picks {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, each as likely as the others.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let scaled = (u128::from(mixed) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("a product's upper half is below the bound")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_land_in_their_places_whatever_the_order() {
        let mut template =
            Template::new(r#"{"d":"{deal}","p":"p{provider}","k":"{key}","w":"w{wallet}"}"#);
        let numbers = Numbers { key: 123, wallet: 45, provider: 6, deal: 78 };
        let expected = r#"{"d":"0078","p":"p006","k":"000000000123","w":"w0000045"}"#;
        assert_eq!(template.fill(&numbers), expected.as_bytes());
        let numbers = Numbers { key: 7, wallet: 9_999_999, provider: 999, deal: 9_999 };
        let expected = r#"{"d":"9999","p":"p999","k":"000000000007","w":"w9999999"}"#;
        assert_eq!(template.fill(&numbers), expected.as_bytes());
    }

    #[test]
    fn content_length_counts_the_widened_body() {
        let mut template = Template::request("POST / HTTP/1.1\r\nKey: {key}\r\n", "w{wallet}");
        let request = template.fill(&Numbers { key: 1, wallet: 2, ..Numbers::default() });
        let expected = "POST / HTTP/1.1\r\nKey: 000000000001\r\nContent-Length: 8\r\n\r\nw0000002";
        assert_eq!(request, expected.as_bytes());
    }

    #[test]
    fn picks_stay_below_their_bound_and_reach_all_of_it() {
        let mut picks = Picks::new(1);
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            seen[usize::try_from(picks.below(10)).expect("below ten")] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
