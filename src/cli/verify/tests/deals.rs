//! Deals: what is true passes, and what a deal may not do is found and named.
//!
//! Where a fault would drag others along, the journal stands alone, as if nothing had been saved,
//! and ends with the changed decision; so the messages that follow from it are still on their way,
//! and nothing that does not follow from the fault is named.

use std::sync::Arc;

use bursar_domain::code::{Code, Rejection};
use bursar_domain::deal::event::{Decision, Ticketed, Waiting};
use bursar_domain::deal::{Deal, Event};
use bursar_domain::record::Recorded;
use bursar_domain::saga::Failure;
use bursar_domain::saga::investment::Funding;

use super::invest::{Cast, cast, deal_id, declined};
use super::*;

/// A world with the deal `tower`, of 100.00 and three seats, and wallets.
fn tower() -> World {
    let mut world = World::default();
    for id in ["ann", "ben", "cat", "dan", "eve"] {
        world.open(id);
        world.deposit(id, 100_000);
    }
    world.open_deal("tower", 10_000, 3);
    world
}

/// The deal was full, Ben's place is freed; Cat and Dan get 25.00 each of it, and Eve, for whom
/// there is no seat, none. The journal ends there. Who waits for what at last.
fn freed() -> (Disk, Vec<Waiting>) {
    let mut world = tower();
    world.invest("tower", "ann", 4_000, Funding::Wallet);
    world.invest("tower", "ben", 6_000, Funding::Bank);
    let mut line = Vec::new();
    for (ticket, id) in (3..).zip(["cat", "dan", "eve"]) {
        let investment = world.invest("tower", id, 2_500, Funding::Wallet);
        let (wallet, funding) = (world::wallet_of(id), Funding::Wallet);
        let amount = Amount::from_minor(2_500);
        line.push(Waiting { investment, ticket, wallet, amount, funding });
    }
    world.deliver();
    world.calls.rotate_left(1);
    world.answer(declined());
    let mut disk = world.disk.alone();
    disk.end_with(|record| has(record, |event| matches!(event, Event::Promoted { .. })));
    (disk, line)
}

fn has(record: &Record, is: impl Fn(&Event) -> bool) -> bool {
    let Verdict::Deal(events) = &record.verdict else { return false };
    events.iter().any(is)
}

/// A deal behind whose one investor 450 wait for 0.10 each; his place is freed, and the journal ends
/// when the first of them have got theirs.
fn unfinished() -> Disk {
    let mut world = tower();
    world.invest("tower", "ann", 10_000, Funding::Bank);
    for _ in 0..450 {
        world.invest("tower", "ben", 10, Funding::Wallet);
    }
    world.deliver();
    world.answer(declined());
    let mut disk = world.disk.alone();
    assert_eq!(faults(&disk), Vec::<String>::new());
    disk.end_with(|record| has(record, |event| matches!(event, Event::Unfinished)));
    assert_eq!(faults(&disk), Vec::<String>::new());
    disk
}

