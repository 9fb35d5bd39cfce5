//! A schema as a list of its members, each with what may stand there, in words.

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Components, RefOr};

use crate::description::common::named;
use crate::description::words;

/// How deep members are shown: no schema here is deeper, and a circle would end.
const DEEPEST: usize = 6;

/// One member.
#[derive(Debug, Serialize)]
pub(super) struct Member {
    name: String,
    is_required: bool,
    /// What may stand there.
    kind: String,
    about: Option<String>,
    members: Vec<Member>,
}

/// The members of a schema, of a list's items, or of all parts that it is made of.
pub(super) fn of(schema: &RefOr<Schema>, components: &Components, depth: usize) -> Vec<Member> {
    if depth > DEEPEST {
        return Vec::new();
    }
    let within = |parts: &[RefOr<Schema>]| {
        parts.iter().flat_map(|part| of(part, components, depth)).collect::<Vec<Member>>()
    };
    match named(schema, components) {
        Some(Schema::Object(object)) => {
            let members = object.properties.iter();
            members.map(|(name, member)| one(object, name, member, components, depth)).collect()
        }
        Some(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => of(items, components, depth),
            ArrayItems::False => Vec::new(),
        },
        Some(Schema::AllOf(all)) => within(&all.items),
        Some(Schema::OneOf(one)) => one
            .items
            .iter()
            .map(|part| of(part, components, depth))
            .find(|m| !m.is_empty())
            .unwrap_or_default(),
        Some(Schema::AnyOf(any)) => within(&any.items),
        _ => Vec::new(),
    }
}

fn one(parent: &Object, name: &str, schema: &RefOr<Schema>, components: &Components, depth: usize) -> Member {
    Member {
        name: name.to_owned(),
        is_required: parent.required.iter().any(|required| required == name),
        kind: kind(schema, components),
        about: about(schema, components),
        members: of(schema, components, depth + 1),
    }
}

/// What is said of a member where it stands, else of its schema.
fn about(schema: &RefOr<Schema>, components: &Components) -> Option<String> {
    if let RefOr::Ref(named) = schema
        && !named.description.is_empty()
    {
        return Some(named.description.clone());
    }
    match named(schema, components)? {
        Schema::Object(object) => object.description.clone(),
        Schema::Array(array) => array.description.clone(),
        Schema::OneOf(one) => one.description.clone().or_else(|| {
            one.items.iter().find_map(|item| match item {
                RefOr::Ref(named) => Some(named.description.clone()).filter(|text| !text.is_empty()),
                RefOr::T(_) => None,
            })
        }),
        _ => None,
    }
}

/// What may stand there, in words.
pub(super) fn kind(schema: &RefOr<Schema>, components: &Components) -> String {
    match named(schema, components) {
        Some(Schema::Object(object)) => of_object(object),
        Some(Schema::Array(array)) => {
            let items = match &array.items {
                ArrayItems::RefOrSchema(items) => kind(items, components),
                ArrayItems::False => "nothing".to_owned(),
            };
            let bounds = match (array.min_items, array.max_items) {
                (Some(least), Some(most)) => format!(", {least} to {} of them", grouped(&most.to_string())),
                (None, Some(most)) => format!(", at most {most}"),
                _ => String::new(),
            };
            let null = if is_nullable(&array.schema_type) { ", or null" } else { "" };
            format!("list of {items}{bounds}{null}")
        }
        Some(Schema::OneOf(one)) => either(&one.items, components),
        Some(Schema::AnyOf(any)) => either(&any.items, components),
        Some(Schema::AllOf(_)) => "object".to_owned(),
        _ => "anything".to_owned(),
    }
}

fn either(items: &[RefOr<Schema>], components: &Components) -> String {
    let kinds: Vec<String> =
        items.iter().map(|item| kind(item, components)).filter(|kind| kind != "null").collect();
    let null = if kinds.len() < items.len() { ", or null" } else { "" };
    format!("{}{null}", kinds.join(" or "))
}

fn is_nullable(kind: &SchemaType) -> bool {
    matches!(kind, SchemaType::Array(types) if types.contains(&Type::Null))
}

fn of_object(o: &Object) -> String {
    let kind = match &o.schema_type {
        SchemaType::Type(kind) => Some(kind),
        SchemaType::Array(kinds) => kinds.iter().find(|kind| **kind != Type::Null),
        SchemaType::AnyValue => None,
    };
    let null = if is_nullable(&o.schema_type) { ", or null" } else { "" };
    if let Some(words) = &o.enum_values {
        return format!("{}{null}", listed(words));
    }
    let told = match kind {
        None => "anything".to_owned(),
        Some(Type::Null) => return "null".to_owned(),
        Some(Type::String) => text(o),
        Some(Type::Integer | Type::Number) => number(o),
        Some(Type::Boolean) => "true or false".to_owned(),
        Some(Type::Object | Type::Array) => "object".to_owned(),
    };
    format!("{told}{null}")
}

fn listed(words: &[Value]) -> String {
    let texts_alone = words.iter().all(|word| word.is_string() || word.is_null());
    let words: Vec<String> = words
        .iter()
        .filter(|word| !word.is_null())
        .map(|word| match word {
            Value::String(text) if texts_alone => format!("`{text}`"),
            other => format!("`{other}`"),
        })
        .collect();
    match words.as_slice() {
        [only] => only.clone(),
        many if many.len() > 20 => format!("one of {} words, such as {}", many.len(), many[many.len() / 2]),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
        [] => "nothing".to_owned(),
    }
}

fn text(o: &Object) -> String {
    let told = match (&o.pattern, &o.format) {
        (Some(pattern), _) => words::in_prose(pattern).unwrap_or("text").to_owned(),
        (None, Some(SchemaFormat::KnownFormat(format))) => match serde_json::to_value(format) {
            Ok(Value::String(name)) => name.replace("uuid", "UUID").replace("date-time", "instant"),
            _ => "text".to_owned(),
        },
        (None, Some(SchemaFormat::Custom(name))) => name.replace("uri", "URL"),
        (None, None) => "text".to_owned(),
    };
    match o.max_length {
        Some(most) => format!("{told}, at most {} characters", grouped(&most.to_string())),
        None => told,
    }
}

fn number(o: &Object) -> String {
    let bound = |number: &utoipa::Number| grouped(&serde_json::to_string(number).unwrap_or_default());
    match (&o.minimum, &o.maximum) {
        (Some(least), Some(most)) => format!("whole number, {} to {}", bound(least), bound(most)),
        (Some(least), None) => format!("whole number, at least {}", bound(least)),
        _ => "whole number".to_owned(),
    }
}

/// `315360000` as `315,360,000`.
fn grouped(digits: &str) -> String {
    let digits = digits.trim_end_matches(".0");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
