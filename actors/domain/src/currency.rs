//! The currencies: ISO 4217, list one ("current currency & funds code list").
//!
//! The table follows the edition published on 2026-01-01 by the maintenance agency, SIX
//! (`list-one.xml`); the lev (BGN) is gone from it, the Arab accounting dinar (XAD), the
//! Caribbean guilder (XCG) and Zimbabwe gold (ZWG) are in it. Codes without a minor unit
//! ("N.A.": gold, drawing rights, test codes) are left out, because their amounts could not be
//! written. Fund codes such as CLF are in.
//!
//! In memory a currency is one byte, an index into the table. On disk it is the three letters, so
//! the table can grow in the middle without touching a data directory.
//!
//! Invariants: the rows are in strict order of their codes; a row that was once released is never
//! removed and its exponent never changes, else amounts on disk would lose their meaning. A
//! withdrawn currency stays.

use std::fmt;

use bincode::de::{Decode, Decoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};

/// The codes of the table, packed for a binary search that compares integers.
static KEYS: [u32; COUNT] = packed();

/// How many currencies there are.
const COUNT: usize = 165;

/// A currency of ISO 4217 that has a minor unit. Ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(u8);

impl Currency {
    /// The currency of exactly three upper-case letters; `None` when the table does not have it.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::from_bytes(code.as_bytes().try_into().ok()?)
    }

    /// All currencies, in order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).take(COUNT).map(Self)
    }

    /// The alphabetic code, such as `EUR`.
    pub fn code(self) -> &'static str {
        TABLE[usize::from(self.0)].0
    }

    /// How many decimals an amount has: 0 (JPY), 2 (EUR), 3 (BHD) or 4 (CLF).
    pub fn exponent(self) -> u8 {
        TABLE[usize::from(self.0)].1
    }

    fn from_bytes(code: [u8; 3]) -> Option<Self> {
        let index = KEYS.binary_search(&key(code)).ok()?;
        Some(Self(u8::try_from(index).expect("the table has at most 256 rows")))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Encode for Currency {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        KEYS[usize::from(self.0)].to_be_bytes()[1..]
            .iter()
            .try_for_each(|letter| letter.encode(encoder))
    }
}

impl<Context> Decode<Context> for Currency {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let code = <[u8; 3]>::decode(decoder)?;
        Self::from_bytes(code).ok_or_else(|| {
            DecodeError::OtherString(format!("no such currency: {}", code.escape_ascii()))
        })
    }
}

bincode::impl_borrow_decode!(Currency);

/// Three bytes as one integer of the same order.
const fn key(code: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, code[0], code[1], code[2]])
}

/// Packs the codes, and stops the build when the table is malformed or out of order.
const fn packed() -> [u32; COUNT] {
    const { assert!(COUNT <= 256, "a currency is one byte") };
    let mut keys = [0; COUNT];
    let mut row = 0;
    while row < COUNT {
        let code = TABLE[row].0.as_bytes();
        assert!(code.len() == 3, "a code has three letters");
        keys[row] = key([code[0], code[1], code[2]]);
        assert!(row == 0 || keys[row - 1] < keys[row], "the table is in order of code");
        row += 1;
    }
    keys
}

