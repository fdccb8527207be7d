//! The life of a statement, event by event, and every word of lines and rewards.
//!
//! Each record is one that the rules could have written. The first batch has a line of every kind
//! and an answer of every kind; its draws come to everything that a draw can come to, and its
//! rewards end in every way. The last batch waits to be looked at.

use std::sync::Arc;

use bursar_domain::campaign::terms::{OnReversal, Rounding};
use bursar_domain::campaign::{Decision, Merchant, News};
use bursar_domain::id::{CampaignId, EntityId, Seq};
use bursar_domain::record::Verdict;
use bursar_domain::statement::event::{Clawed, Party};
use bursar_domain::statement::line::slot_of;
use bursar_domain::statement::{
    Content, Draw, Drawn, Entry, Event, Fate, Heard, Line, LineRefusal, LineStatus, LineVerdict,
    Taken,
};

use super::orders::day;
use super::rewards::{autumn, exhausted, spring};
use super::sagas::{Life, life, wallet_id};
use super::{amount, eur, source};

/// The first draws.
pub(crate) const DRAWN: u64 = 701;
/// A second batch was taken, and has yet to be looked at.
pub(crate) const TAKEN: u64 = 705;
/// The last record: a third batch waits.
pub(crate) const LAST: u64 = 707;

/// A line with what it must have.
fn bare(id: &str, after: i32, status: LineStatus, minor: i64) -> Content {
    Content {
        id: id.into(),
        date: day(after),
        status,
        from_account: None,
        to_account: None,
        amount: amount(minor),
        description: None,
        merchant: None,
        pending_id: None,
        reversal_of: None,
    }
}

fn merchant(id: Option<&str>, name: Option<&str>, category_code: Option<u16>) -> Merchant {
    Merchant { id: id.map(Into::into), name: name.map(Into::into), category_code }
}

/// A line with all that it may have, but for what links it to others.
fn full(id: &str, after: i32, status: LineStatus, minor: i64) -> Content {
    Content {
        from_account: Some("CZ65 0800 0000 1920 0014 5399".into()),
        to_account: Some("tok_shop".into()),
        description: Some("Nákup 17/9".into()),
        merchant: Some(merchant(Some("m-1"), Some("Potraviny Měsíc"), Some(5_411))),
        ..bare(id, after, status, minor)
    }
}

fn entry(content: Content, draws: bool, replaces: Option<&str>) -> Entry {
    let line = Arc::new(Line::new(content).expect("a good line"));
    Entry { line, draws, replaces: replaces.map(slot_of) }
}

/// A purchase that is drawn.
fn purchase(id: &str, after: i32, minor: i64) -> Entry {
    entry(full(id, after, LineStatus::Posted, minor), true, None)
}

fn first_entries() -> Vec<Entry> {
    let posted = |id, merchant| Content {
        merchant: Some(merchant),
        ..bare(id, -3, LineStatus::Posted, 1_000)
    };
    let reversal =
        Content { reversal_of: Some("t-5".into()), ..bare("r-1", -1, LineStatus::Reversed, 5_000) };
    vec![
        entry(full("p-1", -9, LineStatus::Pending, 70_000), false, None),
        entry(bare("t-1", -3, LineStatus::Posted, 1), true, None),
        entry(posted("t-2", merchant(Some("m-2"), None, None)), true, None),
        entry(posted("t-3", merchant(None, Some("Kavárna"), None)), true, None),
        entry(posted("t-4", merchant(None, None, Some(9_999))), true, None),
        purchase("t-5", -25, 5_000),
        purchase("t-6", 0, 6_000),
        purchase("t-7", 0, i64::MAX),
        entry(reversal, false, None),
        entry(bare("t-9", 0, LineStatus::Reversed, 9_000), false, None),
        entry(bare("p-9", -8, LineStatus::Pending, 9), false, None),
    ]
}

fn taken(after: i32, entries: Vec<Entry>, others: Vec<(u16, LineVerdict)>) -> Taken {
    Taken {
        wallet: wallet_id("alice"),
        currency: eur(),
        today: day(after),
        oldest: day(after - 32),
        entries,
        others,
        kept: Vec::new(),
    }
}

/// Every answer of a line that was not new.
pub(crate) fn verdicts() -> Vec<LineVerdict> {
    let refusals = [
        LineRefusal::Currency,
        LineRefusal::Amount,
        LineRefusal::Ahead,
        LineRefusal::TooOld,
        LineRefusal::Full,
    ];
    let refused = refusals.map(LineVerdict::Refused);
    [LineVerdict::Duplicate, LineVerdict::Conflict].into_iter().chain(refused).collect()
}

fn first_batch() -> Taken {
    // Between the new ones, not at their beginning and not at their end.
    taken(0, first_entries(), (2..).zip(verdicts()).collect())
}

