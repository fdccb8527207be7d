//! A time zone of the IANA database, by name.
//!
//! The database is the one compiled into jiff, never the machine's: two machines with the same
//! binary agree on every local date. jiff knows a zone that the database does not have, CLDR's
//! "Etc/Unknown"; it is refused, because money must not be due at an unknown hour.
//!
//! Where the clock is put forward over a local time, its instant moves forward by the length of the
//! gap; where it is put back and the local time comes twice, the first instant counts. That is
//! RFC 5545, section 3.3.5, and jiff's "compatible".
//!
//! Invariant: a zone has a name, spelled as in the database, and the name finds the zone again.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// A time zone with a name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// By its name in any case; `None` when the database does not have it.
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        (!zone.is_unknown() && zone.iana_name().is_some()).then_some(Self(zone))
    }

    /// The name, spelled as in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().expect("checked when the zone was found")
    }

    /// The date that the clock shows at an instant.
    pub(crate) fn date_at(&self, instant: Timestamp) -> Date {
        self.0.to_datetime(instant).date()
    }

    /// The instant of a local time; see the head of the file. `None` past jiff's range.
    ///
    /// What jiff says comes twice is compared with the clock: in the last hour of 2023-10-28 in
    /// Nuuk it takes the rule of later years to hold already, and its first instant is an hour
    /// early. No other local time from 1970 to 2044 is told wrong in any zone of 2026e.
    pub(crate) fn instant_of(&self, local: DateTime) -> Option<Timestamp> {
        let found = self.0.to_ambiguous_timestamp(local);
        match found.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => {
                found.compatible().ok()
            }
            AmbiguousOffset::Fold { before, after } => {
                let first = before.to_timestamp(local).ok()?;
                let shows_it = self.0.to_datetime(first) == local;
                if shows_it { Some(first) } else { after.to_timestamp(local).ok() }
            }
        }
    }
}
