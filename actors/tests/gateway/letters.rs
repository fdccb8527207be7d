//! Mails as they are written: both forms, nothing smuggled in, one name per key.
//!
//! A letter is checked as the text that goes over the wire; it is short enough to be read whole.
//! Names, deals and addresses come from people, so whatever they hold must stay a text: no header,
//! no markup, no second recipient.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bursar_actors::gateway::letter::{Letter, Unwritable, message_id, write};
use bursar_domain::call::Mail;

use crate::calls::{mail, reward_mail};

fn date() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(490_908)
}

fn written(key: &str, mail: &Mail) -> Result<Letter, Unwritable> {
    write(&"Bursar <no-reply@bursar.example>".parse().unwrap(), key, mail, date())
}

fn text(mail: &Mail) -> String {
    let letter = written("k1", mail).unwrap();
    assert!(letter.text.is_ascii(), "no server has to take eight bits");
    String::from_utf8(letter.text).unwrap()
}

/// The headers of a letter, unfolded.
fn headers(text: &str) -> Vec<String> {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
}

fn with(field: &str, value: &str) -> Mail {
    let mut mail = mail("ann@example.com");
    for (name, text) in &mut mail.fields {
        if **name == *field {
            *text = value.into();
        }
    }
    mail
}

#[test]
fn a_letter_has_its_headers_and_both_forms() {
    let text = text(&mail("ann@example.com"));
    let headers = headers(&text);
    for header in [
        "From: Bursar <no-reply@bursar.example>",
        "To: ann@example.com",
        "Subject: Your investment inv_1 is confirmed",
        "Date: Thu, 01 Jan 2026 12:00:00 +0000",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.iter().any(|has| has == header), "{header}: {headers:#?}");
    }
    assert!(headers.iter().any(|has| has.starts_with("Content-Type: multipart/alternative")));
    let plain = text.find("Content-Type: text/plain; charset=utf-8").unwrap();
    let html = text.find("Content-Type: text/html; charset=utf-8").unwrap();
    assert!(plain < html, "the better form comes last");
    for line in ["Investment: inv_1\r\n", "Deal: Harbour\r\n", "Amount: 12.30 EUR\r\n"] {
        assert!(text[plain..html].contains(line), "{line}: {text}");
    }
    assert!(text[html..].contains("<td>Harbour</td>"), "{text}");
    assert_eq!(text.matches("https://docs.example/d1").count(), 2);
    assert!(!text.contains('{') && !text.contains('}'));
}

#[test]
fn a_reward_is_told_with_its_amount_and_its_purchase() {
    let text = text(&reward_mail("ann@example.com"));
    let headers = headers(&text);
    assert!(headers.iter().any(|has| has == "Subject: You have won 0.50 EUR"), "{headers:#?}");
    let (plain, html) = text.split_once("text/html").unwrap();
    for line in [
        "Reward: rwd_7-2_ann\r\n",
        "Campaign: spring\r\n",
        "Purchase: bank-tx 17/9\r\n",
        "Amount: 0.50 EUR\r\n",
    ] {
        assert!(plain.contains(line), "{line}: {plain}");
    }
    for cell in ["rwd_7-2_ann", "spring", "bank-tx 17/9", "0.50 EUR"] {
        assert!(html.contains(&format!("<td>{cell}</td>")), "{cell}: {html}");
    }
    assert!(!text.contains('{') && !text.contains('}'));
    // The purchase is what a bank called it: it stays a text.
    let mut mail = reward_mail("ann@example.com");
    mail.fields[2].1 = "<script>".into();
    let text = String::from_utf8(written("k1", &mail).unwrap().text).unwrap();
    let (plain, html) = text.split_once("text/html").unwrap();
    assert!(plain.contains("Purchase: <script>") && !html.contains("<script>"), "{text}");
}

#[test]
fn the_name_follows_from_the_key_alone() {
    let id = |key: &str, mail: &Mail| {
        let letter = written(key, mail).unwrap();
        let text = String::from_utf8(letter.text).unwrap();
        let found = headers(&text).into_iter().find(|header| header.starts_with("Message-ID: "));
        found.unwrap()
    };
    let (ann, bob) = (mail("ann@example.com"), mail("bob@example.com"));
    assert_eq!(id("k1", &ann), id("k1", &bob));
    assert_ne!(id("k1", &ann), id("k2", &ann));
    // Fixed for ever: a mail that is repeated by a later version is still the same mail.
    assert_eq!(message_id("k1", "b.example"), "<6ab9f1eb8f7d3388f4f9d586f66e99fd@b.example>");
    assert!(id("k\r\n>1", &ann).ends_with("@bursar.example>"));
}

#[test]
fn an_empty_field_takes_its_line_along() {
    let text = text(&with("documents", " "));
    assert!(!text.contains("Documents"), "{text}");
    assert!(text.contains("Amount"));
}

#[test]
fn a_field_can_do_nothing_in_html() {
    let text = text(&with("deal", "<b>\"A\" & 'B'</b>{amount}"));
    let (plain, html) = text.split_once("text/html").unwrap();
    assert!(plain.contains("Deal: <b>\"A\" & 'B'</b>{amount}"), "{plain}");
    let escaped = "&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;{amount}";
    let unfolded = html.replace("=\r\n", "");
    assert!(unfolded.contains(escaped), "{html}");
}

#[test]
fn a_field_cannot_become_a_header() {
    for value in ["x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\u{2028}Bcc: eve"] {
        let text = text(&with("investment", value));
        for header in headers(&text) {
            assert!(!header.starts_with("Bcc"), "{header}");
        }
        let letter = written("k1", &with("investment", value)).unwrap();
        assert_eq!(letter.envelope.to().len(), 1);
    }
}

#[test]
fn what_is_not_ascii_is_encoded() {
    let text = text(&with("investment", "Größe 東京"));
    assert!(
        headers(&text)
            .iter()
            .any(|header| header.starts_with("Subject: ") && header.contains("=?utf-8?"))
    );
}

#[test]
fn an_impossible_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(400));
    for to in [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@exam ple.com",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com,eve@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "\"a\r\nRCPT TO:<eve@example.com>\"@example.com",
        long.as_str(),
    ] {
        assert_eq!(written("k1", &mail(to)), Err(Unwritable::Address), "{to:?}");
    }
    assert!(!written("k1", &mail("ann+x@mail.example.com")).unwrap().unicode);
    assert!(written("k1", &mail("jürgen@example.com")).unwrap().unicode);
}

#[test]
fn a_missing_field_is_not_papered_over() {
    let mut mail = mail("ann@example.com");
    mail.fields.retain(|(name, _)| **name != *"amount");
    let fault = written("k1", &mail).unwrap_err();
    assert_eq!(fault, Unwritable::Field("amount".into()));
    assert_eq!(fault.code(), "malformed-call");
}
