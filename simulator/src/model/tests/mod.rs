//! The auditor accepts a right picture and finds each kind of fault in a falsified one.
//!
//! `story` tells a small run in which something of each family happens; a test changes one thing in
//! it and says which fault must be found. So every rule is shown to be able to fail.

mod heard;
mod line;
mod rest;
mod story;

use story::Story;

/// What is found when a right story is changed in one place.
fn found(falsify: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::right();
    falsify(&mut story);
    story.audit()
}

/// A fault with these words is found when a right story is changed in one place.
#[track_caller]
fn finds(words: &str, falsify: impl FnOnce(&mut Story)) {
    let found = found(falsify);
    assert!(found.iter().any(|fault| fault.contains(words)), "{words:?} is not in {found:#?}");
}

#[test]
fn a_right_picture_is_accepted() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
}
