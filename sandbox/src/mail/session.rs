//! The server's side of a conversation in SMTP (RFC 5321), without any I/O: lines in, replies out.
//!
//! EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT; no authentication, no TLS. Lines come with
//! their ends, because a mail ends only at a dot alone between two CRLF: a line feed by itself is
//! content and never ends anything there. Commands are taken with a bare line feed too, for people
//! at a terminal.
//!
//! Invariants: a mail has a sender, at least one recipient and at most [`BYTES_MAX`] bytes; after a
//! mail, delivered or not, the session is as after its greeting.

use std::borrow::Cow;

/// The largest mail.
pub(crate) const BYTES_MAX: usize = 1024 * 1024;
/// The most recipients of a mail.
const RECIPIENTS_MAX: usize = 100;
/// The longest address.
const ADDRESS_MAX: usize = 256;

/// The first line of a conversation.
pub(crate) const GREETING: &str = "220 sandbox ESMTP takes every mail and delivers none";

const OK: &str = "250 2.0.0 ok";
const BAD_ORDER: &str = "503 5.5.1 not in this order";

/// A mail as it came, without the dots that were stuffed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Envelope {
    /// Who sends; empty for the null sender.
    pub(crate) from: String,
    /// To whom.
    pub(crate) to: Vec<String>,
    /// Head and body.
    pub(crate) data: Vec<u8>,
}

/// What follows a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Say this.
    Reply(Cow<'static, str>),
    /// Nothing yet: the line is part of a mail.
    Listen,
    /// A mail is complete; the reply says what became of it.
    Deliver(Envelope),
    /// Say this and close.
    Close(&'static str),
}

/// A conversation.
#[derive(Debug, Default)]
pub(crate) struct Session {
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    data: Option<Data>,
}

/// A mail on its way in.
#[derive(Debug)]
struct Data {
    bytes: Vec<u8>,
    too_large: bool,
    /// Whether the last line ended with CRLF, so that a dot may have a meaning.
    at_line_start: bool,
}

impl Session {
    /// Takes a line with its end.
    pub(crate) fn take(&mut self, line: &[u8]) -> Step {
        if self.data.is_some() {
            return self.take_data(line);
        }
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        match &*verb.to_ascii_uppercase() {
            "EHLO" => self.greet(rest, extensions().into()),
            "HELO" => self.greet(rest, "250 sandbox".into()),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" => self.begin_data(),
            "RSET" => {
                self.reset();
                reply(OK)
            }
            "NOOP" => reply(OK),
            "VRFY" => reply("252 2.1.5 send it and see"),
            "QUIT" => Step::Close("221 2.0.0 goodbye"),
            _ => reply("502 5.5.1 no such command here"),
        }
    }

    fn greet(&mut self, name: &str, greeting: Cow<'static, str>) -> Step {
        if name.is_empty() {
            return reply("501 5.5.4 say who you are");
        }
        self.reset();
        self.greeted = true;
        Step::Reply(greeting)
    }

    fn mail(&mut self, rest: &str) -> Step {
        if !self.greeted || self.from.is_some() {
            return reply(BAD_ORDER);
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return reply("501 5.5.4 write MAIL FROM:<address>");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match &*name.to_ascii_uppercase() {
                "SIZE" => match value.parse::<usize>() {
                    Ok(size) if size > BYTES_MAX => return reply("552 5.3.4 too large"),
                    Ok(_) => {}
                    Err(_) => return reply("501 5.5.4 SIZE is a number of bytes"),
                },
                "BODY" | "SMTPUTF8" => {}
                _ => return reply("555 5.5.4 no such parameter here"),
            }
        }
        self.from = Some(address.to_owned());
        reply(OK)
    }

    fn recipient(&mut self, rest: &str) -> Step {
        if self.from.is_none() {
            return reply(BAD_ORDER);
        }
        match path(rest, "TO:") {
            Some((address, "")) if !address.is_empty() => {
                if self.to.len() >= RECIPIENTS_MAX {
                    return reply("452 4.5.3 too many recipients");
                }
                self.to.push(address.to_owned());
                reply(OK)
            }
            Some(_) | None => reply("501 5.5.4 write RCPT TO:<address>"),
        }
    }

    fn begin_data(&mut self) -> Step {
        if self.to.is_empty() {
            return reply(BAD_ORDER);
        }
        self.data = Some(Data { bytes: Vec::new(), too_large: false, at_line_start: true });
        reply("354 end with a dot on a line of its own")
    }

    fn take_data(&mut self, line: &[u8]) -> Step {
        let Some(data) = &mut self.data else { return reply(BAD_ORDER) };
        if data.at_line_start && line == b".\r\n" {
            return self.end_data();
        }
        let content = match line {
            [b'.', rest @ ..] if data.at_line_start => rest,
            whole => whole,
        };
        data.at_line_start = line.ends_with(b"\r\n");
        if data.bytes.len() + content.len() > BYTES_MAX {
            data.too_large = true;
            data.bytes = Vec::new();
        }
        if !data.too_large {
            data.bytes.extend_from_slice(content);
        }
        Step::Listen
    }

    fn end_data(&mut self) -> Step {
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        let data = self.data.take();
        self.reset();
        match data {
            Some(data) if !data.too_large => Step::Deliver(Envelope { from, to, data: data.bytes }),
            Some(_) | None => reply("552 5.3.4 the mail is too large"),
        }
    }

    fn reset(&mut self) {
        *self = Self { greeted: self.greeted, ..Self::default() };
    }
}

/// The answer to EHLO: what the server can do.
fn extensions() -> String {
    let words = ["sandbox", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
    let lines = words.map(|word| format!("250-{word}\r\n")).concat();
    format!("{lines}250 SIZE {BYTES_MAX}")
}

fn reply(text: &'static str) -> Step {
    Step::Reply(Cow::Borrowed(text))
}

/// The address after a prefix such as `FROM:`, and the parameters behind it.
fn path<'a>(text: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let (found, rest) = text.split_at_checked(prefix.len())?;
    let rest =
        rest.trim_start().strip_prefix('<').filter(|_| found.eq_ignore_ascii_case(prefix))?;
    let (address, parameters) = rest.split_once('>')?;
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '<';
    (address.len() <= ADDRESS_MAX && !address.contains(bad)).then(|| (address, parameters.trim()))
}

#[cfg(test)]
mod tests;
