//! How values that have no JSON form of their own stand in the file.
//!
//! Each form is a module for serde's `with`. They are exact and the shortest that a person can
//! still read: an instant is milliseconds since the epoch, an amount minor units, a currency its
//! code, a mark of content 32 digits, a delay milliseconds. Reading refuses what no value of the
//! type would have been written as.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "serde's `with` gives references"
)]

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant as milliseconds since the epoch.
pub(crate) mod millis {
    use bursar_domain::time::Timestamp;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let instant = Timestamp::from_millis(i64::deserialize(from)?);
        instant.ok_or_else(|| D::Error::custom("no instant"))
    }
}

/// An amount above zero in minor units.
pub(crate) mod minor {
    use bursar_domain::money::Amount;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(amount: &Amount, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(amount.minor())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
        let amount = Amount::from_minor(i64::deserialize(from)?);
        let amount = Some(amount).filter(|amount| amount.is_positive());
        amount.ok_or_else(|| D::Error::custom("no amount above zero"))
    }
}

/// A currency as its code.
pub(crate) mod currency {
    use bursar_domain::currency::Currency;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(currency.code())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Currency, D::Error> {
        let currency = Currency::from_code(&String::deserialize(from)?);
        currency.ok_or_else(|| D::Error::custom("no currency"))
    }
}

/// A mark of content as hexadecimal digits.
pub(crate) mod mark {
    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(mark: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{mark:032x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        u128::from_str_radix(&String::deserialize(from)?, 16).map_err(D::Error::custom)
    }
}

/// A delay, or none, as milliseconds.
pub(crate) mod delay {
    use std::time::Duration;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        delay: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
