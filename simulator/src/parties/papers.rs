//! The maker of documents and the mail server.
//!
//! A key makes documents once, and its first answer is its answer for ever, a no as well. Documents
//! that are voided stay so; a repeat of the key that made them gives their name and makes nothing
//! anew. A mail that comes twice is delivered twice: SMTP knows no keys.
//!
//! Invariants: one paper for each key; what is void does not come back.

use std::collections::BTreeSet;

use super::mark::{ByMark, Mark};

/// Documents that were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paper {
    /// The asker's name for them.
    pub key: Box<str>,
    /// The maker's; empty when they were refused.
    pub id: Box<str>,
    /// What they are about.
    pub subject: Box<str>,
    /// All that is in them, as one number.
    pub content: u64,
    /// Whether they were refused, and so never made.
    pub refused: bool,
    /// When they were made or refused.
    pub at_ms: i64,
    /// When they were first made void.
    pub voided_ms: Option<i64>,
    /// How often the maker was asked to make them.
    pub asked: u32,
}

/// A mail that was taken, or refused, with its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// The asker's name for it.
    pub key: Box<str>,
    /// To whom.
    pub to: Box<str>,
    /// How often it was taken.
    pub taken: u32,
    /// How often it was refused.
    pub refused: u32,
    /// When it was first taken or refused.
    pub at_ms: i64,
}

/// What a party that makes or takes papers says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Done(Box<str>),
    No,
    /// The key was used for something else.
    Reused,
}

/// Documents that are wished for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) mark: Mark,
    pub(super) key: &'a str,
    pub(super) subject: &'a str,
    pub(super) content: Mark,
}

#[derive(Debug, Default)]
pub(super) struct Papers {
    all: Vec<Paper>,
    by_key: ByMark<usize>,
    by_id: ByMark<usize>,
    /// The keys under which a voiding was refused.
    kept: BTreeSet<Mark>,
    letters: Vec<Letter>,
    by_letter: ByMark<usize>,
}

impl Papers {
    pub(super) fn all(&self) -> &[Paper] {
        &self.all
    }

    pub(super) fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Makes documents, unless the key has its answer.
    pub(super) fn make(&mut self, wish: &Wish<'_>, refuse: bool, now_ms: i64) -> Said {
        let Wish { mark, key, subject, content } = *wish;
        if let Some(&at) = self.by_key.get(&mark) {
            let paper = &mut self.all[at];
            assert_eq!(&*paper.key, key, "two keys with one mark");
            paper.asked += 1;
            return match paper {
                Paper { content: of, .. } if *of != content.0 => Said::Reused,
                Paper { refused: true, .. } => Said::No,
                Paper { id, .. } => Said::Done(id.clone()),
            };
        }
        let id: Box<str> =
            if refuse { Box::default() } else { format!("doc_{:016x}", mark.0).into() };
        let at = self.all.len();
        self.by_key.insert(mark, at);
        if !refuse {
            self.by_id.insert(Mark::of(&id), at);
        }
        self.all.push(Paper {
            key: key.into(),
            id: id.clone(),
            subject: subject.into(),
            content: content.0,
            refused: refuse,
            at_ms: now_ms,
            voided_ms: None,
            asked: 1,
        });
        if refuse { Said::No } else { Said::Done(id) }
    }

    /// Whether documents of this name were made.
    pub(super) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(&Mark::of(id))
    }

    /// Makes documents void; what is not there is as void as can be.
    pub(super) fn void(&mut self, mark: Mark, id: &str, refuse: bool, now_ms: i64) -> Said {
        if self.kept.contains(&mark) {
            return Said::No;
        }
        let Some(&at) = self.by_id.get(&Mark::of(id)) else { return Said::Done(Box::default()) };
        let paper = &mut self.all[at];
        assert_eq!(&*paper.id, id, "two ids with one mark");
        if paper.voided_ms.is_none() {
            if refuse {
                self.kept.insert(mark);
                return Said::No;
            }
            paper.voided_ms = Some(now_ms);
        }
        Said::Done(Box::default())
    }

    /// Takes a mail.
    pub(super) fn take(
        &mut self,
        (mark, key): (Mark, &str),
        to: &str,
        refuse: bool,
        now_ms: i64,
    ) -> Said {
        let at = *self.by_letter.entry(mark).or_insert(self.letters.len());
        if at == self.letters.len() {
            let (key, to) = (key.into(), to.into());
            self.letters.push(Letter { key, to, taken: 0, refused: 0, at_ms: now_ms });
        }
        let letter = &mut self.letters[at];
        if refuse {
            letter.refused += 1;
            return Said::No;
        }
        letter.taken += 1;
        Said::Done(Box::default())
    }
}
