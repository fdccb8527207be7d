//! Properties of the report: the same however it is cut into parts; contradictory exactly when it
//! says two things; new exactly when the last closed one did not have it.
//!
//! They work on the shelf itself, without sockets; `broken` has the whole way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use bursar_actors::clerk::report::Fault;
use bursar_actors::clerk::report::shelf::Shelf;
use bursar_actors::clerk::settings::Limits;
use bursar_domain::errand::{ReportSize, Reported};
use proptest::prelude::*;
use serde_json::json;

use crate::bench::run;

fn shelf(folder: &tempfile::TempDir) -> Shelf {
    Shelf::open(folder.path().to_owned(), Limits::default()).unwrap()
}

/// Takes a report in, in these parts.
fn take<'a>(
    shelf: &Shelf,
    day: u32,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Result<ReportSize, Fault> {
    let mut intake = shelf.take(&run(day)).unwrap();
    for part in parts {
        intake.push(part)?;
    }
    intake.finish(&AtomicBool::new(false))
}

/// The keys of what was set aside, and how they ended.
fn set_aside(shelf: &Shelf, day: u32) -> BTreeSet<(String, bool)> {
    let page = shelf.page(&run(day), 0, usize::MAX).unwrap().unwrap();
    assert_eq!(page.next, None);
    let count = page.lines.len();
    let line = |line: bursar_domain::errand::ReportLine| {
        (line.key.to_string(), line.status == Reported::Succeeded)
    };
    let lines: BTreeSet<_> = page.lines.into_iter().map(line).collect();
    assert_eq!(lines.len(), count, "no line is brought twice");
    lines
}

/// A line: its key's and its id's number, how it ended, whether it is about a debit.
type Said = (u8, u8, bool, bool);

fn text(said: &[Said]) -> String {
    let line = |(key, id, succeeded, debit): &Said| {
        let status = if *succeeded { "succeeded" } else { "failed" };
        let at = "2026-11-21T06:00:00Z";
        json!({ "id": format!("ptx{id}"), "key": key_of(*key, *debit), "status": status, "at": at })
            .to_string()
            + "\n"
    };
    said.iter().map(line).collect()
}

fn key_of(key: u8, debit: bool) -> String {
    if debit { format!("adv_{key}/d1/1") } else { format!("other{key}") }
}

/// Whether it says two things, found by comparing every line with every other.
fn contradicts_itself(said: &[Said]) -> bool {
    said.iter().any(|a| {
        said.iter().any(|b| {
            let one_key = (a.0, a.3) == (b.0, b.3);
            let one_id = a.1 == b.1;
            one_key != one_id || (one_key && a.2 != b.2)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_report_is_the_same_in_whatever_parts_it_comes(
        keys in prop::collection::btree_set(0..200_u8, 0..60),
        parts in prop::collection::vec(1..200_usize, 1..20),
        ends in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder);
        let said: Vec<Said> = keys.iter().map(|key| (*key, *key, key % 2 == 0, key % 3 != 0)).collect();
        let mut body = text(&said);
        if !ends {
            body.truncate(body.trim_end().len());
        }
        let mut rest = body.as_bytes();
        let mut cut = Vec::new();
        for bytes in parts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, after) = rest.split_at((*bytes).min(rest.len()));
            cut.push(part);
            rest = after;
        }
        let in_parts = take(&shelf, 1, cut).unwrap();
        let whole = take(&shelf, 2, [body.as_bytes()]).unwrap();
        prop_assert_eq!(in_parts, whole);
        prop_assert_eq!(whole.lines, keys.len() as u64);
        prop_assert_eq!(set_aside(&shelf, 1), set_aside(&shelf, 2));
    }

    #[test]
    fn a_report_is_contradictory_when_it_says_two_things_and_only_then(
        said in prop::collection::vec((0..4_u8, 0..4_u8, any::<bool>(), any::<bool>()), 0..5),
        repeat in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder);
        let mut said = said;
        if repeat {
            said.extend(said.clone());
        }
        match take(&shelf, 1, [text(&said).as_bytes()]) {
            Ok(size) => {
                prop_assert!(!contradicts_itself(&said));
                let debits = said.iter().filter(|line| line.3);
                let debits: BTreeSet<_> =
                    debits.map(|line| (key_of(line.0, true), line.2)).collect();
                prop_assert_eq!(size.fresh, debits.len() as u64);
                prop_assert_eq!(set_aside(&shelf, 1), debits);
            }
            Err(Fault::Unusable { code, .. }) => {
                prop_assert_eq!(code, "report-contradictory");
                prop_assert!(contradicts_itself(&said));
                prop_assert!(shelf.page(&run(1), 0, 1).unwrap().is_none());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn what_is_new_is_what_the_last_closed_report_did_not_have(
        reports in prop::collection::vec(
            (prop::collection::btree_map(0..30_u8, any::<bool>(), 0..20), any::<bool>()),
            1..6,
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder);
        let mut closed: BTreeMap<u8, bool> = BTreeMap::new();
        for (day, (lines, close)) in (1..).zip(reports) {
            let said: Vec<Said> =
                lines.iter().map(|(key, succeeded)| (*key, *key, *succeeded, true)).collect();
            take(&shelf, day, [text(&said).as_bytes()]).unwrap();
            let fresh: BTreeSet<_> = lines
                .iter()
                .filter(|(key, succeeded)| closed.get(key) != Some(succeeded))
                .map(|(key, succeeded)| (key_of(*key, true), *succeeded))
                .collect();
            prop_assert_eq!(set_aside(&shelf, day), fresh);
            if close {
                shelf.close(&run(day)).unwrap();
                closed = lines;
            }
        }
    }
}
