//! Pages of an agenda: saved before the first one, in order, and whether there are more.
//!
//! The agenda is one in memory that notes what it is asked; [`AgendaLink`] stands before an engine
//! that has not started yet.

use std::sync::{Arc, Mutex};

use bursar_actors::clerk::{AgendaLink, AgendaSource, Fetching, Unread};
use bursar_domain::errand::{Found, Place, Wanted};
use bursar_domain::id::{EntityId, Kind};

use crate::bench::{Bench, Folder, run};

/// An agenda in memory; what is decided is in it once it was saved.
#[derive(Default)]
struct Book {
    decided: Mutex<Vec<(i64, EntityId)>>,
    saved: Mutex<Vec<(i64, EntityId)>>,
    asked: Mutex<Vec<String>>,
}

impl Book {
    fn of(numbers: &[i64]) -> Arc<Self> {
        let book = Self::default();
        let entity =
            |number: &i64| EntityId { kind: Kind::Advance, id: format!("adv_{number}").into() };
        *book.decided.lock().unwrap() =
            numbers.iter().map(|number| (*number, entity(number))).collect();
        Arc::new(book)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl AgendaSource for Book {
    fn save_all(&self) -> Fetching<'_, ()> {
        Box::pin(async {
            self.asked.lock().unwrap().push("save".to_owned());
            self.saved.lock().unwrap().clone_from(&self.decided.lock().unwrap());
            Ok(())
        })
    }

    fn page(
        &self,
        kind: Kind,
        after: Option<Place>,
        until: i64,
        limit: usize,
    ) -> Fetching<'_, Vec<(i64, EntityId)>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(format!("{} {until} {limit}", kind.as_str()));
            let after = after.map(|place| (place.number, place.id));
            let later = |at: &&(i64, EntityId)| {
                after.as_ref().is_none_or(|after| (at.0, &*at.1.id) > (after.0, &after.1))
            };
            let saved = self.saved.lock().unwrap();
            let mut found: Vec<_> = saved.iter().filter(later).cloned().collect();
            found.retain(|(number, _)| *number <= until);
            found.truncate(limit);
            Ok(found)
        })
    }
}

fn wanted(after: Option<i64>, limit: u32) -> Wanted {
    let place = |number: i64| Place { number, id: format!("adv_{number}").into() };
    Wanted::Agenda { kind: Kind::Advance, until: 30, after: after.map(place), limit }
}

fn page(numbers: &[i64], more: bool) -> Found {
    let place = |number: &i64| Place { number: *number, id: format!("adv_{number}").into() };
    Found::Agenda { places: numbers.iter().map(place).collect(), more }
}

#[actix::test]
async fn everything_is_saved_before_the_first_page_and_not_again() {
    let (folder, book) = (Folder::new(), Book::of(&[10, 20, 30, 40]));
    let mut bench = Bench::with_agenda(&folder.settings(1), Arc::clone(&book) as _).unwrap();
    assert_eq!(bench.run(&run(1), wanted(None, 2)).await, page(&[10, 20], true));
    assert_eq!(book.asked(), ["save", "advance 30 3"]);
    assert_eq!(bench.run(&run(1), wanted(Some(20), 2)).await, page(&[30], false));
    assert_eq!(book.asked(), ["advance 30 3"]);
    assert_eq!(bench.run(&run(1), wanted(Some(30), 2)).await, page(&[], false));
    bench.end();
}

#[actix::test]
async fn a_page_that_is_full_and_the_last_has_no_more() {
    let (folder, book) = (Folder::new(), Book::of(&[10, 20]));
    let mut bench = Bench::with_agenda(&folder.settings(1), book).unwrap();
    assert_eq!(bench.run(&run(1), wanted(None, 2)).await, page(&[10, 20], false));
    bench.end();
}

#[actix::test]
async fn a_page_has_at_least_one_place_and_not_without_bound() {
    let (folder, book) = (Folder::new(), Book::of(&[10, 20]));
    let mut bench = Bench::with_agenda(&folder.settings(1), Arc::clone(&book) as _).unwrap();
    assert_eq!(bench.run(&run(1), wanted(None, 0)).await, page(&[10], true));
    book.asked();
    bench.run(&run(1), wanted(Some(10), u32::MAX)).await;
    assert_eq!(book.asked(), ["advance 30 10001"]);
    bench.end();
}

#[actix::test]
async fn errands_that_come_before_the_engine_wait_for_it() {
    let folder = Folder::new();
    let link = AgendaLink::default();
    let mut bench = Bench::with_agenda(&folder.settings(1), Arc::new(link.clone())).unwrap();
    let number = bench.ask(&run(1), wanted(None, 5));
    // Another errand of the entity does not wait behind it.
    bench.ask(&run(1), Wanted::CloseReport);
    assert_eq!(bench.next().await.1.found, Found::Closed);
    link.link(Book::of(&[10]));
    let (_, brought) = bench.next().await;
    assert_eq!((brought.number, brought.found), (number, page(&[10], false)));
    bench.end();
}

#[actix::test]
async fn an_agenda_that_cannot_be_read_is_told() {
    struct Stopped;
    impl AgendaSource for Stopped {
        fn save_all(&self) -> Fetching<'_, ()> {
            Box::pin(async { Err(Unread("the engine has stopped".into())) })
        }

        fn page(
            &self,
            _: Kind,
            _: Option<Place>,
            _: i64,
            _: usize,
        ) -> Fetching<'_, Vec<(i64, EntityId)>> {
            unreachable!("nothing is read that was not saved")
        }
    }
    let folder = Folder::new();
    let mut bench = Bench::with_agenda(&folder.settings(1), Arc::new(Stopped)).unwrap();
    let told = Found::Unavailable { reason: "the engine has stopped".into() };
    assert_eq!(bench.run(&run(1), wanted(None, 5)).await, told);
    bench.end();
}
