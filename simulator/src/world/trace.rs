//! What happened, as a digest, and line by line when someone wants to read it.
//!
//! The digest takes in every step with its time; the text is only made when it is wanted.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

/// What happened. Clones write the same text.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    digest: u64,
    text: Option<Rc<RefCell<String>>>,
}

impl Trace {
    /// A digest only.
    pub fn silent() -> Self {
        Self::default()
    }

    /// With every step as a line.
    pub fn written() -> Self {
        Self { digest: 0, text: Some(Rc::default()) }
    }

    /// A step: when, what, and numbers that belong to it.
    pub fn step(&mut self, at_us: u64, what: &'static str, numbers: &[u64]) {
        let mut mixed = self.digest ^ at_us;
        for byte in what.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for number in numbers {
            mixed = (mixed.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        self.digest = mixed ^ (mixed >> 29);
        if self.text.is_some() {
            self.line(at_us, what, &format!("{numbers:?}"));
        }
    }

    /// A step that has words of its own, which are made only when they are read.
    pub fn tell(&mut self, at_us: u64, what: &'static str, words: impl FnOnce() -> String) {
        if self.text.is_some() {
            let words = words();
            self.line(at_us, what, &words);
        }
    }

    fn line(&mut self, at_us: u64, what: &str, words: &str) {
        let text = self.text.as_ref().expect("only asked for when it is written");
        let (millis, micros) = (at_us / 1_000, at_us % 1_000);
        writeln!(text.borrow_mut(), "{millis:>10}.{micros:03} {what} {words}")
            .expect("a string takes all");
    }

    /// The digest so far.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// The text so far.
    pub fn text(&self) -> String {
        self.text.as_ref().map(|text| text.borrow().clone()).unwrap_or_default()
    }
}
