//! Mail: a server that takes every mail and delivers none, so that tests can read them.
//!
//! [`session`] is the conversation without any I/O, [`message`] the form of a mail, [`server`] the
//! sockets, the limit and the faults. A mail is stored each time it is sent: SMTP has no keys, so
//! a mail that was sent twice is here twice, and `message_id` tells.

mod message;
mod server;
mod session;

use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use server::serve;

use crate::journal::forms;
use message::{Header, Message, first};
use session::Envelope;

/// The most bytes of all mails together.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// A mail as it is taken.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taken {
    from: String,
    to: Vec<String>,
    headers: Vec<Header>,
    body: String,
    /// How large it was.
    bytes: usize,
    /// When it was taken.
    #[serde(rename = "at_ms", with = "forms::millis")]
    pub(crate) at: Timestamp,
}

/// A mail as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Mail {
    /// The sender on the envelope.
    from: String,
    /// The recipients on the envelope.
    to: Vec<String>,
    subject: Option<String>,
    message_id: Option<String>,
    headers: Vec<Header>,
    body: String,
    at: String,
}

/// All mails, in the order in which they were taken.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mails: Vec<Mail>,
    bytes: usize,
    max: usize,
}

impl Mailbox {
    /// An empty one.
    pub(crate) fn new(max: usize) -> Self {
        Self { mails: Vec::new(), bytes: 0, max }
    }

    /// How many mails there are.
    pub(crate) fn len(&self) -> usize {
        self.mails.len()
    }

    /// One of them.
    pub(crate) fn mail(&self, index: usize) -> &Mail {
        &self.mails[index]
    }

    /// Draws up a mail that [`Mailbox::store`] stores; `None` when there is no room for it.
    fn draw_up(&self, envelope: &Envelope, message: Message, at: Timestamp) -> Option<Taken> {
        let bytes = envelope.data.len();
        if self.mails.len() >= self.max || self.bytes + bytes > BYTES_MAX {
            return None;
        }
        let (from, to) = (envelope.from.clone(), envelope.to.clone());
        let Message { headers, body } = message;
        Some(Taken { from, to, headers, body, bytes, at })
    }

    /// Stores a mail.
    pub(crate) fn store(&mut self, taken: Taken) {
        let Taken { from, to, headers, body, bytes, at } = taken;
        let subject = first(&headers, "subject").map(str::to_owned);
        let message_id = first(&headers, "message-id").map(str::to_owned);
        self.bytes = self.bytes.saturating_add(bytes);
        let at = at.to_string();
        self.mails.push(Mail { from, to, subject, message_id, headers, body, at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_takes_no_more() {
        let mut mailbox = Mailbox::new(1);
        let envelope = Envelope { from: String::new(), to: Vec::new(), data: b"\r\n".to_vec() };
        let mut store = || {
            let at = Timestamp::from_millis(0).expect("an instant");
            let taken = mailbox.draw_up(&envelope, Message::parse(&envelope.data), at);
            taken.map(|taken| mailbox.store(taken))
        };
        assert_eq!((store(), store()), (Some(()), None));
        assert_eq!(mailbox.len(), 1);
    }
}
