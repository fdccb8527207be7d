//! What a bank would send: card payments of some 250 bytes each, rendered beforehand.
//!
//! The same number gives the same line on the same day: some day of the last thirty, one of a
//! thousand merchants, an amount up to 200. Nothing is rendered within a measurement, because the
//! generator's cycles are taken from the server's cores; requests are shared, never copied.

use std::io::Write;

use super::super::super::template::Picks;
use super::super::super::workload::wallet_path;
use super::super::schedule::prepared::today;

/// Days that lines are spread over.
pub(super) const DAYS: u64 = 30;
/// Merchants that they are of.
const MERCHANTS: u64 = 1_000;
const TRADES: [(&str, u32); 5] = [
    ("Cafe Central", 5814),
    ("Market Hall", 5411),
    ("Book Corner", 5942),
    ("City Pharmacy", 5912),
    ("Station Fuel", 5541),
];

/// How lines stand in a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// One after the other.
    Ndjson,
    /// In a list.
    Array,
}

/// A whole request.
pub(super) struct Call {
    /// With the empty line.
    pub(super) head: Vec<u8>,
    /// The lines.
    pub(super) body: Vec<u8>,
    /// How many.
    pub(super) lines: u64,
}

/// Renders calls of one day.
pub(super) struct Bank {
    dates: Vec<String>,
}

impl Bank {
    /// Of today.
    pub(super) fn new() -> Self {
        let ago = 0..i32::try_from(DAYS).expect("some days");
        Self { dates: ago.map(|days| today(-days).to_string()).collect() }
    }

    /// A call of a wallet with these lines, from number `first` on.
    pub(super) fn call(&self, wallet: u64, first: u64, lines: u64, shape: Shape) -> Call {
        let mut body = Vec::new();
        let (begin, between, end, media) = match shape {
            Shape::Ndjson => ("", "\n", "\n", "application/x-ndjson"),
            Shape::Array => ("[", ",", "]", "application/json"),
        };
        body.extend_from_slice(begin.as_bytes());
        for number in first..first + lines {
            if number > first {
                body.extend_from_slice(between.as_bytes());
            }
            self.line(number, &mut body);
        }
        body.extend_from_slice(end.as_bytes());
        let head = format!(
            "POST {}/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\n\r\n",
            wallet_path(wallet),
            body.len()
        );
        Call { head: head.into_bytes(), body, lines }
    }

    fn line(&self, number: u64, out: &mut Vec<u8>) {
        let mut picks = Picks::new(number);
        let mut pick = |below: u64| picks.below(below);
        let date = &self.dates[usize::try_from(pick(DAYS)).expect("a day")];
        let (merchant, cents, card) = (pick(MERCHANTS), 100 + pick(20_000), pick(10_000));
        let trade = usize::try_from(merchant).expect("a merchant") % TRADES.len();
        let (name, code) = TRADES[trade];
        write!(
            out,
            "{{\"transaction_id\":\"tx-{number:010}\",\"date\":\"{date}\",\"status\":\"posted\",\
             \"from_account\":\"LT601010012345678901\",\"amount\":\"{}.{:02}\",\"currency\":\"EUR\",\
             \"description\":\"Card payment *{card:04}\",\"merchant\":{{\"id\":\"m-{merchant:04}\",\
             \"name\":\"{name} {merchant}\",\"category_code\":\"{code}\"}}}}",
            cents / 100,
            cents % 100
        )
        .expect("memory takes all");
    }
}

/// The number of a line, by its name.
pub(super) fn number_of(transaction: &str) -> Option<u64> {
    transaction.strip_prefix("tx-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_say_the_same_lines_and_their_own_length() {
        let bank = Bank::new();
        let ndjson = bank.call(7, 40, 3, Shape::Ndjson);
        let array = bank.call(7, 40, 3, Shape::Array);
        for call in [&ndjson, &array] {
            let head = std::str::from_utf8(&call.head).expect("rendered from text");
            assert!(head.starts_with("POST /v1/wallets/w0000007/transactions "), "{head}");
            let length = format!("Content-Length: {}\r\n\r\n", call.body.len());
            assert!(head.ends_with(&length), "{head}");
        }
        let lines: Vec<serde_json::Value> = ndjson
            .body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("a line is JSON"))
            .collect();
        let listed: Vec<serde_json::Value> =
            serde_json::from_slice(&array.body).expect("a list is JSON");
        assert_eq!(lines, listed);
        let names = lines.iter().filter_map(|line| number_of(line["transaction_id"].as_str()?));
        assert_eq!(names.collect::<Vec<_>>(), [40, 41, 42]);
        assert!((200..300).contains(&(ndjson.body.len() / 3)), "{}", ndjson.body.len() / 3);
    }
}