fn second_batch() -> Taken {
    let linked =
        Content { pending_id: Some("p-1".into()), ..full("t-10", -7, LineStatus::Posted, 70_000) };
    let reversal =
        Content { reversal_of: Some("t-4".into()), ..bare("r-2", 1, LineStatus::Reversed, 1_000) };
    let entries = vec![
        entry(linked, true, Some("p-1")),
        entry(bare("t-11", -1, LineStatus::Posted, 9), true, Some("p-9")),
        entry(reversal, false, None),
    ];
    Taken { kept: vec![(slot_of("t-1"), day(1))], ..taken(1, entries, Vec::new()) }
}

fn draw(line: u16, campaign: u16, fate: Fate) -> Draw {
    let entry = &first_entries()[usize::from(line)];
    let content = entry.line.content();
    Draw {
        line,
        campaign,
        purchase: entry.line.purchase().into(),
        day: content.date,
        amount: content.amount,
        fate,
    }
}

/// Everything that a draw can come to.
pub(crate) fn fates() -> Vec<Fate> {
    let (prize, minor) = (99, amount(2_500));
    vec![Fate::Lost, Fate::Won { prize, amount: minor }, Fate::Limited { prize, amount: minor }]
}

fn drawn() -> Drawn {
    let won = |prize, minor| Fate::Won { prize, amount: amount(minor) };
    Drawn {
        source: source(1, 700),
        taken: Seq(700),
        campaigns: vec![
            Party { campaign: spring(), claws_back: true },
            Party { campaign: autumn(), claws_back: false },
        ],
        draws: vec![
            draw(1, 0, Fate::Lost),
            draw(2, 0, won(0, 500)),
            draw(3, 1, won(0, 1)),
            draw(4, 0, won(1, 100)),
            draw(5, 0, won(99, 500)),
            draw(6, 0, Fate::Limited { prize: 1, amount: amount(600) }),
            draw(7, 0, won(3, 9_000)),
        ],
        clawed: Vec::new(),
        currency: eur(),
    }
}

fn clawed(line: u16, campaign: CampaignId, minor: i64) -> Clawed {
    Clawed { draw: Seq(DRAWN), line, campaign, amount: amount(minor) }
}

fn heard(seq: u64, news: Vec<(u16, News)>, clawed: Vec<Clawed>) -> Event {
    let told = |(line, news)| (Seq(DRAWN), line, news);
    let news = news.into_iter().map(told).collect();
    Event::Heard(Heard { source: source(13, seq), news, clawed, currency: eur() })
}

fn statement_life(id: &str, first: u64, events: Vec<Event>) -> Life {
    let verdicts = events.into_iter().map(|event| Verdict::Statement(vec![event])).collect();
    life(&EntityId::statement(&wallet_id(id)), first, verdicts)
}

/// A statement whose rewards end in every way.
pub(crate) fn statement() -> Life {
    let events = vec![
        Event::Taken(first_batch()),
        Event::Drawn(drawn()),
        heard(
            600,
            vec![
                (3, News::Reserved),
                (4, News::Reserved),
                (5, News::Reserved),
                (7, News::Failed(exhausted())),
            ],
            Vec::new(),
        ),
        // The purchase of the second one was reversed already.
        heard(601, vec![(4, News::Credited), (5, News::Credited)], vec![clawed(5, spring(), 500)]),
        heard(602, vec![(5, News::TakenBack(amount(499)))], Vec::new()),
        Event::Taken(second_batch()),
        Event::Drawn(Drawn {
            source: source(1, 705),
            taken: Seq(705),
            campaigns: Vec::new(),
            draws: Vec::new(),
            clawed: vec![clawed(4, spring(), 100)],
            currency: eur(),
        }),
        Event::Taken(taken(2, vec![purchase("t-12", 2, 1_200)], vec![(0, LineVerdict::Duplicate)])),
    ];
    statement_life("alice", 700, events)
}

/// A statement with one line.
pub(crate) fn fresh_statement() -> Life {
    let entries = vec![entry(bare("p", 0, LineStatus::Pending, 1), false, None)];
    let taken = Taken { wallet: wallet_id("bob"), ..taken(0, entries, Vec::new()) };
    statement_life("bob", 710, vec![Event::Taken(taken)])
}

/// Every word of campaigns and statements that stands in records by its number.
pub(crate) type Words =
    (Vec<Decision>, Vec<LineStatus>, Vec<LineVerdict>, Vec<Fate>, Vec<Rounding>, Vec<OnReversal>);

/// Every word.
pub(crate) fn words() -> Words {
    (
        vec![Decision::Granted, Decision::Exhausted, Decision::Waits, Decision::TurnedAway],
        vec![LineStatus::Pending, LineStatus::Posted, LineStatus::Reversed],
        verdicts(),
        fates(),
        vec![Rounding::Down, Rounding::HalfEven, Rounding::Up],
        vec![OnReversal::Keep, OnReversal::ClawBack],
    )
}
