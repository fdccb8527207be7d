//! The form on disk: what the first release wrote is read, and written again to the same bytes.
//!
//! The types here are those of the first release, field by field, with the derived encoding that
//! they had then.

use std::sync::Arc;

use bincode::config::standard;
use bincode::{Decode, Encode};
use bursar_domain::cadence::Cadence;
use bursar_domain::call::Policy;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::money::Total;
use bursar_domain::provider::{Event, Profile, Provider, Settlement};

use crate::stand::{Stand, at, decode, encode, eur, profile, said};

#[derive(Clone, Encode)]
struct OldProfile {
    name: Box<str>,
    currency: Currency,
    cadence: Cadence,
    account: Box<str>,
}

#[derive(Encode)]
struct OldProvider {
    profile: Option<Arc<OldProfile>>,
    accrued: Total,
    marks: Vec<(ShardId, Seq)>,
}

fn cadences() -> Vec<Cadence> {
    let cadence = |every, on| Cadence::new(every, on, Some("02:30"), Some("Europe/Prague"));
    [("day", None), ("week", Some("sun")), ("month", Some("31")), ("year", Some("02-29"))]
        .map(|(every, on)| cadence(every, on).expect("a cadence"))
        .into()
}

fn old(cadence: Cadence) -> OldProfile {
    OldProfile { name: "Clinic".into(), currency: eur(), cadence, account: "tok_1".into() }
}

fn bytes(value: &impl Encode) -> Vec<u8> {
    bincode::encode_to_vec(value, standard()).expect("it encodes")
}

fn read<T: Decode<()>>(bytes: &[u8]) -> T {
    let (value, used) = bincode::decode_from_slice(bytes, standard()).expect("it decodes");
    assert_eq!(used, bytes.len(), "nothing is left over");
    value
}

#[test]
fn a_profile_of_the_first_release_is_one_with_a_calendar() {
    for cadence in cadences() {
        let written = bytes(&old(cadence.clone()));
        let found: Profile = read(&written);
        assert_eq!(found, profile(Settlement::OnCalendar(cadence.clone())));
        assert_eq!(bytes(&found), written);
        assert_eq!(bytes(&Settlement::OnCalendar(cadence.clone())), bytes(&cadence));
    }
}

#[test]
fn at_once_is_a_period_that_no_cadence_has() {
    assert_eq!(bytes(&Settlement::Immediate), [4]);
    assert_eq!(read::<Settlement>(&[4]), Settlement::Immediate);
    for wrong in [&[5][..], &[1, 8, 2, 30, 3, b'U', b'T', b'C'], &[0, 2, 30, 1, b'x']] {
        let found = bincode::decode_from_slice::<Settlement, _>(wrong, standard());
        assert!(found.is_err(), "{wrong:?}: {found:?}");
    }
}

#[test]
fn a_snapshot_of_the_first_release_is_read_and_written_as_it_was() {
    let nobody = OldProvider { profile: None, accrued: Total::ZERO, marks: vec![] };
    assert_eq!(encode(&decode(&bytes(&nobody))), bytes(&nobody));
    for (cadence, accrued) in cadences().into_iter().zip([0, 12_000, -300, i128::MAX / 2]) {
        let written = bytes(&OldProvider {
            profile: Some(Arc::new(old(cadence))),
            accrued: Total::from_minor(accrued),
            marks: vec![(ShardId(14), Seq(9)), (ShardId(3), Seq(70_000))],
        });
        let provider = decode(&written);
        assert_eq!(encode(&provider), written);
        let summary = provider.summary().expect("registered");
        assert_eq!((summary.accrued.minor(), summary.reimbursed), (accrued, Total::ZERO));
        assert_eq!((summary.period, summary.last_reimbursement), (None, None));
    }
}

/// The state in `snapshots/tests/golden/provider.bin`, as it was released.
const RELEASED: &[u8] = b"\x01\x04AcmeEUR\x02\x1f\x02\x1e\x0dEurope/Prague\x05tok_1\xfb\xc0\x5d\
    \x01\x0e\x09\x00\x00\x03\xfc\x70\x11\x01\x00";

#[test]
fn the_released_snapshot_is_read_and_written_as_it_was() {
    let machine: Machine<Provider> = read(RELEASED);
    assert_eq!((machine.version(), machine.last()), (3, Seq(70_000)));
    let summary = machine.entity().summary().expect("registered");
    assert_eq!((&*summary.profile.name, summary.accrued.minor()), ("Acme", 12_000));
    assert_eq!(bytes(&machine), RELEASED);
}

#[test]
fn records_of_the_first_release_give_its_snapshot() {
    let cadence = cadences().remove(2);
    let mut provider = Provider::default();
    let registered: Event = read(&[vec![0], bytes(&old(cadence.clone()))].concat());
    assert_eq!(
        registered,
        Event::Registered(profile(Settlement::OnCalendar(cadence.clone())).into())
    );
    provider.apply(&registered, Seq(7));
    let expected =
        OldProvider { profile: Some(Arc::new(old(cadence))), accrued: Total::ZERO, marks: vec![] };
    assert_eq!(encode(&provider), bytes(&expected));
}

#[test]
fn a_provider_of_the_first_release_begins_its_first_period_when_it_is_next_touched() {
    let written = bytes(&OldProvider {
        profile: Some(Arc::new(old(Cadence::new("day", None, None, None).expect("a cadence")))),
        accrued: Total::from_minor(500),
        marks: vec![],
    });
    for by_timer in [true, false] {
        let mut stand = Stand::empty("2026-11-20T10:00:00Z");
        stand.provider = decode(&written);
        assert!(stand.due().is_some_and(|due| due < stand.now), "it is woken at once");
        let days = ["2026-11-21", "2026-11-22"].map(at);
        assert_eq!(stand.summary().schedule(stand.now, 2), days);
        assert_eq!((stand.summary().coming(), stand.summary().next_due()), (None, None));
        let began = "began #1 2026-11-20T10:00:00.000Z to 2026-11-21";
        if by_timer {
            assert_eq!(said(&stand.wake()), began);
            assert_eq!(said(&stand.pay(20)), "received 20");
        } else {
            assert_eq!(said(&stand.pay(20)), format!("{began}, received 20"));
        }
        let ended = stand.wake_at("2026-11-21");
        assert_eq!(said(&ended), "closed #1 2026-11-20T10:00:00.000Z to 2026-11-21 with 520");
    }
}

#[test]
fn an_unknown_layout_is_not_guessed() {
    let mut stand = Stand::registered(Settlement::Immediate, "2026-11-20");
    stand.policy = Policy::default();
    stand.pay_settled(5);
    let mut written = encode(&stand.provider);
    assert_eq!(written[0], 2);
    written[0] = 3;
    let found = bincode::decode_from_slice::<Provider, _>(&written, standard());
    assert!(found.is_err());
}
