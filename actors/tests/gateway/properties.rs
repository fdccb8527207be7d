//! Any history of calls, ends and time keeps the promises: rate, order, pauses, expiry, and that
//! every call is answered exactly once.
//!
//! The histories are arbitrary; the checks know only what went in and what came out. At the end of
//! each all goes well, and time goes only to the instants the rules name: nothing may be left.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bursar_actors::gateway::Attempt;
use bursar_actors::gateway::core::{Limits, PAUSE_MAX};
use bursar_actors::gateway::{backoff, breaker};
use bursar_domain::call::{Lane, Reply};
use proptest::prelude::*;

use crate::bench::{Bench, done, ms, refused, throttled};
use crate::pace::most_in_a_second;

#[derive(Clone, Debug)]
enum Step {
    /// A call comes, with this patience.
    Submit(Lane, Duration),
    /// One of those on their way ends.
    End(prop::sample::Index, Attempt),
    /// Time passes, and the rules are asked whenever they wish.
    Pass(Duration),
    /// Time passes, and the timer is late.
    Late(Duration),
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![
        4 => Just(done()),
        1 => Just(Attempt::declined("no", "")),
        1 => Just(Attempt::Answered(Reply::Pending)),
        2 => prop::option::of(0_u64..5_000).prop_map(|wait| throttled(wait.map(ms))),
        2 => Just(refused()),
        1 => Just(Attempt::TurnedAway { reason: "401".into() }),
        2 => Just(Attempt::unknown("timeout")),
        1 => Just(Attempt::Unclear { reason: "409".into() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    prop_oneof![
        6 => (lane, 0_u64..20_000).prop_map(|(lane, patience)| Step::Submit(lane, ms(patience))),
        6 => (any::<prop::sample::Index>(), attempt()).prop_map(|(which, end)| {
            Step::End(which, end)
        }),
        3 => (0_u64..800).prop_map(|time| Step::Pass(ms(time))),
        1 => (0_u64..3_000).prop_map(|time| Step::Late(ms(time))),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::option::of(1_u32..60), 1_usize..8, 1_u32..5, 0_u64..2_000).prop_map(
        |(rate, concurrency, after, cooldown)| Limits {
            rate_per_s: rate.and_then(NonZeroU32::new),
            concurrency: NonZeroUsize::new(concurrency).unwrap(),
            queue_max: 10,
            breaker: breaker::Limits { after, cooldown: ms(cooldown) },
            backoff: backoff::Limits { first: ms(50), longest: ms(2_000) },
        },
    )
}

/// What went in, and when no call may go out.
#[derive(Default)]
struct Model {
    calls: BTreeMap<String, (Lane, usize, Duration)>,
    paused_until: Duration,
    seen: usize,
}

impl Model {
    fn take(&mut self, step: Step, bench: &mut Bench) {
        match step {
            Step::Submit(lane, patience) => {
                let key = format!("c{}", self.calls.len());
                let expires = bench.now + patience;
                self.calls.insert(key.clone(), (lane, self.calls.len(), expires));
                bench.submit_until(&key, lane, expires);
            }
            Step::End(which, attempt) => {
                let flying: Vec<String> = bench.flying.keys().cloned().collect();
                if !flying.is_empty() {
                    let key = which.get(&flying);
                    if let Attempt::Throttled { wait: Some(wait), .. } = &attempt {
                        let until = bench.now + (*wait).min(PAUSE_MAX);
                        self.paused_until = self.paused_until.max(until);
                    }
                    bench.end(key, attempt);
                }
            }
            Step::Pass(time) => bench.pass(time),
            Step::Late(time) => {
                bench.now += time;
                bench.poll();
            }
        }
    }

    /// Checks what went out in the last step. A call that was never tried is ready while it waits,
    /// so none of a later place may go before it.
    fn check(&mut self, bench: &Bench, limits: &Limits) {
        assert!(bench.core.in_flight() <= limits.concurrency.get());
        for (at, key) in &bench.sent[self.seen..] {
            let (lane, place, expires) = self.calls[key];
            assert!(at <= &expires, "{key} went out after it had expired");
            let tried: BTreeSet<&str> =
                bench.sent[..self.seen].iter().map(|(_, key)| key.as_str()).collect();
            for (other, (other_lane, other_place, other_expires)) in &self.calls {
                let waited = !tried.contains(other.as_str()) && other_expires >= at;
                let first = (*other_lane, *other_place) < (lane, place);
                assert!(!(waited && first), "{key} went before {other}");
            }
            self.seen += 1;
        }
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_promises(
        limits in limits(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut bench = Bench::new(limits);
        let mut model = Model::default();
        for step in steps {
            let sent = bench.sent.len();
            let paused = model.paused_until;
            model.take(step, &mut bench);
            for (at, key) in &bench.sent[sent..] {
                prop_assert!(*at >= paused, "{} went out in a pause", key);
            }
            model.check(&bench, &limits);
        }
        // From here on all goes well, and nobody asks but at the instants the rules name.
        loop {
            match bench.flying.keys().next().cloned() {
                Some(key) => bench.end(&key, done()),
                None if !bench.wake() => break,
                None => {}
            }
        }
        if let Some(rate) = limits.rate_per_s {
            prop_assert!(most_in_a_second(&bench.sent) <= rate.get() as usize);
        }
        let answered: BTreeSet<&String> = bench.answers.iter().map(|(key, _)| key).collect();
        prop_assert_eq!(bench.answers.len(), model.calls.len(), "each once");
        prop_assert!(answered.into_iter().eq(model.calls.keys()), "all of them");
        let counts = bench.core.counts();
        prop_assert_eq!(counts.submitted, model.calls.len() as u64);
        prop_assert_eq!(counts.answered + counts.unknown + counts.not_sent, counts.submitted);
        prop_assert_eq!(counts.sent, bench.sent.len() as u64);
        prop_assert_eq!(bench.core.waiting(), [0; 3]);
    }

    #[test]
    fn no_second_has_more_than_the_limit(
        rate in 1_u32..400,
        comings in prop::collection::vec((0_u64..300_000, 1_usize..40), 1..60),
    ) {
        let mut bench = Bench::new(crate::bench::per_second(rate));
        let mut next = 0;
        for (micros, calls) in comings {
            bench.pass(Duration::from_micros(micros));
            for _ in 0..calls {
                bench.submit(&format!("c{next}"), Lane::Interactive);
                next += 1;
            }
        }
        while bench.wake.is_some_and(|wake| wake < crate::bench::FAR) && bench.sent.len() < next {
            bench.wake();
        }
        prop_assert_eq!(bench.sent.len(), next);
        prop_assert!(most_in_a_second(&bench.sent) <= rate as usize);
    }
}
