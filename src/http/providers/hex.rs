//! Texts of clients in cursors.
//!
//! A cursor stands in an address as it is, and a member's name may have any character; so a cursor
//! has its bytes as hexadecimal digits. What is decoded was sent by a client: it may be anything.

use std::fmt::Write;

/// A text as hexadecimal digits.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        write!(out, "{byte:02x}").expect("writing to a String cannot fail");
    }
    out
}

/// The text of hexadecimal digits; `None` when they are not of a text.
pub(super) fn decode(digits: &str) -> Option<String> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_reads_back_and_other_digits_are_none() {
        for text in ["", "a", "member-7", "Žofie .7"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        for bad in ["f", "0x", "+1", "ff", "6é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
