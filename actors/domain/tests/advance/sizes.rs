//! How large an advance is on disk: there may be a million of them.
//!
//! The bounds are a little above what was measured when they were written, so that growth is seen:
//! 93 bytes when the plan begins, 646 with eleven of twelve debits collected, of which 440 are the
//! processor's names of them and 100 the marks of 16 shards.

use bursar_domain::call::Reply;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::message::{Body, Source};
use bursar_domain::plan::Plan;

use crate::bench::{Bench, day, done, encoded, policy};

/// 12 weekly debits; the processor's names are as long as a UUID.
fn twelve() -> Bench {
    Bench::active(policy(), 96_396, Plan::new(12, "week", None).expect("a plan"))
}

fn size(bench: &Bench) -> usize {
    encoded(&bench.machine).len()
}

#[test]
fn an_advance_is_a_few_hundred_bytes() {
    let mut bench = twelve();
    let begun = size(&bench);
    let records = bench.records.len();
    let bytes_of = |bench: &Bench, from: usize| -> usize {
        bench.records[from..].iter().map(|record| encoded(record).len()).sum()
    };
    bench.run(7, &[Reply::Pending]);
    let (one_out, one_day) = (size(&bench), bytes_of(&bench, records));
    for number in 2..13 {
        bench.run(number * 7, &[done("txn_0192f0c4-7b1e-7c3a-9f00-0123456789ab")]);
    }
    // Runs live in all 16 shards.
    for shard in 0..16 {
        let source = Source { shard: ShardId(shard), seq: Seq(1_000_000) };
        let body = Body::ReportSaid { by: Bench::by("run_b", 1), day: day(90), lines: Vec::new() };
        bench.deliver(Some(source), body);
    }
    let all_come = size(&bench);
    println!("begun {begun}, one out {one_out}, 11 of 12 come {all_come}; a day {one_day} bytes");
    assert!(begun < 110, "{begun}");
    assert!(one_out < 120, "{one_out}");
    assert!(all_come < 750, "{all_come}");
    assert!(one_day < 500, "{one_day}");
}
