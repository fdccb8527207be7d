//! How numbers are written as ids, and read back.
//!
//! A cast has few members, so hot paths carry their numbers; an id is made only where the product
//! is asked, and read only where it answers.
//!
//! Invariant: what is written reads back, and nothing else reads as a member of the cast.

use super::Number;

/// A wallet's id.
pub fn wallet(number: Number) -> String {
    format!("w{number}")
}

/// A provider's id.
pub fn provider(number: Number) -> String {
    format!("p{number}")
}

/// A deal's id.
pub fn deal(number: Number) -> String {
    format!("d{number}")
}

/// An advance's id.
pub fn advance(number: Number) -> String {
    format!("a{number}")
}

/// A campaign's id.
pub fn campaign(number: Number) -> String {
    format!("c{number}")
}

/// An activity's id.
pub fn activity(number: Number) -> String {
    format!("x{number}")
}

/// A bank line's id.
pub fn line(number: Number) -> String {
    format!("l{number}")
}

/// The text of a key.
pub fn key(number: Number) -> String {
    format!("k{number}")
}

/// The number of an id that begins with a letter.
pub fn number(letter: char, id: &str) -> Option<Number> {
    let digits = id.strip_prefix(letter)?;
    let is_plain = digits == "0" || !digits.starts_with('0');
    (is_plain && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The three parts of what the server named by a decision: `pay_12_w3` is 12 and `w3`.
pub fn made<'a>(prefix: &str, id: &'a str) -> Option<(u64, &'a str)> {
    let rest = id.strip_prefix(prefix)?.strip_prefix('_')?;
    let (seq, owner) = rest.split_once('_')?;
    Some((seq.parse().ok()?, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_nothing_else_does() {
        assert_eq!(number('w', &wallet(12)), Some(12));
        assert_eq!(number('w', &wallet(0)), Some(0));
        for strange in ["", "w", "w01", "p1", "w-1", "w+1", "w1x", "w99999999999"] {
            assert_eq!(number('w', strange), None, "{strange:?}");
        }
        assert_eq!(made("pay", "pay_12_w3"), Some((12, "w3")));
        assert_eq!(made("pay", "inv_12_w3"), None);
    }
}
