//! Bank lines: what may not be is found and named.
//!
//! Which lines are taken and what is known of them, in which order they are looked at, what is heard of
//! rewards and what is asked back; what each line draws is in `draws`. Where a fault would drag others along, the journal stands alone, as if
//! nothing had been saved. What wallets and campaigns make of it is in `rewards`.

use std::sync::Arc;

use bursar_domain::campaign::News;
use bursar_domain::plan::Day;
use bursar_domain::statement::{Content, Drawn, Event, Heard, Line, Statement, Taken};

use super::fair::{self, statement_id};
use super::*;

/// Changes the first event of a statement of which `change` says that it did.
#[track_caller]
fn check_alone(wallet: &str, change: impl FnMut(&mut Event) -> bool, expected: &[&str]) {
    fair::check_alone::<Statement>(&statement_id(wallet), change, expected);
}

/// Changes the `number`th call of a wallet that was taken, from 0.
#[track_caller]
fn check_taken(wallet: &str, number: usize, change: fn(&mut Taken), expected: &[&str]) {
    let mut seen = 0;
    let change = |event: &mut Event| {
        let Event::Taken(event) = event else { return false };
        seen += 1;
        if seen == number + 1 {
            change(event);
        }
        seen == number + 1
    };
    check_alone(wallet, change, expected);
}

/// Changes what the `number`th call of a wallet drew, from 0.
#[track_caller]
pub(super) fn check_drawn(wallet: &str, number: usize, change: fn(&mut Drawn), expected: &[&str]) {
    let mut seen = 0;
    let change = |event: &mut Event| {
        let Event::Drawn(event) = event else { return false };
        seen += 1;
        if seen == number + 1 {
            change(event);
        }
        seen == number + 1
    };
    check_alone(wallet, change, expected);
}

/// Changes the first news of which `change` says that it did.
#[track_caller]
fn check_heard(wallet: &str, change: fn(&mut Heard) -> bool, expected: &[&str]) {
    let change = |event: &mut Event| {
        let Event::Heard(event) = event else { return false };
        change(event)
    };
    check_alone(wallet, change, expected);
}

fn day(days: i32) -> Day {
    Day::from_days(days).expect("in range")
}

fn dollar() -> bursar_domain::currency::Currency {
    bursar_domain::currency::Currency::from_code("USD").expect("in the table")
}

fn changed(line: &mut Arc<Line>, change: impl Fn(&mut Content)) {
    let mut content = line.content().clone();
    change(&mut content);
    *line = Arc::new(Line::new(content).expect("well-formed"));
}

#[test]
fn a_line_that_was_taken_before_is_named() {
    check_taken(
        "amy",
        1,
        |event| event.entries[0] = event.entries[1].clone(),
        &[
            "statement/amy, record .. line 1 (\"c2-1\", posted) was taken before",
            "statement/amy, record .. line 1 (\"c2-1\") replaces another line than it says",
            "statement/amy, record .. line 1 (\"c2-1\") is not to be drawn, and it says otherwise",
            "statement/amy, record .. line 0 is drawn as another purchase than it is",
        ],
    );
    // A pending line after its posted one.
    check_taken(
        "amy",
        2,
        |event| {
            changed(&mut event.entries[0].line, |content| {
                content.id = "c1-1".into();
                content.status = bursar_domain::statement::LineStatus::Pending;
            });
        },
        &[
            "statement/amy, record .. line 0 (\"c1-1\", pending) was taken before",
            "statement/amy, record .. line 0 (\"c1-1\") is not to be drawn, and it says otherwise",
            "statement/amy, record .. line 0 is drawn as another purchase than it is",
        ],
    );
}

#[test]
fn a_line_that_is_drawn_or_not_against_the_rule_is_named() {
    check_taken(
        "amy",
        0,
        |event| event.entries[0].draws = true,
        &["statement/amy, record .. line 0 (\"c1-1\") is not to be drawn, and it says otherwise"],
    );
    check_taken(
        "amy",
        1,
        |event| event.entries[0].draws = false,
        &[
            "statement/amy, record .. line 0 (\"c1-1\") is to be drawn, and it says otherwise",
            "statement/amy, record .. line 0 is drawn, and was not to be",
        ],
    );
    check_taken(
        "amy",
        1,
        |event| event.entries[1].replaces = None,
        &["statement/amy, record .. line 1 (\"c2-1\") replaces another line than it says"],
    );
    check_taken(
        "amy",
        1,
        |event| event.entries[2].replaces = Some(1),
        &["statement/amy, record .. line 2 (\"c3-1\") replaces another line than it says"],
    );
}

#[test]
fn a_line_outside_the_window_is_named() {
    check_taken(
        "rex",
        0,
        |event| {
            changed(&mut event.entries[0].line, |content| content.date = day(7));
        },
        &[
            "statement/rex, record .. line 0 is of..-08, which is outside the window",
            "statement/rex, record .. line 0 is drawn as another purchase than it is",
        ],
    );
    check_taken(
        "rex",
        0,
        |event| event.oldest = day(6),
        &[
            "statement/rex, record .. it takes lines on..-06, from..-07 on; it was another day",
            "statement/rex, record .. line 0 is of..-06, which is outside the window",
        ],
    );
    check_taken(
        "rex",
        1,
        |event| event.oldest = day(-30),
        &["statement/rex, record .. the window goes back from..-05 to..-02"],
    );
    check_taken(
        "rex",
        1,
        |event| event.today = day(44),
        &["statement/rex, record .. it takes lines on..-14, from..-14 on; it was another day"],
    );
    check_taken(
        "rex",
        1,
        |event| {
            changed(&mut event.entries[0].line, |content| content.amount = Amount::ZERO);
        },
        &[
            "statement/rex, record .. line 0 has no positive amount",
            "statement/rex, record .. line 0 is drawn as another purchase than it is",
        ],
    );
}

