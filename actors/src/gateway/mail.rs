//! Carries mails over SMTP (RFC 5321).
//!
//! lettre speaks the protocol, but its own transport does not tell how far a mail came before it
//! failed, and that is what matters: until the content goes out nothing is accepted and all may be
//! tried again; from then on, until the server's last word, nobody knows. So the commands are given
//! one by one here, and an error is read together with the stage it came at.
//!
//! A few connections are kept for the mails that follow. One that turns out to be closed when it is
//! used again is replaced at once: no mail was begun on it.
//!
//! Invariants: every attempt ends in time; credentials go only over an encrypted connection and
//! are in no text; what may have been accepted is never told as not sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar_domain::call::{Call, Party, Reply, Request};
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use super::http::told;
use super::letter::{self, Letter};
use super::retry_after::instant;
use super::server::{Encryption, Server};
use super::settings::{Settings, SettingsError};
use super::transport::{Attempt, Sending, Transport, clip};
use crate::clock::Clock;

/// How long an unused connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// How long a connection may take to stand, unless the whole attempt may take less.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How far a mail had come when something went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// There was no connection yet, or it was not ready: greeting, encryption, credentials.
    Connection,
    /// The mail was announced: from whom, to whom. Nothing of it was sent.
    Envelope,
    /// It was being sent, or had been.
    Content,
}

/// Carries mails to one server.
pub struct MailTransport(Arc<Inner>);

struct Inner {
    server: Server,
    tls: Option<TlsParameters>,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Mailbox,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
    idle_max: usize,
}

/// Why an attempt ended early.
struct Failure(Stage, Error);

impl MailTransport {
    /// A way to the mail server. Opens no connection yet.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let party = Party::Mail;
        let wrong = |setting, fault: String| SettingsError { party, setting, fault: fault.into() };
        let mail = &settings.mail;
        let server = Server::parse(mail.url.expose()).map_err(|fault| wrong("url", fault))?;
        if mail.token.is_some() {
            let fault = "SMTP knows no token; user and password go into the url";
            return Err(wrong("token", fault.to_owned()));
        }
        let from: Mailbox =
            settings.mail_from.parse().map_err(|error| wrong("from", format!("{error}")))?;
        let tls = match server.encryption {
            Encryption::None => None,
            Encryption::Whole | Encryption::Starttls => {
                let tls = TlsParameters::new(server.host.clone());
                Some(tls.map_err(|error| wrong("url", told(&error).into()))?)
            }
        };
        let credentials = server.credentials.clone();
        let credentials = credentials.map(|(user, password)| Credentials::new(user, password));
        Ok(Self(Arc::new(Inner {
            server,
            tls,
            hello: ClientId::Domain(from.email.domain().to_owned()),
            credentials,
            from,
            timeout: mail.timeout(),
            clock,
            idle: Mutex::default(),
            idle_max: mail.concurrency.get(),
        })))
    }
}

impl Transport for MailTransport {
    fn send(&self, call: Arc<Call>) -> Sending {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let Request::Mail(mail) = &call.request else {
                return Attempt::declined("malformed-call", "only mails go over SMTP");
            };
            let date = instant(inner.clock.now());
            let letter = match letter::write(&inner.from, &call.key, mail, date) {
                Ok(letter) => letter,
                Err(fault) => return Attempt::declined(fault.code(), clip(&fault.to_string())),
            };
            inner.deliver(&letter).await
        })
    }
}

impl Inner {
    async fn deliver(&self, letter: &Letter) -> Attempt {
        let begun = AtomicBool::new(false);
        match tokio::time::timeout(self.timeout, self.converse(letter, &begun)).await {
            Ok(Ok(attempt)) => attempt,
            Ok(Err(Failure(stage, error))) => failed(stage, &error),
            Err(_) => {
                let reason = format!("no answer in {} ms", self.timeout.as_millis());
                if begun.load(Ordering::Relaxed) {
                    Attempt::unknown(reason)
                } else {
                    Attempt::NotSent { reason: reason.into() }
                }
            }
        }
    }

