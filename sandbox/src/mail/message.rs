//! The form of a mail (RFC 5322), as far as a test wants to read it.
//!
//! Headers are unfolded, the body is everything after the first empty line. Nothing is decoded: an
//! encoded word in a subject or a body in base64 is shown as it was sent. Bytes that are no UTF-8
//! are shown as replacement characters.

use serde::{Deserialize, Serialize};

/// A field of the head.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// As written.
    pub(crate) name: String,
    /// Unfolded, without the space around it.
    pub(crate) value: String,
}

/// A mail in its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    /// In order.
    pub(crate) headers: Vec<Header>,
    /// What follows the head.
    pub(crate) body: String,
}

impl Message {
    /// Takes a mail apart; whatever was sent, this finds something to show.
    pub(crate) fn parse(data: &[u8]) -> Self {
        let text = String::from_utf8_lossy(data);
        let mut headers: Vec<Header> = Vec::new();
        let mut rest = &*text;
        while let Some((line, after)) = rest.split_once("\r\n") {
            if line.is_empty() {
                rest = after;
                break;
            }
            let folded = line.starts_with([' ', '\t']);
            match (headers.last_mut().filter(|_| folded), line.split_once(':')) {
                (Some(last), _) => {
                    last.value.push(' ');
                    last.value.push_str(line.trim());
                }
                (None, Some((name, value))) => {
                    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
                    headers.push(Header { name, value });
                }
                // No field: the body began without an empty line.
                (None, None) => break,
            }
            rest = after;
        }
        Self { headers, body: rest.to_owned() }
    }

    /// The value of the first field of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

/// The value of the first field of this name among these.
pub(crate) fn first<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    header.map(|header| &*header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unfolded_and_the_body_is_the_rest() {
        let message = Message::parse(
            b"Subject: Your\r\n  papers\r\nX-A:1\r\nx-a: 2\r\n\r\none\r\n\r\ntwo\r\n",
        );
        assert_eq!(message.header("subject"), Some("Your papers"));
        assert_eq!(message.header("X-A"), Some("1"));
        assert_eq!(message.headers.len(), 3);
        assert_eq!(message.body, "one\r\n\r\ntwo\r\n");
    }

    #[test]
    fn a_mail_that_is_none_is_shown_as_it_is() {
        for (data, headers, body) in [
            (&b""[..], 0, ""),
            (b"no head at all\r\n", 0, "no head at all\r\n"),
            (b"\r\nonly body\r\n", 0, "only body\r\n"),
            (b" folded first\r\n", 0, " folded first\r\n"),
            (b"A: 1\r\nbroken off", 1, "broken off"),
            (b"\xff\r\n", 0, "\u{fffd}\r\n"),
        ] {
            let message = Message::parse(data);
            assert_eq!((message.headers.len(), &*message.body), (headers, body), "{data:?}");
        }
    }
}
