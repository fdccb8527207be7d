//! What a seed means, all of it, before anything runs: how the process is set up, what clients do,
//! what goes wrong.
//!
//! Operations and faults are lists whose elements have numbers that stay; a scenario from which
//! some are left out still is one, so that a failing one can be made smaller ([`crate::shrink`]).
//!
//! Invariant: the same seed and size give the same scenario, whoever draws it and whenever.

use bursar_actors::shard::messages::Limits;
use bursar_domain::call::Policy;

use crate::chance::Chance;
use crate::disk::Temper;
use crate::facts::Plan;
use crate::node::Settings;
use crate::node::gates::GateSettings;
use crate::operations::{self, Size};
use crate::parties::{Bounds, Faults};
use crate::world::machine;

/// Everything that is drawn from a seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// How large it was drawn.
    pub size: Size,
    /// How the process is set up.
    pub settings: Settings,
    /// What clients do.
    pub plan: Plan,
    /// What goes wrong at third parties.
    pub parties: Faults,
    /// What goes wrong with the machine.
    pub machine: Vec<machine::Fault>,
    /// What the disk may do beyond the mildest.
    pub temper: Temper,
    /// How long the disk takes for a commit, in microseconds.
    pub commit_us: u64,
    /// How long a turn of an entity takes, in microseconds.
    pub turn_us: u64,
}

impl Scenario {
    /// What a seed means.
    pub fn draw(seed: u64, size: Size) -> Self {
        let chance = Chance::new(seed);
        let settings = settings(&mut chance.split("settings"));
        let plan = operations::draw(&chance.split("plan"), size);
        let last_ms = plan.planned.last().map_or(0, |planned| planned.at_ms);
        let span_ms = i64::try_from(last_ms).expect("a plan is short") + 2_000;
        // A clock that is set ahead makes a request look settled that is still on its way.
        let may_set_clock = chance.split("clock").strikes(300_000);
        let bounds = Bounds {
            settle_ms: if may_set_clock { 0 } else { settings.policy.settle_ms },
            ..Bounds::of(span_ms)
        };
        let mut parties = if chance.split("calm").strikes(150_000) {
            Faults { all: Vec::new() }
        } else {
            Faults::draw_within(&chance.split("parties"), &bounds)
        };
        let span_us = u64::try_from(span_ms).expect("above zero") * 1_000;
        let mut machine = machine::draw(&mut chance.split("machine"), span_us, may_set_clock);
        where_it_hurts(&chance.split("anchors"), &plan, &mut parties, &mut machine, span_ms);
        let mut rest = chance.split("rest");
        let temper = *rest.pick(&[Temper::Mild, Temper::Harsh]);
        let commit_us = *rest.pick(&[20, 300, 3_000, 40_000]);
        let turn_us = *rest.pick(&[1, 5, 200]);
        Self { seed, size, settings, plan, parties, machine, temper, commit_us, turn_us }
    }
}

fn settings(chance: &mut Chance) -> Settings {
    let shards = *chance.pick(&[1, 2, 3, 8, 16]);
    let threads = u16::try_from(chance.between(1, i64::from(shards.min(4)))).expect("few");
    let limits = Limits {
        residents_max: *chance.pick(&[2, 8, 100, 100_000]),
        idle_ms: *chance.pick(&[0, 200, 5_000, 300_000]),
        checkpoint_ms: *chance.pick(&[20, 500, 5_000, 30_000]),
        checkpoint_bytes: *chance.pick(&[500, 20_000, 10_000_000]),
    };
    let gates = GateSettings::draw(chance);
    let policy = Policy {
        step_deadline_ms: *chance.pick(&[20_000, 60_000]),
        ladder_ms: chance.pick(&[vec![50, 200, 1_000], vec![250, 1_000, 5_000, 30_000]]).clone(),
        ..Policy::default()
    };
    Settings {
        shards,
        threads,
        limits,
        in_flight_max: *chance.pick(&[2, 32, 100_000]),
        tail_bytes_max: *chance.pick(&[20_000, 1_000_000_000]),
        policy,
        gates,
    }
}

/// Moves most faults to where something happens: a plan of days has long nights, in which a crash
/// finds nobody and a party that does not answer is not asked.
fn where_it_hurts(
    chance: &Chance,
    plan: &Plan,
    parties: &mut Faults,
    machine: &mut [machine::Fault],
    span_ms: i64,
) {
    let some_time = |chance: &mut Chance| {
        let at_ms = chance.pick(&plan.planned).at_ms;
        i64::try_from(at_ms).expect("a plan is short")
    };
    for fault in &mut parties.all {
        let mut chance = chance.split("party").split_at(u64::from(fault.number));
        if chance.strikes(800_000) {
            let length = *chance.pick(&[1_000, 10_000, 600_000, span_ms]);
            fault.from_ms = (some_time(&mut chance) - chance.between(0, 500)).max(0);
            fault.until_ms = fault.from_ms.saturating_add(length).min(span_ms);
        }
    }
    for fault in machine {
        let mut chance = chance.split("machine").split_at(u64::from(fault.number));
        if chance.strikes(800_000) {
            let at_ms = u64::try_from(some_time(&mut chance)).expect("after the beginning");
            let reach_us = *chance.pick(&[2_000, 50_000, 2_000_000, 60_000_000]);
            fault.at_us = at_ms * 1_000 + chance.below(reach_us);
        }
    }
}