    async fn converse(&self, letter: &Letter, begun: &AtomicBool) -> Result<Attempt, Failure> {
        let envelope = |error| Failure(Stage::Envelope, error);
        let mut line = self.announced(letter).await?;
        if letter.unicode && !takes_unicode(&line) {
            let detail = "the server takes no address outside ASCII";
            return Ok(Attempt::declined("mail-address-unsupported", detail));
        }
        for to in letter.envelope.to() {
            line.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(envelope)?;
        }
        let leave = line.command(Data).await.map_err(envelope)?;
        if !leave.has_code(354) {
            let reason = format!("{} instead of leave to send", leave.code());
            return Ok(Attempt::NotSent { reason: reason.into() });
        }
        begun.store(true, Ordering::Relaxed);
        let last = line.message(&letter.text).await;
        let last = last.map_err(|error| Failure(Stage::Content, error))?;
        if u16::from(last.code()) / 100 != 2 {
            return Ok(Attempt::unknown(format!("{} at the end", last.code())));
        }
        self.keep(line);
        Ok(Attempt::Answered(Reply::Done { id: "".into(), url: None }))
    }

    /// A connection on which the mail's sender was accepted.
    async fn announced(&self, letter: &Letter) -> Result<AsyncSmtpConnection, Failure> {
        if let Some(mut line) = self.kept()
            && line.command(sender(letter, &line)).await.is_ok()
        {
            return Ok(line);
        }
        let line = self.connect().await;
        let mut line = line.map_err(|error| Failure(Stage::Connection, error))?;
        let announced = line.command(sender(letter, &line)).await;
        announced.map_err(|error| Failure(Stage::Envelope, error))?;
        Ok(line)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let server = (self.server.host.as_str(), self.server.port);
        let within = Some(CONNECT_MAX.min(self.timeout / 2));
        let (at_once, later) = match self.server.encryption {
            Encryption::None => (None, None),
            Encryption::Whole => (self.tls.clone(), None),
            Encryption::Starttls => (None, self.tls.clone()),
        };
        let mut line =
            AsyncSmtpConnection::connect_tokio1(server, within, &self.hello, at_once, None).await?;
        if let Some(tls) = later {
            line.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            line.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(line)
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(_, line)| line)
    }

    fn keep(&self, line: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push((Instant::now(), line));
        }
    }
}

fn takes_unicode(line: &AsyncSmtpConnection) -> bool {
    line.server_info().supports_feature(Extension::SmtpUtfEight)
}

/// Announces the mail. Its text is in ASCII, so it needs no leave for eight bits.
fn sender(letter: &Letter, line: &AsyncSmtpConnection) -> From {
    let unicode = letter.unicode && takes_unicode(line);
    let parameters = if unicode { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
    From::new(letter.envelope.from().cloned(), parameters)
}

fn failed(stage: Stage, error: &Error) -> Attempt {
    let code = error.status().map(u16::from);
    // Without a code, only what the server cannot do or does not take is our own conclusion.
    let code = code.or_else(|| error.is_client().then_some(504));
    read(stage, code, told(error))
}

/// What a failure means, by its stage and by the code the server gave, if it gave one.
///
/// A 5xx to a mail is a definite no. One to the connection or to the credentials is a fault of our
/// configuration and would meet every mail, so the mail waits for it to be mended. A 4xx is a no
/// for the time being; a server that is closing says 421.
pub fn read(stage: Stage, code: Option<u16>, reason: Box<str>) -> Attempt {
    match code {
        None => match stage {
            Stage::Connection | Stage::Envelope => Attempt::NotSent { reason },
            Stage::Content => Attempt::unknown(reason),
        },
        Some(421) => Attempt::NotSent { reason },
        Some(530 | 534 | 535 | 538) => Attempt::TurnedAway { reason },
        Some(code @ 500..600) => match stage {
            Stage::Connection => Attempt::TurnedAway { reason },
            Stage::Envelope | Stage::Content => Attempt::declined(format!("smtp-{code}"), reason),
        },
        Some(_) => match stage {
            Stage::Connection => Attempt::NotSent { reason },
            Stage::Envelope | Stage::Content => Attempt::TurnedAway { reason },
        },
    }
}
