//! The position of an export: for every shard, up to which record.
//!
//! What a table says at a position never changes, because records are only added: an export at the
//! same position gives the same rows at any later time, from a server or from its directory. So a
//! position is told with every export and can be asked for (`--at`), by which several tables show
//! one and the same state. It is written as the shards' last records, in the order of their
//! numbers, with points between them: `17.0.5`.

use std::fmt;
use std::str::FromStr;

use bursar_domain::id::{EntityId, Seq};

/// The last record of each shard that counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Position(Vec<Seq>);

impl Position {
    /// These records, by the numbers of the shards; there is at least one shard.
    pub(crate) fn new(ends: Vec<Seq>) -> Self {
        assert!(u16::try_from(ends.len()).is_ok_and(|count| count > 0), "1 to 65,535 shards");
        Self(ends)
    }

    /// How many records there are up to here.
    pub(crate) fn records(&self) -> u64 {
        self.0.iter().map(|seq| seq.0).sum()
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> u16 {
        u16::try_from(self.0.len()).expect("checked when it was made")
    }

    /// The last record of an entity's shard.
    pub(crate) fn of(&self, id: &EntityId) -> Seq {
        self.0[usize::from(id.shard(self.shards()).0)]
    }

    /// The position that was asked for, when all of it is there; else why not.
    pub(crate) fn asked(&self, asked: Option<&Self>) -> Result<Self, String> {
        let Some(asked) = asked else { return Ok(self.clone()) };
        if asked.0.len() != self.0.len() {
            let (theirs, ours) = (asked.0.len(), self.0.len());
            return Err(format!("the position is of {theirs} shards, here are {ours}"));
        }
        let beyond = asked.0.iter().zip(&self.0).position(|(asked, end)| asked > end);
        match beyond {
            None => Ok(asked.clone()),
            Some(shard) => Err(format!(
                "the position is not reached: shard {shard} ends with record {}, and record {} was \
                 asked for",
                self.0[shard], asked.0[shard]
            )),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, seq) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            write!(f, "{seq}")?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let seq = |part: &str| part.parse().ok().filter(|_| whole(part)).map(Seq);
        let ends: Option<Vec<Seq>> = text.split('.').map(seq).collect();
        let ends = ends.filter(|ends| u16::try_from(ends.len()).is_ok());
        ends.map(Self).ok_or_else(|| {
            "write a position as an export's report gives it, such as 17.0.5".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Position {
        text.parse().expect("a position")
    }

    #[test]
    fn a_position_reads_back_and_others_do_not() {
        for text in ["0", "17.0.5"] {
            assert_eq!(read(text).to_string(), text);
        }
        assert_eq!(read("17.0.5").records(), 22);
        let many = vec!["1"; 65_536].join(".");
        for bad in ["", ".", "1.", "1..2", "-1", "+1", "1.x", "99999999999999999999", " 1", &many] {
            assert!(bad.parse::<Position>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_what_is_reached_can_be_asked_for() {
        let here = read("17.0.5");
        assert_eq!(here.asked(None), Ok(here.clone()));
        assert_eq!(here.asked(Some(&read("16.0.5"))), Ok(read("16.0.5")));
        let beyond = here.asked(Some(&read("1.1.1"))).expect_err("beyond");
        assert!(beyond.contains("shard 1 ends with record 0"), "{beyond}");
        assert!(here.asked(Some(&read("1.1"))).is_err());
    }
}
