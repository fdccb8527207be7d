//! How fast activities are taken: decided, applied and encoded, on one core.
//!
//! It prints a rate and holds only what must be true of the result; `benches/README.md` has the
//! numbers of a release build. Each call has 1,000 lines; one in ten is known already.

use std::sync::Arc;
use std::time::Instant;

use bincode::config::standard;
use bursar_domain::entity::Entity;
use bursar_domain::id::Seq;
use bursar_domain::provider::activity::LINES_MAX;
use bursar_domain::provider::{Activities, Activity, ActivityLine, Command};
use bursar_domain::wallet::command::Lookup;

use crate::stand::{Stand, amount, daily, day, eur};

fn calls(count: usize) -> Vec<Activities> {
    let date = day("2026-11-20");
    let line = |n: usize| {
        // Every tenth line repeats the one before it.
        let n = if n % 10 == 9 { n - 1 } else { n };
        let id = format!("visit-2026-11-20-{n:012}").into();
        let member = format!("member-{:08}", n % 50_000).into();
        let activity =
            Activity::new(id, member, date, Some("physiotherapy, 45 min".into()), amount(4_500));
        ActivityLine { activity: Arc::new(activity.expect("well-formed")), currency: eur() }
    };
    Activities::cut((0..count * LINES_MAX).map(line))
}

#[test]
fn activities_are_taken_at_a_rate_that_is_printed() {
    let count = if cfg!(debug_assertions) { 10 } else { 1_000 };
    let mut calls: Vec<_> = calls(count).into_iter().map(Command::Activities).collect();
    let lines = count * LINES_MAX;
    let mut stand = Stand::registered(daily(), "2026-11-20");
    let (mut buffer, mut written) = (Vec::new(), 0);
    let began = Instant::now();
    for (seq, command) in (2..).zip(&mut calls) {
        let slots = stand.provider.slots_to_ask(command);
        if let Command::Activities(call) = command {
            let known = slots.into_iter().filter_map(|slot| Some((slot, *stand.disk.get(&slot)?)));
            call.known = Lookup::Found(known.collect());
        }
        let context = stand.context();
        let events = stand.provider.decide(command, &context).expect("taken");
        for event in &events {
            stand.provider.apply(event, Seq(seq));
        }
        buffer.clear();
        bincode::encode_into_std_write(&events, &mut buffer, standard()).expect("it encodes");
        written += buffer.len();
        // As a checkpoint does now and then.
        if seq % 100 == 0 {
            let saved = stand.provider.activities().overflow().to_vec();
            stand.provider.activities_mut().forget(saved.len());
            stand.disk.extend(saved);
        }
    }
    let taken = began.elapsed();
    let new = lines - lines / 10;
    let rate = u128::try_from(lines).expect("small") * 1_000_000_000 / taken.as_nanos().max(1);
    println!("{lines} lines, {written} bytes in {taken:?}: {rate} lines/s");
    assert_eq!(stand.balance().0, 4_500 * i128::try_from(new).expect("small"));
}