#[test]
fn a_true_directory_with_deals_passes() {
    let world = cast().world;
    assert!(world.disk.index.iter().any(|entry| entry.1 == IndexKind::Left));
    let report = report(&world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    let counts = report.counts.expect("it was opened");
    assert_eq!((counts.deals, counts.sagas, counts.compensations), (3, 9, 3));
    assert_eq!(report.trial[&euro()].sum(), 0);
    assert!(report.to_table().contains("3 deals, 9 sagas, 3 compensations, 0 advances"));

    let world = cast().in_the_tail().world;
    let report = super::report(&world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    assert_eq!(report.trial[&euro()].in_transit.messages, 2, "two sagas are to begin");
    assert_eq!(faults(&world.disk.alone()), Vec::<String>::new());
}

#[test]
fn a_save_of_deals_cut_off_by_a_crash_passes() {
    // History, index and waits of a second save are there, its snapshots are not.
    let mut world = cast().in_the_tail().world;
    let before = world.disk.clone();
    world.checkpoint();
    let known = |id: &EntityId| before.snapshots.contains_key(id);
    let mut disk = std::mem::take(&mut world.disk);
    disk.history.retain(|(_, _, record)| known(&record.entity));
    disk.index.retain(|(id, ..)| known(id));
    disk.waits.retain(|id, _| known(id));
    (disk.snapshots, disk.books) = (before.snapshots.clone(), before.books);
    (disk.outcomes, disk.keep) = (before.outcomes, before.keep);
    assert_eq!(faults(&disk), Vec::<String>::new());
}

#[test]
fn a_gap_in_the_tickets_is_named() {
    check_cast(
        |disk, cast| {
            disk.change::<Deal>(&deal_id("tower"), |event| {
                let Event::Ticketed(event) = event else { return false };
                let is_it = event.wallet.as_str() == "cat";
                event.ticket += u64::from(is_it);
                is_it
            });
            assert!(cast.cat > cast.ben);
        },
        &[
            &["deal/tower, record ", "the ticket is 4; the last one was 2"],
            &["deal/tower, record ", "(ticket 3) stands in line with other terms"],
            &["deal/tower, snapshot", "last_ticket is saved as 3; the records come to 4"],
        ],
    );
}

fn change_profile(disk: &mut Disk, id: &str, change: impl Fn(&mut bursar_domain::deal::Profile)) {
    disk.change::<Deal>(&deal_id(id), |event| {
        let Event::Opened(profile) = event else { return false };
        change(Arc::make_mut(profile));
        true
    });
}

#[test]
fn a_place_that_is_not_there_is_named() {
    check_cast(
        |disk, _| change_profile(disk, "tower", |profile| profile.investors_max = 1),
        &[
            &["deal/tower, record ", "(ticket 2) got a place that was not there", "0 seats"],
            &["deal/tower, record ", "(ticket 3) got a place that was not there", "0 seats"],
            &["deal/tower, snapshot", "the profile is not"],
        ],
    );
    check_cast(
        |disk, _| {
            change_profile(disk, "tower", |profile| profile.amount = Amount::from_minor(99_999));
        },
        &[
            &["deal/tower, record ", "(ticket 2) got a place", "599.99 EUR and 1 seats were free"],
            &["deal/tower, snapshot", "the profile is not"],
        ],
    );
}

fn change_ticket(disk: &mut Disk, wallet: &str, to: &Decision) {
    disk.change::<Deal>(&deal_id("tower"), |event| {
        let Event::Ticketed(event) = event else { return false };
        let is_it = event.wallet.as_str() == wallet;
        if is_it {
            event.decision = to.clone();
        }
        is_it
    });
}

#[test]
fn a_ticket_that_gets_no_place_in_vain_is_named() {
    let full = Rejection::new(Code::DealFull, "full");
    let refused = Decision::Refused { rejection: full, request_id: "r".into() };
    for decision in [Decision::Waiting(1), refused] {
        let mut world = tower();
        world.invest("tower", "ann", 4_000, Funding::Wallet);
        world.invest("tower", "ben", 6_000, Funding::Wallet);
        let mut disk = world.disk.alone();
        change_ticket(&mut disk, "ben", &decision);
        expect(&disk, &[&["deal/tower, record ", "it got no place, although there was one"]]);
    }
}

#[test]
fn a_ticket_before_its_turn_is_named() {
    let mut disk = unfinished();
    let (shard, seq, last) = disk.journal.last().expect("the unfinished one").clone();
    let ticketed = Event::Ticketed(Ticketed {
        ticket: 452,
        wallet: world::wallet_of("cat"),
        amount: Amount::from_minor(10),
        currency: euro(),
        funding: Funding::Wallet,
        decision: Decision::Reserved,
    });
    let record = Record { verdict: Deal::verdict(vec![ticketed]), ..last };
    disk.journal.push((shard, seq.next(), record));
    expect(
        &disk,
        &[&["deal/tower, record ", "it got a place; investment ", "(ticket 402) waited"]],
    );
    change_ticket(&mut disk, "cat", &Decision::Waiting(51));
    assert_eq!(faults(&disk), Vec::<String>::new());
}

#[test]
fn a_line_that_is_not_worked_off_is_named() {
    let mut disk = unfinished();
    disk.change::<Deal>(&deal_id("tower"), |event| {
        let is_it = matches!(event, Event::Unfinished);
        if is_it {
            *event = Event::Closed;
        }
        is_it
    });
    expect(
        &disk,
        &[&["deal/tower, record ", "(ticket 402) is left in line, and there is a place"]],
    );
}

#[test]
fn who_is_passed_over_is_named() {
    let check = |promote: fn(&[Waiting]) -> Vec<Waiting>, expected: &[&[&str]]| {
        let (mut disk, line) = freed();
        assert_eq!(faults(&disk), Vec::<String>::new());
        disk.change::<Deal>(&deal_id("tower"), |event| {
            let Event::Promoted { places, .. } = event else { return false };
            assert_eq!(places.as_slice(), &line[..2]);
            *places = promote(&line);
            true
        });
        expect(&disk, expected);
    };
    check(|line| line[1..].to_vec(), &[&["deal/tower, record ", "(ticket 3) was passed over"]]);
    check(
        |line| vec![line[1].clone(), line[0].clone()],
        &[
            &["deal/tower, record ", "(ticket 3) was passed over"],
            &["deal/tower, record ", "(ticket 3) is promoted out of its turn"],
        ],
    );
    check(|line| line[..1].to_vec(), &[&["deal/tower, record ", "(ticket 4) is left in line"]]);
    check(
        <[Waiting]>::to_vec,
        &[&["deal/tower, record ", "(ticket 5) got a place that was not there", "0 seats"]],
    );
    check(
        |line| vec![line[0].clone(), line[0].clone(), line[1].clone()],
        &[
            &["deal/tower, record ", "(ticket 3) is promoted out of its turn"],
            &["deal/tower, record ", "(ticket 4) is promoted out of its turn"],
            &["deal/tower, record ", "(ticket 4) was passed over"],
            &["deal/tower, record ", "(ticket 4) got a place that was not there"],
            &["message of shard ", "the record sends a second message to the same entity"],
        ],
    );
    check(
        |line| {
            let mut other = line[..2].to_vec();
            other[0].amount = Amount::from_minor(2_499);
            other
        },
        &[&["deal/tower, record ", "(ticket 3) stands in line with other terms"]],
    );
}

#[test]
fn a_line_that_waits_in_vain_is_named() {
    let mut disk = cast().world.disk.alone();
    disk.change::<Deal>(&deal_id("mill"), |event| {
        let is_it = matches!(event, Event::LineRefused { .. });
        if is_it {
            *event = Event::Closed;
        }
        is_it
    });
    expect(&disk, &[&["deal/mill, record ", "1 wait in line, and nothing is on its way"]]);
}

#[test]
fn a_line_that_is_refused_too_soon_is_named() {
    let (mut disk, line) = freed();
    disk.change::<Deal>(&deal_id("tower"), |event| {
        let is_it = matches!(event, Event::Promoted { .. });
        if is_it {
            let failure = Failure::new("deal-full", "full");
            let places = line.iter().map(|place| (place.clone(), failure.clone())).collect();
            *event = Event::LineRefused { places, currency: euro() };
        }
        is_it
    });
    expect(
        &disk,
        &[
            &["deal/tower, record ", "refused while 1 investments are on their way"],
            &["deal/tower, record ", "is refused, and there was a place for it"],
            &["deal/tower, record ", "is refused as deal-full, not as amount-exceeds-remaining"],
        ],
    );
}

#[test]
fn a_wrong_word_on_how_someone_left_the_line_is_named() {
    let first = |cast: &Cast| u128::from(cast.hal.0);
    let entry = |disk: &mut Disk| {
        let at = disk.index.iter().position(|entry| entry.1 == IndexKind::Left);
        at.expect("some were spilled")
    };
    check_cast(
        |disk, _| {
            let at = entry(disk);
            disk.index[at].3 = 2;
        },
        &[&["deal/quay, investment ", "has 2 as how it left the line; the records come to 1"]],
    );
    check_cast(
        |disk, _| {
            let at = entry(disk);
            disk.index.remove(at);
        },
        &[&["deal/quay, investment ", "has nothing as how it left the line"]],
    );
    check_cast(
        |disk, cast| {
            let at = entry(disk);
            let mut more = disk.index[at].clone();
            more.2 = u128::from(cast.gus.0);
            assert!(disk.index.iter().all(|entry| entry.2 != first(cast)), "in the snapshot");
            disk.index.push(more);
        },
        &[&["deal/quay, investment ", "the index has it, and no record says so"]],
    );
}

#[test]
fn a_confirmation_of_another_amount_is_named() {
    check_cast(
        |disk, _| {
            disk.change::<Deal>(&deal_id("tower"), |event| {
                let Event::Confirmed { amount, .. } = event else { return false };
                *amount = Amount::from_minor(39_999);
                true
            });
        },
        &[
            &["deal/tower, record ", "400.00 were reserved for investment ", "and 399.99 came"],
            &["deal/tower, record ", "balance_after is 400.00"],
            &["deal/tower, snapshot", "posted is saved as 900.00; the records come to 899.99"],
            &["message of shard ", "(confirmation of 400.00 EUR)", "what was received differs"],
            &["the trial balance in EUR", "come to -0.01"],
            &["the books of shard ", "accounts"],
            &["the books of shard ", "received"],
        ],
    );
}

#[test]
fn a_place_that_is_not_freed_is_named() {
    let cast = cast();
    let mut disk = cast.world.disk.alone();
    disk.change::<Deal>(&deal_id("tower"), |event| {
        let is_it = matches!(event, Event::Freed { .. });
        if is_it {
            *event = Event::Closed;
        }
        is_it
    });
    expect(
        &disk,
        &[
            &["deal/tower, record ", "(ticket 3) got a place that was not there"],
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/inv_", "_tower", "it was undone, but its deal has its place reserved"],
        ],
    );
}
