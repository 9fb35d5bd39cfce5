//! Reading JSON bodies: the media type, the size, duplicate keys, and members one by one with every error told.

use std::collections::HashSet;
use std::fmt;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use chrono::{DateTime, Datelike, Utc};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use shared::domain::{EmailAddress, line};
use uuid::Uuid;

use crate::app::App;
use crate::frame::read_body;
use crate::problem::{FieldError, Problem};

/// The largest body of an ordinary route, in bytes.
pub(crate) const ORDINARY: usize = 256 * 1024;

/// A JSON object, with the bytes that it was (for the idempotency fingerprint).
#[derive(Debug)]
pub(crate) struct JsonObject<const LIMIT: usize = ORDINARY> {
    pub(crate) members: Map<String, Value>,
    pub(crate) bytes: Bytes,
}

impl<const LIMIT: usize> FromRequest<App> for JsonObject<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        must_be(&parts.headers, &["application/json"])?;
        let bytes = read_body(body, LIMIT).await?;
        let members = parse_object(&bytes)?;
        Ok(Self { members, bytes })
    }
}

/// A JSON object, or nothing at all: for actions whose body may be left out.
#[derive(Debug)]
pub(crate) struct OptionalObject {
    pub(crate) members: Map<String, Value>,
    pub(crate) bytes: Bytes,
}

impl FromRequest<App> for OptionalObject {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, ORDINARY).await?;
        if bytes.is_empty() {
            return Ok(Self { members: Map::new(), bytes });
        }
        must_be(&parts.headers, &["application/json"])?;
        Ok(Self { members: parse_object(&bytes)?, bytes })
    }
}

/// Refuses a body that is compressed or of another type; gives the type.
pub(crate) fn must_be<'a>(headers: &HeaderMap, types: &[&'a str]) -> Result<&'a str, Problem> {
    let text = |name| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
    };
    let encoding = text(header::CONTENT_ENCODING);
    if !encoding.is_empty() && encoding != "identity" {
        return Err(Problem::UnsupportedMediaType(
            "Send the body uncompressed, without Content-Encoding.".to_owned(),
        ));
    }
    let kind = text(header::CONTENT_TYPE);
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let found = types.iter().find(|known| **known == essence);
    found.copied().ok_or_else(|| {
        let wanted = types.join(", ");
        Problem::UnsupportedMediaType(format!("Send the body as {wanted}, and say so in Content-Type."))
    })
}

/// Parses one JSON object. A duplicate key, at any depth, is an error: two readers could understand it differently.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let malformed = |e: serde_json::Error| Problem::Malformed(format!("The body is not valid JSON: {e}."));
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::invalid("", "must be a JSON object")),
    }
}

/// Builds a [`Value`] and refuses duplicate keys.
pub(crate) struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} appears twice")));
            }
            let value = map.next_value_seed(Self)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

