//! The address of a mail server.
//!
//! `smtp://host:port` is not encrypted, `smtp://host:port?starttls` must become so before anything
//! is said, `smtps://host:port` is from the first byte on. Without a port it is the usual one: 25,
//! 587 and 465. A user and a password stand before the host, escaped as in every address.
//!
//! Invariant: there are no credentials without encryption.

use percent_encoding::percent_decode_str;
use url::Url;

/// How the way to the server is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encryption {
    /// Not at all.
    None,
    /// From the start.
    Whole,
    /// From `STARTTLS` on, and never without.
    Starttls,
}

/// A mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// User and password.
    pub credentials: Option<(String, String)>,
}

impl Server {
    /// Reads an address; an error says what is wrong with it, without its secrets.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is not set".to_owned());
        }
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let encryption = match (url.scheme(), url.query()) {
            ("smtp", None) => Encryption::None,
            ("smtp", Some("starttls")) => Encryption::Starttls,
            ("smtps", None) => Encryption::Whole,
            ("smtp" | "smtps", Some(_)) => {
                return Err("its query is not ?starttls after smtp://".to_owned());
            }
            _ => return Err("it begins with neither smtp:// nor smtps://".to_owned()),
        };
        let usual = match encryption {
            Encryption::None => 25,
            Encryption::Starttls => 587,
            Encryption::Whole => 465,
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
        if !matches!(url.path(), "" | "/") {
            return Err("it has a path".to_owned());
        }
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user)?, decoded(password.unwrap_or_default())?)),
        };
        if credentials.is_some() && encryption == Encryption::None {
            return Err("it would send credentials unencrypted".to_owned());
        }
        Ok(Self { host, port: url.port().unwrap_or(usual), encryption, credentials })
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| "its credentials are not UTF-8".to_owned())
}
