//! Plans by chance: no fraction of a minor unit is lost, dates strictly increase and keep to the
//! first one, texts and bytes keep a day.
//!
//! What is drawn is any plan that can be asked for; what must hold is said by each property.

use proptest::prelude::*;

use super::*;
use crate::cadence::Zone;
use crate::time::Timestamp;

fn any_day() -> impl Strategy<Value = Day> {
    (Day::MIN.days()..=Day::MAX.days()).prop_map(|days| Day::from_days(days).expect("in range"))
}

fn any_period() -> impl Strategy<Value = Period> {
    (0..Period::ALL.len()).prop_map(|index| Period::ALL[index])
}

fn any_amount() -> impl Strategy<Value = i64> {
    prop_oneof![1..2_000_i64, 1..=i64::MAX, any::<i64>()]
}

proptest! {
    #[test]
    fn the_parts_sum_up_and_are_equal_but_the_last(
        minor in any_amount(),
        installments in prop_oneof![1..=INSTALLMENTS_MAX, any::<u16>()],
    ) {
        let count = i64::from(installments);
        let parts = split(Amount::from_minor(minor), installments);
        prop_assert_eq!(parts.is_some(), count > 0 && minor >= count);
        if let Some(parts) = parts {
            prop_assert_eq!(parts.len(), usize::from(installments));
            let sum = parts.iter().try_fold(Amount::ZERO, |sum, &part| sum.checked_add(part));
            prop_assert_eq!(sum, Some(Amount::from_minor(minor)));
            let (last, others) = parts.split_last().expect("at least one");
            prop_assert!(last.is_positive());
            for other in others {
                prop_assert_eq!(*other, others[0]);
                prop_assert!(other.is_positive());
                prop_assert!(last >= other && last.minor() - other.minor() < count);
            }
        }
    }

    #[test]
    fn dates_increase_and_keep_to_the_first(
        first in any_day(),
        every in any_period(),
        n in 0..1_000_u32,
    ) {
        let dates = Dates { first, every };
        prop_assert_eq!(dates.nth(0), Some(first));
        if let (Some(day), Some(next)) = (dates.nth(n), dates.nth(n + 1)) {
            let length = next.days() - day.days();
            let (lengths, is_kept) = match every {
                Period::Day => (1..=1, true),
                Period::Week => (7..=7, true),
                Period::Month => (28..=31, is_same_or_last(first, day)),
                Period::Year => (365..=366, is_same_or_last(first, day)),
            };
            prop_assert!(lengths.contains(&length), "{day} {next}");
            prop_assert!(is_kept, "{first} {day}");
        }
    }

    #[test]
    fn texts_and_bytes_keep_a_day(day in any_day()) {
        prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
        let config = bincode::config::standard();
        let plan = Plan::of(12, Period::Month, Some(day));
        let bytes = bincode::encode_to_vec(plan, config).expect("encodes");
        let read: (Option<Plan>, usize) =
            bincode::decode_from_slice(&bytes, config).expect("decodes");
        prop_assert_eq!(read, (plan, bytes.len()));
    }

    #[test]
    fn a_text_is_a_day_where_jiff_agrees(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]") {
        let date = text.parse::<jiff::civil::Date>().ok();
        prop_assert_eq!(Day::parse(&text).map(Day::to_date), date);
    }

    #[test]
    fn an_instant_lies_in_its_day(
        // 1960 to 2100.
        at_ms in -315_619_200_000..4_102_444_800_000_i64,
        zone in (0..6_usize).prop_map(|index| {
            ["UTC", "Europe/Prague", "America/New_York", "Australia/Lord_Howe",
             "Asia/Kathmandu", "Pacific/Chatham"][index]
        }),
    ) {
        let zone = Zone::named(zone).expect("in the database");
        let at = Timestamp::from_millis(at_ms).expect("in range");
        let day = Day::from_timestamp_in(&zone, at).expect("in range");
        let next = day.checked_add_days(1).expect("in range");
        prop_assert!(day.start_ms_in(&zone).expect("in range") <= at_ms);
        prop_assert!(next.start_ms_in(&zone).expect("in range") > at_ms);
    }
}

/// Whether the day of the month is the first date's, or the month's last because it has no such day.
fn is_same_or_last(first: Day, day: Day) -> bool {
    let (wanted, found) = (first.to_date().day(), day.to_date());
    found.day() == wanted || (found.day() < wanted && found == found.last_of_month())
}
