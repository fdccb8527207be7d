//! The file as facts: what is written is read again, a torn end is cut off, damage is refused.
//!
//! Every byte of a small file is torn off and altered in turn, so that no part of a line is
//! believed unchecked. What the changes mean is tested over sockets, in `tests/contract/file.rs`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A path that is free, and is again afterwards.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bursar-sandbox-{}-{count}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.0).expect("it is there")
    }

    fn open(&self) -> io::Result<(Journal, Vec<String>)> {
        let mut seen = Vec::new();
        let journal = Journal::open(&self.0, |change| {
            seen.push(written(&change));
            Ok(())
        })?;
        Ok((journal, seen))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn written(change: &Change) -> String {
    serde_json::to_string(change).expect("it has a JSON form")
}

fn changes() -> [Change; 3] {
    [
        Change::Attempted { key: 7, struck: Some(1) },
        Change::Voided { id: Arc::from("doc_\n") },
        Change::Cleared {},
    ]
}

/// A file with some changes in it.
fn written_file() -> Place {
    let place = Place::new();
    let (mut journal, seen) = place.open().expect("it begins");
    assert!(seen.is_empty());
    for change in changes() {
        journal.append(&change).expect("written");
    }
    place
}

#[test]
fn what_is_written_is_read_again_in_order() {
    let place = written_file();
    let bytes = place.bytes();
    assert!(bytes.starts_with(HEADER.as_bytes()));
    assert_eq!(String::from_utf8_lossy(&bytes).lines().count(), 4, "a line for each");
    let (mut journal, seen) = place.open().expect("it is whole");
    assert_eq!(seen, changes().map(|change| written(&change)));
    // What is written later follows what was there.
    journal.append(&Change::Cleared {}).expect("written");
    drop(journal);
    assert!(place.bytes().starts_with(&bytes));
    assert_eq!(place.open().expect("it is whole").1.len(), 4);
}

#[test]
fn wherever_the_last_line_is_torn_it_is_cut_off() {
    let place = written_file();
    let whole = place.bytes();
    let ends: Vec<_> = (1..=whole.len()).filter(|&end| whole[end - 1] == b'\n').collect();
    for bytes in 0..whole.len() {
        fs::write(&place.0, &whole[..bytes]).expect("written");
        let (mut journal, seen) = place.open().expect("torn, not damaged");
        let lines = ends.iter().filter(|&&end| end <= bytes).count();
        assert_eq!(seen.len(), lines.saturating_sub(1), "of {bytes} bytes");
        let kept = if lines == 0 { 0 } else { ends[lines - 1] };
        assert_eq!(place.bytes(), whole[..kept]);
        for change in changes().iter().skip(seen.len()) {
            journal.append(change).expect("written");
        }
        assert_eq!(place.bytes(), whole, "as if it had never been torn");
    }
}

#[test]
fn whatever_byte_is_altered_is_noticed() {
    let place = written_file();
    let whole = place.bytes();
    for at in HEADER.len()..whole.len() - 1 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&place.0, &bytes).expect("written");
        let line = whole[..=at].split_inclusive(|&byte| byte == b'\n').count();
        let error = place.open().expect_err("damaged").to_string();
        assert!(error.contains(&format!("line {line} is damaged")), "byte {at}: {error}");
        assert!(error.contains(&place.0.display().to_string()), "{error}");
        assert_eq!(place.bytes(), bytes, "it is left as it is");
    }
}

#[test]
fn a_line_that_is_lost_moved_or_repeated_is_noticed() {
    let place = written_file();
    let text = String::from_utf8(place.bytes()).expect("text");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    for order in [&[0, 2, 3][..], &[0, 1, 3], &[0, 2, 1, 3], &[0, 1, 1], &[0, 0, 1], &[1, 2]] {
        let text: String = order.iter().map(|&line| lines[line]).collect();
        fs::write(&place.0, text).expect("written");
        place.open().map(drop).expect_err(&format!("{order:?}"));
    }
}

#[test]
fn what_does_not_follow_stops_the_start() {
    let place = written_file();
    let error = Journal::open(&place.0, |_| Err(Misfit("of a reason"))).expect_err("refused");
    assert!(error.to_string().ends_with("line 2 is damaged: of a reason"), "{error}");
}

#[test]
fn past_its_bound_the_file_takes_no_more() {
    let place = written_file();
    let whole = place.bytes();
    let (mut journal, _) = place.open().expect("it is whole");
    journal.bytes_max = whole.len() as u64 + 100;
    let long = Change::Voided { id: "x".repeat(100).into() };
    assert_eq!(journal.append(&long), Err(Unwritten));
    assert_eq!(place.bytes(), whole);
    assert_eq!(journal.append(&Change::Cleared {}), Ok(()), "a shorter one fits");
    let endless = Change::Voided { id: "x".repeat(LINE_BYTES_MAX).into() };
    journal.bytes_max = FILE_BYTES_MAX;
    assert_eq!(journal.append(&endless), Err(Unwritten), "no reader would take it");
    drop(journal);
    assert_eq!(place.open().expect("it is whole").1.len(), 4);
}

#[test]
fn a_line_that_was_written_in_part_is_cut_off_before_the_next() {
    let place = written_file();
    let (mut journal, _) = place.open().expect("it is whole");
    let whole = place.bytes();
    // As after a write that took a part.
    let mut file = journal.file.as_ref().expect("open");
    file.write_all(b"{\"sum\":\"0123").expect("written");
    journal.torn = true;
    journal.append(&Change::Cleared {}).expect("written");
    assert!(place.bytes().starts_with(&whole));
    drop(journal);
    assert_eq!(place.open().expect("it is whole").1.len(), 4);
}

#[test]
fn only_one_has_the_file_until_it_is_closed() {
    let place = written_file();
    let (mut journal, _) = place.open().expect("it is free");
    let error = place.open().expect_err("in use").to_string();
    assert!(error.contains("another sandbox"), "{error}");
    journal.close();
    assert_eq!(journal.append(&Change::Cleared {}), Err(Unwritten));
    assert_eq!(place.open().expect("it is free").1.len(), 3);
}
