//! Schemas of values that no Rust type says: flags that may be words, rows that may be anything, names of zones.

use serde_json::{Value, json};
use shared::domain::time_zones;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// JobMojito's flags: see [`crate::body::Fields::flag`].
pub(crate) struct Flag;

impl ToSchema for Flag {}

impl PartialSchema for Flag {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Boolean, Type::String, Type::Null]))
            .description(Some("True or false, or either as a word; null is false."))
            .enum_values(Some([json!(true), json!(false), json!("true"), json!("false"), Value::Null]))
            .into()
    }
}

/// An IANA time zone.
pub(crate) struct TimeZone;

impl ToSchema for TimeZone {}

impl PartialSchema for TimeZone {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of an IANA time zone."))
            .examples([json!("Europe/Bratislava")])
            .enum_values(Some(time_zones()))
            .into()
    }
}

/// Anything at all.
pub(crate) fn anything(about: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(about)).into()
}
