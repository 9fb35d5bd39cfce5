//! Parameters and answers that are headers: each one's schema and what it is for.

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// A parameter in a header, which may be left out.
fn parameter(name: &str, about: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn idempotency_key() -> Parameter {
    // Space at the ends of a header's value is not part of it (RFC 9110 section 5.5).
    let schema = text()
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some(r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"))
        .examples([json!("0b6f5a52-register-2026-11-21")]);
    let about = "Makes sending the request again safe: kept for 24 hours, it gives the same answer again. \
                 1 to 255 printable ASCII characters.";
    parameter("Idempotency-Key", about, schema.build())
}

pub(super) fn prefer() -> Parameter {
    let about = "How long to wait for the result: `wait=5` (seconds, 60 at most), or `respond-async` (not at all). \
                 What is not understood is ignored.";
    parameter("Prefer", about, text().examples([json!("wait=5"), json!("respond-async")]).build())
}

pub(super) fn if_none_match() -> Parameter {
    let about = "The `ETag` of an earlier answer: what did not change since is a 304 without a body.";
    parameter("If-None-Match", about, text().build())
}

/// Headers of every answer.
pub(super) fn of_every_answer() -> Vec<(&'static str, Header)> {
    vec![(
        "x-request-id",
        header("Names this request in the log; yours is echoed where it is well-formed.", text()),
    )]
}

/// Headers of every answer to a request with a credential.
pub(super) fn of_rates() -> Vec<(&'static str, Header)> {
    vec![
        (
            "RateLimit-Policy",
            header(
                "The burst (`q`) and the seconds in which it comes back (`w`). Absent where rates are off.",
                text(),
            ),
        ),
        ("RateLimit", header("What is left of the burst (`r`). Absent where rates are off.", text())),
    ]
}

pub(super) fn etag() -> (&'static str, Header) {
    let schema = text().pattern(Some(r#"^W/"[0-9a-f]{32}"$"#));
    ("ETag", header("For `If-None-Match`.", schema))
}

pub(super) fn replayed() -> (&'static str, Header) {
    let schema = text().enum_values(Some([json!("true")]));
    ("Idempotent-Replayed", header("There where the answer is an earlier one's, given again.", schema))
}

pub(super) fn applied() -> (&'static str, Header) {
    ("Preference-Applied", header("What was honoured of `Prefer`.", text()))
}

pub(super) fn location(about: &str) -> (&'static str, Header) {
    (
        "Location",
        header(about, text().format(Some(utoipa::openapi::SchemaFormat::Custom("uri-reference".into())))),
    )
}

pub(super) fn retry_after() -> (&'static str, Header) {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    ("Retry-After", header("Seconds until it is worth asking again.", seconds))
}

pub(super) fn challenge() -> (&'static str, Header) {
    ("WWW-Authenticate", header("The challenge (RFC 9110 section 11.6.1).", text()))
}

fn header(about: &str, schema: ObjectBuilder) -> Header {
    HeaderBuilder::new().description(Some(about)).schema(schema.build()).build()
}