/// Reads members one by one and gathers what is wrong, so that a client is told everything at once.
///
/// A member that is absent and one that is null are the same; [`Fields::given`] tells them apart where it matters.
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    prefix: &'a str,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Reads from an object that stands at `prefix` (`""` or `"/interview"`).
    pub(crate) fn new(members: &'a Map<String, Value>, prefix: &'a str) -> Self {
        Self { members, prefix, errors: Vec::new() }
    }

    /// Whether the member is there, null or not.
    pub(crate) fn given(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Tells what is wrong with a member.
    pub(crate) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(format!("{}/{name}", self.prefix), detail));
    }

    /// Unwraps a member that must be there.
    pub(crate) fn required<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        let told = self.errors.iter().any(|e| e.pointer == format!("{}/{name}", self.prefix));
        if value.is_none() && !told {
            self.wrong(name, "is required");
        }
        value
    }

    /// The raw member.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// One line of text, at most `longest` characters; empty counts as absent.
    pub(crate) fn line(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.string(name)?;
        match line(text, longest) {
            Ok(text) => text.map(str::to_owned),
            Err(error) => {
                self.wrong(name, error.to_string());
                None
            }
        }
    }

    /// Any text without NUL, at most `longest` characters.
    pub(crate) fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.string(name)?;
        if text.contains('\0') || text.chars().count() > longest {
            self.wrong(name, format!("must be at most {longest} characters long, without NUL"));
            return None;
        }
        Some(text.to_owned())
    }

    fn string(&mut self, name: &str) -> Option<&'a str> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.wrong(name, "must be a string");
                None
            }
        }
    }

    /// A UUID in any of its usual forms.
    pub(crate) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let id = self.string(name)?.parse().ok();
        if id.is_none() {
            self.wrong(name, "must be a UUID");
        }
        id
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(*value),
            _ => {
                self.wrong(name, "must be true, false or null");
                None
            }
        }
    }

    /// `true`, `false`, or either as a string: JobMojito's flags.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.value(name) {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) if text == "true" => true,
            Some(Value::String(text)) if text == "false" => false,
            Some(_) => {
                self.wrong(name, "must be true, false, null, \"true\" or \"false\"");
                false
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = whole(self.value(name)?).filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.wrong(name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// An https URL without credentials (http on a loopback host, for trying things). Never fetched.
    pub(crate) fn url(&mut self, name: &str) -> Option<String> {
        let text = self.line(name, 2_000)?;
        let usable = url::Url::parse(&text).ok().is_some_and(|url| {
            let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
            scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        if !usable {
            self.wrong(name, "must be an https URL without credentials");
            return None;
        }
        Some(text)
    }

    /// A place in words, or an https URL without credentials. Never fetched.
    pub(crate) fn location(&mut self, name: &str) -> Option<String> {
        let text = self.line(name, 500)?;
        let is_place = match text.split_once(':') {
            Some((scheme, rest)) => !is_scheme(scheme) || rest.starts_with(' ') || rest.is_empty(),
            None => true,
        };
        if is_place || is_https(&text) {
            return Some(text);
        }
        self.wrong(
            name,
            "must be a place, or an https URL without credentials (a colon in a place has a space after it)",
        );
        None
    }

    /// The IANA name of a time zone.
    pub(crate) fn time_zone(&mut self, name: &str) -> Option<String> {
        let zone = self.text(name, 64)?;
        if shared::domain::is_time_zone(&zone) {
            return Some(zone);
        }
        self.wrong(name, "must be an IANA time zone such as Europe/Bratislava");
        None
    }

    /// An instant with its offset (RFC 3339), to the microsecond.
    pub(crate) fn instant(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.string(name)?;
        let instant = instant(text);
        if instant.is_none() {
            self.wrong(name, INSTANT);
        }
        instant
    }

    /// An address.
    pub(crate) fn email(&mut self, name: &str) -> Option<EmailAddress> {
        let text = self.string(name)?;
        match EmailAddress::parse(text) {
            Ok(address) => Some(address),
            Err(error) => {
                self.wrong(name, error.to_string().trim_start_matches("email ").to_owned());
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word(&mut self, name: &str, known: &[&str]) -> Option<String> {
        let text = self.string(name)?;
        if !known.contains(&text) {
            self.wrong(name, format!("must be one of {}", known.join(", ")));
            return None;
        }
        Some(text.to_owned())
    }

    /// A list of whole numbers within bounds, at most `longest` of them.
    pub(crate) fn integers(&mut self, name: &str, least: i64, most: i64, longest: usize) -> Option<Vec<i64>> {
        let list = self.value(name)?.as_array().filter(|list| list.len() <= longest);
        let numbers: Option<Vec<i64>> = list
            .and_then(|list| list.iter().map(|n| whole(n).filter(|n| (least..=most).contains(n))).collect());
        if numbers.is_none() {
            self.wrong(
                name,
                format!("must be a list of at most {longest} whole numbers from {least} to {most}"),
            );
        }
        let mut seen = HashSet::new();
        numbers.map(|list| list.into_iter().filter(|n| seen.insert(*n)).collect())
    }

    /// Ends the reading: everything that was wrong, or nothing.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.errors)) }
    }
}

/// What is said of a text that is no instant.
pub(crate) const INSTANT: &str = "must be an RFC 3339 timestamp with an offset, such as 2025-01-22T13:12:53Z";

/// An RFC 3339 instant of a year that every calendar can show.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    DateTime::from_timestamp_micros(at.timestamp_micros()).filter(|at| (1..=9_999).contains(&at.year()))
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_https(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
    })
}

/// A whole number, however it was written: `7.0` is one (JSON Schema draft 2020-12, section 4.2.3).
fn whole(number: &Value) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within 2^53 is exact")]
        Some(float as i64)
    })
}

/// For members that were checked by [`Fields::required`]: present once [`Fields::finish`] has passed.
pub(crate) fn checked<T>(value: Option<T>) -> Result<T, Problem> {
    value.ok_or(Problem::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_at_any_depth_are_malformed() {
        for body in [r#"{"a":1,"a":2}"#, r#"{"users":[{"email":"a","email":"b"}]}"#] {
            assert!(matches!(parse_object(body.as_bytes()), Err(Problem::Malformed(_))), "{body}");
        }
        assert!(parse_object(br#"{"a":{"b":1},"b":1}"#).is_ok());
    }

    #[test]
    fn deep_cut_and_trailing_json_is_malformed() {
        let deep = format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000));
        for body in [deep.as_str(), "{", "", "{} {}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"] {
            assert!(
                matches!(parse_object(body.as_bytes()), Err(Problem::Malformed(_))),
                "{}",
                &body[..body.len().min(40)]
            );
        }
        assert!(matches!(parse_object(b"[]"), Err(Problem::Invalid(_))));
    }

    #[test]
    fn every_wrong_member_is_told() {
        let members = parse_object(br#"{"id":"x","flag":"yes","name":"a\nb","n":1.5}"#).unwrap();
        let mut fields = Fields::new(&members, "/thing");
        fields.uuid("id");
        fields.flag("flag");
        fields.line("name", 10);
        fields.integer("n", 0, 9);
        let absent = fields.line("absent", 9);
        fields.required("absent", absent);
        let Err(Problem::Invalid(errors)) = fields.finish() else { panic!("accepted") };
        let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/thing/id", "/thing/flag", "/thing/name", "/thing/n", "/thing/absent"]);
    }
}
