//! The gateways as actors on an arbiter of their own, between a shard's hand-over and its reply.
//!
//! The transport is held by the test: an attempt ends when the test says so. Nothing is measured;
//! a test waits for what comes next. That all that was handed over has arrived is known from the
//! states, because they come after it in the same mailbox.

use std::sync::Arc;

use actix::{Arbiter, System};
use bursar_actors::clock::{Clock, SystemClock};
use bursar_actors::gateway::breaker::State;
use bursar_actors::gateway::{
    Attempt, Gateways, Metrics, Sending, Settings, Transport, Transports, World,
};
use bursar_domain::call::Lane::{self, Batch, Interactive, Undo};
use bursar_domain::call::{Answered, Call, Party, Reply, Request};
use bursar_domain::id::EntityId;
use bursar_domain::time::Timestamp;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::bench::{done, refused, throttled};
use crate::calls::{call, caller, documents, mailing, pull};
use crate::peers::{Conduct, answer, http};

/// An attempt that waits for the test.
struct Held {
    call: Arc<Call>,
    end: oneshot::Sender<Attempt>,
}

/// Gives each attempt to the test.
struct Holding(UnboundedSender<Held>);

impl Transport for Holding {
    fn send(&self, call: Arc<Call>) -> Sending {
        let (end, ended) = oneshot::channel();
        self.0.send(Held { call, end }).ok().unwrap();
        Box::pin(async move {
            match ended.await {
                Ok(attempt) => attempt,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

struct Whole {
    gateways: Gateways,
    attempts: UnboundedReceiver<Held>,
    replies: UnboundedReceiver<(EntityId, Answered)>,
    registry: Registry,
    arbiter: Arbiter,
}

impl Whole {
    fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let (attempted, attempts) = mpsc::unbounded_channel();
        let holding = || Box::new(Holding(attempted.clone()));
        let transports = Transports { processor: holding(), documents: holding(), mail: holding() };
        let mut settings = Settings::default();
        change(&mut settings);
        Self::with(&settings, transports, attempts)
    }

    fn with(
        settings: &Settings,
        transports: Transports,
        attempts: UnboundedReceiver<Held>,
    ) -> Self {
        let (replied, replies) = mpsc::unbounded_channel();
        let registry = Registry::new();
        let world = World {
            transports,
            on_reply: Arc::new(move |entity, answered| {
                replied.send((entity, answered)).ok().unwrap();
            }),
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(&registry),
        };
        let arbiter = Arbiter::new();
        let gateways = Gateways::start(settings, &arbiter.handle(), world);
        Self { gateways, attempts, replies, registry, arbiter }
    }

    fn submit(&self, key: &str, lane: Lane, request: Request) {
        self.gateways.submit(caller(key), call(key, lane, request));
    }

    async fn attempt(&mut self) -> Held {
        self.attempts.recv().await.unwrap()
    }

    async fn reply(&mut self) -> (String, Reply) {
        let (entity, answered) = self.replies.recv().await.unwrap();
        assert_eq!((answered.step, answered.attempt), (3, 7));
        (entity.id.to_string(), answered.reply)
    }

    fn stop(self) {
        self.arbiter.stop();
        self.arbiter.join().unwrap();
    }
}

fn one_at_a_time(settings: &mut Settings) {
    settings.processor.concurrency = std::num::NonZeroUsize::MIN;
}

/// Runs in a system, as the server does.
fn run(test: impl Future<Output = ()>) {
    System::new().block_on(test);
}

#[test]
fn each_party_has_its_own_gateway_and_each_call_its_reply() {
    run(async {
        let mut whole = Whole::start(|_| {});
        for (key, request) in
            [("p", pull()), ("d", documents()), ("m", mailing("a@b.example")), ("f", Request::Find)]
        {
            whole.submit(key, Interactive, request.clone());
            let held = whole.attempt().await;
            assert_eq!((&*held.call.key, &held.call.request), (key, &request));
            held.end.send(done()).unwrap();
            let (who, reply) = whole.reply().await;
            assert_eq!(who, key);
            assert!(matches!(reply, Reply::Done { .. }));
        }
        whole.stop();
    });
}

#[test]
fn lanes_hold_and_a_call_that_was_refused_comes_again() {
    run(async {
        let mut whole = Whole::start(|settings| {
            one_at_a_time(settings);
            settings.processor.backoff_first_ms = 0;
        });
        whole.submit("first", Batch, pull());
        let first = whole.attempt().await;
        for (key, lane) in [("b", Batch), ("i", Interactive), ("u", Undo)] {
            whole.submit(key, lane, pull());
        }
        // All have arrived before the first ends: the states come after them in the mailbox.
        assert_eq!(whole.gateways.states().await[0].waiting, [1, 1, 1]);
        first.end.send(done()).unwrap();
        let held = whole.attempt().await;
        assert_eq!(&*held.call.key, "u");
        held.end.send(refused()).unwrap();
        for key in ["u", "i", "b"] {
            let held = whole.attempt().await;
            assert_eq!(&*held.call.key, key);
            held.end.send(done()).unwrap();
        }
        for key in ["first", "u", "i", "b"] {
            assert_eq!(whole.reply().await.0, key);
        }
        whole.stop();
    });
}

#[test]
fn a_call_that_came_too_late_is_answered_and_never_sent() {
    run(async {
        let mut whole = Whole::start(|_| {});
        let mut late = call("late", Interactive, pull());
        late.not_after = Timestamp::parse("2020-01-01").unwrap();
        whole.gateways.submit(caller("late"), late);
        let (_, reply) = whole.reply().await;
        assert!(matches!(reply, Reply::NotSent { .. }), "{reply:?}");
        assert!(whole.attempts.try_recv().is_err());
        whole.stop();
    });
}

#[test]
fn a_transport_that_does_not_end_is_given_up() {
    run(async {
        let mut whole = Whole::start(|settings| settings.processor.timeout_ms = 1);
        whole.submit("a", Interactive, pull());
        let held = whole.attempt().await;
        let (_, reply) = whole.reply().await;
        assert_eq!(reply, Reply::Unknown { reason: "the attempt did not end".into() });
        drop(held);
        whole.stop();
    });
}

#[test]
fn the_edge_is_told_when_it_is_full_and_how_long_it_takes() {
    run(async {
        let mut whole = Whole::start(|settings| {
            one_at_a_time(settings);
            settings.processor.queue_max = 2;
            settings.processor.rate_per_s = std::num::NonZeroU32::new(1);
        });
        assert!(!whole.gateways.is_full(Party::Processor));
        assert_eq!(whole.gateways.estimated_wait_ms(Party::Processor, Interactive), 0);
        whole.submit("a", Interactive, pull());
        let held = whole.attempt().await;
        whole.submit("b", Interactive, pull());
        whole.submit("c", Interactive, pull());
        // Told at once, also while the calls are still on their way to the gateway.
        assert!(whole.gateways.is_full(Party::Processor));
        assert!(!whole.gateways.is_full(Party::Mail));
        assert!(whole.gateways.states().await[0].full);
        let wait = |lane| whole.gateways.estimated_wait_ms(Party::Processor, lane);
        assert_eq!((wait(Undo), wait(Interactive), wait(Batch)), (1_020, 3_060, 3_060));
        held.end.send(throttled(Some(std::time::Duration::from_mins(10)))).unwrap();
        while whole.gateways.states().await[0].paused_until.is_none() {}
        assert!(whole.gateways.estimated_wait_ms(Party::Processor, Undo) > 500_000);
        whole.stop();
    });
}

#[test]
fn operators_see_how_each_gateway_stands() {
    run(async {
        let mut whole = Whole::start(|settings| {
            settings.processor.url = "https://p.example/v2".into();
            settings.mail.url = "smtps://user:s3cret@mail.example".into();
            settings.processor.breaker_after = 1;
        });
        whole.submit("a", Interactive, pull());
        whole.attempt().await.end.send(Attempt::unknown("timeout")).unwrap();
        whole.reply().await;
        whole.submit("b", Batch, pull());
        let states = whole.gateways.states().await;
        let parties: Vec<Party> = states.iter().map(|state| state.party).collect();
        assert_eq!(parties, Party::ALL);
        let processor = &states[0];
        assert_eq!(&*processor.address, "https://p.example/v2");
        assert_eq!(processor.waiting, [0, 0, 1]);
        assert_eq!((processor.breaker, processor.in_flight), (State::Open, 0));
        assert_eq!(processor.rate_per_s, Some(200));
        let counts = processor.counts;
        assert_eq!((counts.submitted, counts.sent, counts.unknown), (2, 1, 1));
        assert_eq!(&*processor.last_error.as_ref().unwrap().0, "timeout");
        assert!(!format!("{states:?}").contains("s3cret"));
        let text = exposed(&whole.registry);
        for line in [
            r#"bursar_gateway_waiting{lane="batch",party="processor"} 1"#,
            r#"bursar_gateway_breaker{party="processor"} 1"#,
            r#"bursar_gateway_attempts_total{party="processor",result="unknown"} 1"#,
            r#"bursar_gateway_wait_seconds_count{party="processor"} 1"#,
        ] {
            assert!(text.lines().any(|has| has == line), "{line}: {text}");
        }
        whole.stop();
    });
}

fn exposed(registry: &Registry) -> String {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn after_the_end_calls_are_dropped_and_nothing_blocks() {
    run(async {
        let mut whole = Whole::start(|_| {});
        whole.submit("a", Interactive, pull());
        let held = whole.attempt().await;
        let gateways = whole.gateways.clone();
        whole.stop();
        drop(held);
        gateways.submit(caller("b"), call("b", Interactive, pull()));
        assert!(gateways.states().await.is_empty());
    });
}

#[test]
fn a_function_can_stand_for_the_gateways() {
    let (sender, mut calls) = mpsc::unbounded_channel();
    let port = move |entity: EntityId, call: Call| sender.send((entity, call)).ok().unwrap();
    let gateways = Gateways::from_port(Arc::new(port));
    gateways.submit(caller("a"), call("a", Undo, pull()));
    assert_eq!(calls.try_recv().unwrap().0, caller("a"));
    assert!(!gateways.is_full(Party::Processor));
    assert_eq!(gateways.estimated_wait_ms(Party::Mail, Batch), 0);
}

#[test]
fn a_real_call_goes_all_the_way() {
    run(async {
        let body = r#"{"id":"t1","status":"succeeded"}"#;
        let peer = http([
            Conduct::Say(answer(429, "Retry-After: 0\r\n", "")),
            Conduct::Say(answer(200, "", body)),
        ])
        .await;
        let mut settings = Settings::default();
        for url in [&mut settings.processor.url, &mut settings.documents.url] {
            *url = format!("http://127.0.0.1:{}", peer.port).into();
        }
        settings.mail.url = "smtp://127.0.0.1:1".into();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let transports = Transports::new(&settings, &clock).unwrap();
        let (_, attempts) = mpsc::unbounded_channel();
        let mut whole = Whole::with(&settings, transports, attempts);
        whole.submit("a", Interactive, pull());
        let (_, reply) = whole.reply().await;
        assert_eq!(reply, Reply::Done { id: "t1".into(), url: None });
        let keys = peer.heard().iter().filter(|h| h.contains("idempotency-key: a\r\n")).count();
        assert_eq!(keys, 2, "both attempts carry the key");
        whole.stop();
    });
}