#[test]
fn lines_that_were_not_taken_must_have_their_places() {
    check_taken(
        "amy",
        2,
        |event| event.others[0].0 = 9,
        &["statement/amy, record .. the lines that were not taken have no places among 3"],
    );
    check_taken(
        "amy",
        2,
        |event| event.kept[0].0 = 9,
        &["statement/amy, record .. it keeps a line longer that is not known (slot 9)"],
    );
    check_taken(
        "amy",
        2,
        |event| event.others.truncate(1),
        &["statement/amy, record .. it keeps lines longer for a line that cannot be"],
    );
    check_taken(
        "amy",
        3,
        |event| event.entries.clear(),
        &[
            "statement/amy, record .. it takes no line, and there was nothing to note",
            "statement/amy, record .. it looks at what..took; next is nothing",
            "message .. (continuation)..did not send it",
            "message .. (claw-back)..did not send it",
        ],
    );
    check_taken(
        "amy",
        3,
        |event| event.currency = dollar(),
        &["statement/amy, record .. its lines are in USD; those before were in EUR"],
    );
    check_drawn(
        "amy",
        3,
        |event| event.currency = dollar(),
        &[
            "statement/amy, record .. it draws in USD, which is not the wallet's currency",
            "message .. (claw-back)..differs",
        ],
    );
    check_taken(
        "amy",
        3,
        |event| event.wallet = super::world::wallet_of("bea"),
        &["statement/amy, record .. it takes lines of wallet bea"],
    );
}

#[test]
fn a_batch_that_is_looked_at_out_of_turn_is_named() {
    check_drawn(
        "amy",
        1,
        |event| event.taken = Seq(event.taken.0 + 1),
        &[
            "statement/amy, record .. it looks at what..took; another record asked for it",
            "statement/amy, record .. it looks at what..took; next is",
            "statement/amy, record .. it hears of reward.., which it did not win",
            "statement/amy, record .. it asks back [..]; what is to be asked back is []",
            "message .. (word of draws)..did not send it",
        ],
    );
    check_drawn(
        "amy",
        1,
        |event| event.source.seq = Seq(event.source.seq.0 + 1),
        &[
            "statement/amy, record .. it looks at what..took; another record asked for it",
            "message .. (continuation)..did not send it",
        ],
    );
    check_alone(
        "rex",
        |event| {
            let Event::Drawn(own) = event else { return false };
            let (source, currency) = (own.source, own.currency);
            *event = Event::Heard(Heard { source, news: Vec::new(), clawed: Vec::new(), currency });
            true
        },
        &[
            "statement/rex, record .. it hears of reward.., which it did not win",
            "statement/rex, record .. it looks at what..took; next is",
            "message .. (continuation)..differs: news of rewards",
            "message .. (word of draws)..did not send it",
        ],
    );
}

#[test]
fn what_is_asked_back_against_the_rule_is_named() {
    check_drawn(
        "amy",
        3,
        |event| drop(event.clawed.pop()),
        &[
            "statement/amy, record .. it asks back []; what is to be asked back is [",
            "message .. (claw-back)..did not send it",
        ],
    );
    check_drawn(
        "bea",
        1,
        |event| event.clawed[0].amount = Amount::from_minor(1),
        &[
            "statement/bea, record .. it asks back [..]; what is to be asked back is [",
            "message .. (claw-back)..differs",
        ],
    );
    check_heard(
        "dee",
        |event| event.clawed.pop().is_some(),
        &[
            "statement/dee, record .. it asks back []; what is to be asked back is [",
            "message .. (claw-back)..did not send it",
        ],
    );
}

#[test]
fn news_that_nobody_sent_or_that_cannot_follow_is_named() {
    check_heard(
        "amy",
        |event| {
            let mut news = event.news.iter_mut().filter(|news| news.2 == News::Credited);
            news.next().map(|news| news.2 = News::Reserved).is_some()
        },
        &[
            "statement/amy, record .. reward..is reserved; then it hears Reserved",
            "message .. (news of rewards)..differs",
        ],
    );
    check_heard(
        "amy",
        |event| {
            event.news[0].1 = 9;
            true
        },
        &[
            "statement/amy, record .. it hears of reward.., which it did not win",
            "message .. (news of rewards)..differs",
        ],
    );
    check_heard(
        "amy",
        |event| {
            let mut news = event.news.iter_mut().filter(|news| news.2 == News::Credited);
            news.next().map(|news| news.2 = News::TakenBack(Amount::from_minor(1))).is_some()
        },
        &[
            "statement/amy, record .. reward..is reserved; then it hears TakenBack(Amount(1))",
            "message .. (news of rewards)..differs",
        ],
    );
}
