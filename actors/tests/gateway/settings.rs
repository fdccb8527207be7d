//! Settings: what stops the start, and what is never shown.
//!
//! A wrong setting is named with its party. Secrets may stand in tokens and in addresses, and no
//! text that leaves the settings may hold them, neither a fault nor a print of the whole.
//! The addresses of mail servers are a small language of their own, with a table of their own.

use std::sync::Arc;

use bursar_actors::clock::{Clock, SystemClock};
use bursar_actors::gateway::server::{Encryption, Server};
use bursar_actors::gateway::{Address, Settings, Token, Transports};

fn good() -> Settings {
    let mut settings = Settings::default();
    settings.processor.url = "http://127.0.0.1:1".into();
    settings.documents.url = "http://127.0.0.1:1/docs".into();
    settings.mail.url = "smtp://127.0.0.1:1".into();
    settings
}

fn fault(change: impl FnOnce(&mut Settings)) -> Option<String> {
    let mut settings = good();
    change(&mut settings);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Transports::new(&settings, &clock).err().map(|error| error.to_string())
}

#[test]
fn what_cannot_work_stops_the_start_and_is_named() {
    assert_eq!(fault(|_| {}), None);
    let begins = |text: &str, fault: Option<String>| {
        let fault = fault.unwrap();
        assert!(fault.starts_with(text), "{fault}");
        assert!(!fault.contains("s3cret"), "{fault}");
    };
    begins("processor.url: it is not set", fault(|s| s.processor.url = "".into()));
    begins("documents.url: it begins", fault(|s| s.documents.url = "ftp://x".into()));
    begins("processor.url: relative", fault(|s| s.processor.url = "x".into()));
    begins("processor.url: it holds", fault(|s| s.processor.url = "http://u:s3cret@x".into()));
    begins(
        "processor.url: it has a query",
        fault(|s| s.processor.url = "http://x?k=s3cret".into()),
    );
    begins("mail.timeout_ms: it is 0", fault(|s| s.mail.timeout_ms = 0));
    begins("documents.queue_max: it is 0", fault(|s| s.documents.queue_max = 0));
    begins("processor.breaker_after: it is 0", fault(|s| s.processor.breaker_after = 0));
    begins("processor.token: ", fault(|s| s.processor.token = Some("s3cret\n".into())));
    begins("mail.url: it would send", fault(|s| s.mail.url = "smtp://u:s3cret@x".into()));
    begins("mail.token: ", fault(|s| s.mail.token = Some("s3cret".into())));
    begins("mail.from: ", fault(|s| s.mail_from = "nobody".into()));
}

#[test]
fn secrets_do_not_print() {
    for (url, shown) in [
        ("smtps://user:s3cret@mail.example:465", "smtps://mail.example:465"),
        ("https://p.example/v2?k=s3cret", "https://p.example/v2"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("s3cret", "(not an address)"),
        ("", ""),
    ] {
        let address = Address::from(url);
        assert_eq!(address.to_string(), shown);
        assert_eq!(address.expose(), url);
    }
    let mut settings = good();
    settings.processor.token = Some(Token::from("s3cret"));
    settings.mail.url = "smtps://user:s3cret@mail.example".into();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_address_of_a_mail_server_is_read() {
    let credentials = Some(("a@b".to_owned(), "p:w".to_owned()));
    for (text, host, port, encryption, credentials) in [
        ("smtp://mail.example:2525", "mail.example", 2_525, Encryption::None, None),
        ("smtp://mail.example", "mail.example", 25, Encryption::None, None),
        ("smtp://127.0.0.1:1/", "127.0.0.1", 1, Encryption::None, None),
        ("smtp://[::1]:1", "::1", 1, Encryption::None, None),
        ("smtp://mail.example?starttls", "mail.example", 587, Encryption::Starttls, None),
        ("smtps://mail.example", "mail.example", 465, Encryption::Whole, None),
        (
            "smtps://a%40b:p%3Aw@mail.example",
            "mail.example",
            465,
            Encryption::Whole,
            credentials.clone(),
        ),
        (
            "smtp://a%40b:p%3Aw@mail.example:25?starttls",
            "mail.example",
            25,
            Encryption::Starttls,
            credentials,
        ),
    ] {
        let server = Server { host: host.to_owned(), port, encryption, credentials };
        assert!(Server::parse(text) == Ok(server), "{text}");
    }
    for text in [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp:mail.example",
        "smtp://mail.example:99999",
        "smtp://mail.example?tls",
        "smtps://mail.example?starttls",
        "smtp://mail.example/path",
        "smtp://user:password@mail.example",
        "smtps://%ff@mail.example",
    ] {
        assert!(Server::parse(text).is_err(), "{text}");
    }
}
