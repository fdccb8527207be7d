//! A bank line as it comes, and what is answered for it.
//!
//! Unknown fields are refused with their line alone. Texts are borrowed from the body; whether they
//! make a line is found out by whoever submits it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use crate::http::fields::{AmountText, object, whole};

/// A line of a bank statement.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineBody<'a> {
    /// The bank's name of it.
    #[serde(borrow)]
    #[schema(value_type = String, example = "tx-1")]
    pub(crate) transaction_id: Cow<'a, str>,
    /// The bank's date; of an instant, its UTC date.
    #[schema(value_type = String, example = "2026-11-20")]
    pub(crate) date: Cow<'a, str>,
    /// `pending`, `posted` or `reversed`.
    #[schema(value_type = String, example = "posted")]
    pub(crate) status: Cow<'a, str>,
    /// The account that pays.
    #[schema(value_type = Option<String>)]
    pub(crate) from_account: Option<Cow<'a, str>>,
    /// The account that is paid.
    #[schema(value_type = Option<String>)]
    pub(crate) to_account: Option<Cow<'a, str>>,
    #[schema(value_type = String, example = "12.50")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    #[schema(value_type = Option<String>)]
    pub(crate) description: Option<Cow<'a, str>>,
    /// Where.
    #[serde(default, deserialize_with = "object")]
    #[schema(inline)]
    pub(crate) merchant: Option<MerchantBody<'a>>,
    /// The pending line that this posted one replaces.
    #[schema(value_type = Option<String>)]
    pub(crate) pending_id: Option<Cow<'a, str>>,
    /// For a reversal with an id of its own: the line that is given back.
    #[schema(value_type = Option<String>)]
    pub(crate) reversal_of: Option<Cow<'a, str>>,
}

/// A category code: a text of four digits, or the number, or none.
fn category_code() -> Schema {
    let types = [Type::String, Type::Integer, Type::Null];
    let code = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    let code = code.pattern(Some("^[0-9]{4}$")).minimum(Some(0)).maximum(Some(9_999));
    code.description(Some("Four digits of ISO 18245.")).examples(["5814"]).into()
}

/// A merchant, as the bank names it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MerchantBody<'a> {
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "m-17")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[schema(value_type = Option<String>, example = "Cafe Central")]
    pub(crate) name: Option<Cow<'a, str>>,
    /// Four digits of ISO 18245.
    #[schema(schema_with = category_code)]
    pub(crate) category_code: Option<CategoryCode<'a>>,
}

/// A category code: a text of four digits, or the number.
pub(crate) enum CategoryCode<'a> {
    /// As a text.
    Text(Cow<'a, str>),
    /// As a number.
    Number(u64),
}

impl<'de: 'a, 'a> Deserialize<'de> for CategoryCode<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeVisitor;
        impl<'de> Visitor<'de> for CodeVisitor {
            type Value = CategoryCode<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a category code such as \"5411\"")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(CategoryCode::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(CategoryCode::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(CategoryCode::Number(number))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                let code = whole(number).and_then(|code| u64::try_from(code).ok());
                let wrong = || E::invalid_value(Unexpected::Float(number), &self);
                code.map(CategoryCode::Number).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(CodeVisitor)
    }
}

/// What became of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineState {
    /// Its place in the call, from 0.
    pub(crate) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tx-1")]
    pub(crate) transaction_id: Option<String>,
    /// `new`, `duplicate` (it was taken before), `conflict` (the id was taken with other content;
    /// the first stands) or `refused`.
    #[schema(example = "new")]
    pub(crate) status: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// How many lines became what.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct LineCounts {
    pub(crate) new: usize,
    pub(crate) duplicate: usize,
    pub(crate) conflict: usize,
    pub(crate) refused: usize,
}

/// The answer to an array.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineList {
    /// In the order of the call.
    pub(crate) items: Vec<LineState>,
    pub(crate) counts: LineCounts,
}