/// Alphabetic code and exponent (how many decimals the minor unit has).
static TABLE: [(&str, u8); COUNT] = [
    ("AED", 2),
    ("AFN", 2),
    ("ALL", 2),
    ("AMD", 2),
    ("AOA", 2),
    ("ARS", 2),
    ("AUD", 2),
    ("AWG", 2),
    ("AZN", 2),
    ("BAM", 2),
    ("BBD", 2),
    ("BDT", 2),
    ("BHD", 3),
    ("BIF", 0),
    ("BMD", 2),
    ("BND", 2),
    ("BOB", 2),
    ("BOV", 2),
    ("BRL", 2),
    ("BSD", 2),
    ("BTN", 2),
    ("BWP", 2),
    ("BYN", 2),
    ("BZD", 2),
    ("CAD", 2),
    ("CDF", 2),
    ("CHE", 2),
    ("CHF", 2),
    ("CHW", 2),
    ("CLF", 4),
    ("CLP", 0),
    ("CNY", 2),
    ("COP", 2),
    ("COU", 2),
    ("CRC", 2),
    ("CUP", 2),
    ("CVE", 2),
    ("CZK", 2),
    ("DJF", 0),
    ("DKK", 2),
    ("DOP", 2),
    ("DZD", 2),
    ("EGP", 2),
    ("ERN", 2),
    ("ETB", 2),
    ("EUR", 2),
    ("FJD", 2),
    ("FKP", 2),
    ("GBP", 2),
    ("GEL", 2),
    ("GHS", 2),
    ("GIP", 2),
    ("GMD", 2),
    ("GNF", 0),
    ("GTQ", 2),
    ("GYD", 2),
    ("HKD", 2),
    ("HNL", 2),
    ("HTG", 2),
    ("HUF", 2),
    ("IDR", 2),
    ("ILS", 2),
    ("INR", 2),
    ("IQD", 3),
    ("IRR", 2),
    ("ISK", 0),
    ("JMD", 2),
    ("JOD", 3),
    ("JPY", 0),
    ("KES", 2),
    ("KGS", 2),
    ("KHR", 2),
    ("KMF", 0),
    ("KPW", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("KYD", 2),
    ("KZT", 2),
    ("LAK", 2),
    ("LBP", 2),
    ("LKR", 2),
    ("LRD", 2),
    ("LSL", 2),
    ("LYD", 3),
    ("MAD", 2),
    ("MDL", 2),
    ("MGA", 2),
    ("MKD", 2),
    ("MMK", 2),
    ("MNT", 2),
    ("MOP", 2),
    ("MRU", 2),
    ("MUR", 2),
    ("MVR", 2),
    ("MWK", 2),
    ("MXN", 2),
    ("MXV", 2),
    ("MYR", 2),
    ("MZN", 2),
    ("NAD", 2),
    ("NGN", 2),
    ("NIO", 2),
    ("NOK", 2),
    ("NPR", 2),
    ("NZD", 2),
    ("OMR", 3),
    ("PAB", 2),
    ("PEN", 2),
    ("PGK", 2),
    ("PHP", 2),
    ("PKR", 2),
    ("PLN", 2),
    ("PYG", 0),
    ("QAR", 2),
    ("RON", 2),
    ("RSD", 2),
    ("RUB", 2),
    ("RWF", 0),
    ("SAR", 2),
    ("SBD", 2),
    ("SCR", 2),
    ("SDG", 2),
    ("SEK", 2),
    ("SGD", 2),
    ("SHP", 2),
    ("SLE", 2),
    ("SOS", 2),
    ("SRD", 2),
    ("SSP", 2),
    ("STN", 2),
    ("SVC", 2),
    ("SYP", 2),
    ("SZL", 2),
    ("THB", 2),
    ("TJS", 2),
    ("TMT", 2),
    ("TND", 3),
    ("TOP", 2),
    ("TRY", 2),
    ("TTD", 2),
    ("TWD", 2),
    ("TZS", 2),
    ("UAH", 2),
    ("UGX", 0),
    ("USD", 2),
    ("USN", 2),
    ("UYI", 0),
    ("UYU", 2),
    ("UYW", 4),
    ("UZS", 2),
    ("VED", 2),
    ("VES", 2),
    ("VND", 0),
    ("VUV", 0),
    ("WST", 2),
    ("XAD", 2),
    ("XAF", 0),
    ("XCD", 2),
    ("XCG", 2),
    ("XOF", 0),
    ("XPF", 0),
    ("YER", 2),
    ("ZAR", 2),
    ("ZMW", 2),
    ("ZWG", 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(currency: Currency) -> Vec<u8> {
        bincode::encode_to_vec(currency, bincode::config::standard()).expect("encodes")
    }

    fn decoded(bytes: &[u8]) -> Result<Currency, DecodeError> {
        bincode::decode_from_slice(bytes, bincode::config::standard()).map(|(currency, _)| currency)
    }

    #[test]
    fn a_currency_has_the_exponent_of_the_standard() {
        let check = |codes: &str, exponent: u8| {
            for code in codes.split(' ') {
                let currency = Currency::from_code(code).expect(code);
                assert_eq!(currency.exponent(), exponent, "{code}");
                assert_eq!(currency.code(), code);
            }
        };
        check("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0);
        check("AED CHE CHF CZK EUR GBP HUF INR MGA MRU MXV USD USN VED XAD XCD XCG ZWG", 2);
        check("BHD IQD JOD KWD LYD OMR TND", 3);
        check("CLF UYW", 4);
        for (exponent, count) in [(0, 17), (2, 139), (3, 7), (4, 2)] {
            let found = Currency::all().filter(|c| c.exponent() == exponent).count();
            assert_eq!(found, count, "exponent {exponent}");
        }
    }

    #[test]
    fn what_is_not_a_current_code_with_a_minor_unit_is_unknown() {
        for code in [
            "", "E", "EU", "EURO", "eur", "Eur", " EUR", "EU\0", "€", "é1", "AAA", "ZZZ", "000",
            "XAU", "XAG", "XXX", "XTS", "XDR", "XSU", "XUA", "BGN", "HRK", "ANG", "DEM", "BTC",
        ] {
            assert_eq!(Currency::from_code(code), None, "{code:?}");
        }
    }

    #[test]
    fn every_currency_reads_back_from_its_code_and_from_three_bytes() {
        let mut before = None;
        for currency in Currency::all() {
            assert!(currency.code().bytes().all(|b| b.is_ascii_uppercase()), "{currency}");
            assert_eq!(Currency::from_code(currency.code()), Some(currency));
            assert_eq!(encoded(currency), currency.code().as_bytes());
            assert_eq!(decoded(currency.code().as_bytes()).expect("decodes"), currency);
            assert!(before < Some(currency), "{currency}");
            before = Some(currency);
        }
    }

    #[test]
    fn unknown_or_short_bytes_are_a_decode_error() {
        for bytes in [&b"XXX"[..], b"eur", b"EU", b"", &[0xff; 3], &[0; 3]] {
            assert!(decoded(bytes).is_err(), "{bytes:?}");
        }
        let borrowed: Result<(Currency, usize), _> =
            bincode::borrow_decode_from_slice(b"EUR", bincode::config::standard());
        assert_eq!(borrowed.expect("decodes").0.to_string(), "EUR");
    }

    #[test]
    fn a_currency_prints_its_code() {
        let euro = Currency::from_code("EUR").expect("known");
        assert_eq!(format!("{euro} {euro:?} {euro:>5}"), "EUR EUR   EUR");
    }
}
