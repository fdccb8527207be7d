//! The door: who does not fit is refused before anything is decided, or waits when it is a batch.
//!
//! The disk is held, so what was let in stays on its way for as long as the test likes. Then the
//! door must be full at exactly its size, and must let in again when answers have gone out. A shard
//! with too much in memory lets nobody in either, until a checkpoint has made room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bursar_actors::admission::{Door, Overloaded};
use bursar_actors::shard::messages::Pressure;

use crate::asks::{all_yes, decided, deposit, open, wallet_id, yes};
use crate::gates::Call;
use crate::world::{World, is_pending, run, until};

const ROOM: usize = 4;

fn world() -> World {
    let mut world = World::new(1);
    world.settings.in_flight_max = ROOM;
    world
}

#[actix::test]
async fn a_full_door_refuses_before_anything_is_decided() {
    let world = world();
    let running = world.start();
    running.ask(open("payer")).await;
    world.gates.close(Call::Append);
    // The room is given back a moment after the answer is sent.
    until("the door is empty", || running.engine.in_flight() == [0]).await;
    let ask = |n: usize| {
        let (to, ask) = deposit("payer", &format!("in-{n}"), 1);
        Box::pin(running.engine.ask(to, ask))
    };
    let mut inside: Vec<_> = (0..ROOM).map(ask).collect();
    for asked in &mut inside {
        assert!(is_pending(asked));
    }
    assert_eq!(running.engine.in_flight(), [ROOM]);
    for n in ROOM..ROOM + 3 {
        let refused = running.get(ask(n)).await;
        assert!(matches!(refused, Err(Overloaded)), "{refused:?}");
    }
    running.states().await;
    world.gates.open(Call::Append);
    for asked in inside {
        yes(&running.get(asked).await.expect("it was let in"));
    }
    until("the door is empty", || running.engine.in_flight() == [0]).await;
    let version = running.engine.see(&wallet_id("payer")).expect("shown").version;
    assert_eq!(version, 1 + ROOM as u64, "who was refused was not decided");
    // The key of a refused request was not used up.
    let again = running.get(ask(ROOM)).await.expect("there is room again");
    assert!(!decided(&again).2);
    running.stop().await;
}

#[actix::test]
async fn a_batch_waits_for_room() {
    let world = world();
    let running = world.start();
    running.ask(open("payer")).await;
    world.gates.close(Call::Append);
    let batch = |name: &str, size: usize| {
        (0..size).map(|n| deposit("payer", &format!("{name}-{n}"), 1)).collect::<Vec<_>>()
    };
    let first = running.hand_on(batch("first", ROOM - 1)).await;
    let mut second = Box::pin(running.engine.ask_all(batch("second", 2)));
    for _ in 0..50 {
        running.states().await;
        assert!(is_pending(&mut second), "there is room for one, not for two");
    }
    world.gates.open(Call::Append);
    all_yes(&running.get(first.answers()).await);
    let second = running.get(second).await;
    all_yes(&running.get(second.answers()).await);
    // A batch larger than the door goes through it all the same.
    let answers = running.ask_all(batch("large", ROOM * 5)).await;
    let seqs: Vec<_> = answers.iter().map(yes).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b));
    assert!(running.ask_all(Vec::new()).await.is_empty());
    running.stop().await;
}

#[actix::test]
async fn a_shard_with_too_much_unsaved_lets_nobody_in_until_it_is_saved() {
    let mut world = World::new(1);
    world.settings.tail_bytes_max = 2_000;
    let running = world.start();
    running.ask(open("payer")).await;
    // The shard shows how much is unsaved at the end of a checkpoint; this came meanwhile.
    world.gates.close(Call::Save);
    let mut save = Box::pin(running.engine.checkpoint());
    assert!(is_pending(&mut save));
    until("the save is held", || world.gates.waiting(Call::Save) == 1).await;
    let asks = (0..100).map(|n| deposit("payer", &format!("in-{n}"), 1)).collect();
    running.ask_all(asks).await;
    world.gates.open(Call::Save);
    running.get(save).await.expect("it runs");
    running.states().await;
    let (to, ask) = deposit("payer", "late", 1);
    let refused = running.get(running.engine.ask(to, ask)).await;
    assert!(matches!(refused, Err(Overloaded)), "{refused:?}");
    running.checkpoint().await;
    running.states().await;
    assert!(!decided(&running.ask(deposit("payer", "late", 1)).await).2);
    running.stop().await;
}

#[test]
fn who_waits_at_a_full_door_is_sent_away_when_it_closes() {
    run(async {
        let pressure = Arc::new(Pressure::default());
        pressure.full.store(true, Ordering::Relaxed);
        let door = Door::new(ROOM, pressure, usize::MAX);
        assert!(matches!(door.try_enter(), Err(Overloaded)));
        let mut waits = Box::pin(door.enter(1));
        assert!(is_pending(&mut waits));
        door.close();
        let sent_away = tokio::time::timeout(std::time::Duration::from_mins(1), waits).await;
        assert!(matches!(sent_away, Ok(Err(Overloaded))), "{sent_away:?}");
    });
}
