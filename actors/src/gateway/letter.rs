//! Writes mails: templates, filled in, as text and as HTML. Pure.
//!
//! A template is a pair of files under `templates/`. The text begins with the line `Subject: ...`
//! and an empty one. `{name}` stands for a field; a line whose field is empty is left out, so each
//! line holds at most one field that may be empty. No address becomes a link: readers make links
//! of addresses themselves, and a field can then do nothing in HTML but be read.
//!
//! Invariants: a field is a text of one line, escaped in HTML, never a header and never a template;
//! the `Message-ID` follows from the key alone, so a mail sent twice is recognised as one.

use std::fmt::Write as _;
use std::time::SystemTime;

use bursar_domain::call::{Mail, Template};
use lettre::address::Envelope;
use lettre::message::{Mailbox, Message, MultiPart};
use sha2::{Digest, Sha256};

/// A mail, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// From whom and to whom.
    pub envelope: Envelope,
    /// Whether an address holds more than ASCII, which not every server takes.
    pub unicode: bool,
    /// Headers and body, in ASCII.
    pub text: Vec<u8>,
}

/// A mail that cannot be written; it was not sent, and never can be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unwritable {
    /// No such address can exist.
    #[error("the address is no mail address")]
    Address,
    /// The template names a field that the mail does not have.
    #[error("the field {0:?} is missing")]
    Field(Box<str>),
    /// Headers and body do not make a mail.
    #[error("it does not make a mail: {0}")]
    Message(Box<str>),
}

impl Unwritable {
    /// The reason, as a word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address => "mail-address-invalid",
            Self::Field(_) | Self::Message(_) => "malformed-call",
        }
    }
}

/// The text and the HTML of a template.
const fn files(template: Template) -> (&'static str, &'static str) {
    match template {
        Template::InvestmentConfirmed => (
            include_str!("templates/investment-confirmed.txt"),
            include_str!("templates/investment-confirmed.html"),
        ),
        Template::RewardGranted => (
            include_str!("templates/reward-granted.txt"),
            include_str!("templates/reward-granted.html"),
        ),
    }
}

/// Writes a mail.
pub fn write(
    from: &Mailbox,
    key: &str,
    mail: &Mail,
    date: SystemTime,
) -> Result<Letter, Unwritable> {
    if mail.to.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(Unwritable::Address);
    }
    let to = mail.to.parse().map_err(|_| Unwritable::Address)?;
    let (text, html) = files(mail.template);
    let (subject, text) = text.split_once('\n').expect("a template begins with its subject");
    let subject = subject.strip_prefix("Subject: ").expect("a template begins with its subject");
    let subject = fill(subject, &mail.fields, plain)?;
    let text = fill(text.trim_start(), &mail.fields, plain)?;
    let html = fill(html, &mail.fields, escaped)?;
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject.trim_end())
        .date(date)
        .message_id(Some(message_id(key, from.email.domain())))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| Unwritable::Message(error.to_string().into()))?;
    let envelope = message.envelope().clone();
    let mut addresses = envelope.to().iter().chain(envelope.from());
    let unicode = addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii());
    Ok(Letter { envelope, unicode, text: message.formatted() })
}

/// The name of the mail of a key: the first half of the key's SHA-256, at our domain.
pub fn message_id(key: &str, domain: &str) -> String {
    let mut id = String::from("<");
    for byte in &Sha256::digest(key)[..16] {
        write!(id, "{byte:02x}").expect("a string takes all");
    }
    id + "@" + domain + ">"
}

/// Fills a template in, line by line.
fn fill(
    template: &str,
    fields: &[(Box<str>, Box<str>)],
    put: fn(&str, &mut String),
) -> Result<String, Unwritable> {
    let mut filled = String::with_capacity(template.len() * 2);
    for line in template.lines() {
        let start = filled.len();
        let mut rest = line;
        let mut empty = false;
        while let Some((before, (name, after))) = next_field(rest) {
            let field = fields.iter().find(|(field, _)| **field == *name);
            let (_, value) = field.ok_or_else(|| Unwritable::Field(name.into()))?;
            filled.push_str(before);
            put(value, &mut filled);
            empty |= value.trim().is_empty();
            rest = after;
        }
        filled.push_str(rest);
        filled.push('\n');
        if empty {
            filled.truncate(start);
        }
    }
    Ok(filled)
}

/// What stands before the next field, the field's name, and what stands after it.
fn next_field(text: &str) -> Option<(&str, (&str, &str))> {
    let (before, rest) = text.split_once('{')?;
    Some((before, rest.split_once('}')?))
}

/// A field in a text: whatever would break the line is a space.
fn plain(value: &str, out: &mut String) {
    out.extend(value.trim().chars().map(|c| if breaks(c) { ' ' } else { c }));
}

/// A field in HTML.
fn escaped(value: &str, out: &mut String) {
    for c in value.trim().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if breaks(c) => out.push(' '),
            c => out.push(c),
        }
    }
}

/// Control characters, and the two characters that Unicode has for ends of lines.
fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
