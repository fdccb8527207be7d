//! The activities of providers: what may not be of them is found and named.
//!
//! A world with days behind it is changed in one place, and the fault must name that place. None
//! is accepted twice, what was accepted is in the index with its content, and nothing else is.
//! Where a fault would drag others along, the journal stands alone, as if nothing had been saved.

use std::sync::Arc;

use bursar_domain::provider::{Event, Provider};

use super::providers::{check_alone, clinic};
use super::season::{activity, season};
use super::*;

#[test]
fn an_activity_that_is_accepted_twice_is_named() {
    check_alone(
        |event| {
            let Event::Activities(event) = event else { return false };
            let is_it = event.lines.len() == 10 && event.period == 1;
            if is_it {
                event.lines[0] = activity("a0", "m1", 0, 140);
            }
            is_it
        },
        &[&["provider/clinic, record ", "activity \"a0\" was accepted before, in record 2"]],
    );
    check_alone(
        |event| {
            let Event::Activities(event) = event else { return false };
            let again = Arc::clone(&event.lines[0]);
            event.lines[1] = again;
            true
        },
        &[
            &["provider/clinic, record ", "activity \"a0\" was accepted before, in record 2"],
            &["provider/clinic, record ", "the total is 47.80; the lines come to 47.79"],
        ],
    );
}

#[test]
fn activities_that_do_not_add_up_are_named() {
    let noted = |change: fn(&mut provider::event::Noted)| {
        move |event: &mut Event| {
            let Event::Activities(event) = event else { return false };
            change(event);
            true
        }
    };
    check_alone(
        noted(|event| event.total = Amount::from_minor(4_781)),
        &[
            &["provider/clinic, record ", "the total is 47.81; the lines come to 47.80"],
            &["provider/clinic, record ", "balance_after is 47.80; 0.00 before and 47.81 here"],
            &[
                "provider/clinic, record ",
                "ends period 1 as what it is not: activities 50 of 62.25",
            ],
        ],
    );
    check_alone(
        noted(|event| event.period = 7),
        &[&["provider/clinic, record ", "it is of period 7; period 1 runs"]],
    );
    check_alone(
        noted(|event| event.since = bursar_domain::plan::Day::from_days(9).expect("in range")),
        &[&["provider/clinic, record ", "it says that its period began on 1970-01-10"]],
    );
    check_alone(
        |event| {
            let Event::Activities(event) = event else { return false };
            let is_it = event.others.len() > 1;
            event.others.reverse();
            is_it
        },
        &[&["provider/clinic, record ", "the other lines stand where no line can be"]],
    );
}

#[test]
fn a_wrong_index_of_activities_is_named() {
    let entry = |disk: &Disk| {
        let at = disk.index.iter().position(|entry| entry.1 == IndexKind::Activity);
        at.expect("some were spilled")
    };
    let mut disk = season().world.disk;
    let at = entry(&disk);
    disk.index[at].3 ^= 1;
    expect(
        &disk,
        &[&[
            "provider/clinic, activity of record ",
            "the index has another content than it was accepted with",
        ]],
    );
    let mut disk = season().world.disk;
    let at = entry(&disk);
    disk.index.remove(at);
    expect(
        &disk,
        &[&[
            "provider/clinic, activity of record ",
            "it is not in the index: it could be accepted again",
        ]],
    );
    let mut disk = season().world.disk;
    let at = entry(&disk);
    let mut more = disk.index[at].clone();
    more.2 ^= 1;
    disk.index.push(more);
    expect(
        &disk,
        &[&[
            "provider/clinic, activity with the hash ",
            "the index has it, and no record accepted it",
        ]],
    );
    // Another content than the records have, in the history only: then the index disagrees.
    let mut disk = season().world.disk;
    disk.change::<Provider>(&clinic(), |event| {
        let Event::Activities(event) = event else { return false };
        let line = &event.lines[0];
        event.lines[0] = activity(line.id(), "m9", 0, line.amount().minor());
        true
    });
    expect(
        &disk,
        &[&[
            "provider/clinic, activity of record ",
            "the index has another content than it was accepted with",
        ]],
    );
}
