//! An example for every JSON body and answer: the schema's own where it has one, else put together from its members,
//! whose names say what stands there.

use serde_json::{Map, Value, json};
use utoipa::Modify;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayItems, Object, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Components, Content, KnownFormat, OpenApi, RefOr};

use super::common::{named, operations};

/// Gives every JSON content an example.
pub(super) struct Examples;

impl Modify for Examples {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.take().unwrap_or_default();
        for (_, _, operation) in operations(openapi) {
            let bodies = operation.request_body.iter_mut().flat_map(|body| &mut body.content);
            bodies.for_each(|(kind, content)| illustrate(kind, content, &components));
            for answer in operation.responses.responses.values_mut() {
                let RefOr::T(answer) = answer else { continue };
                answer.content.iter_mut().for_each(|(kind, content)| illustrate(kind, content, &components));
            }
        }
        openapi.components = Some(components);
    }
}

fn illustrate(kind: &str, content: &mut Content, components: &Components) {
    if kind == "application/json" && content.example.is_none() {
        content.example = content.schema.as_ref().map(|schema| of(schema, "", components));
    }
}

/// An example of a schema that stands under a name.
fn of(schema: &RefOr<Schema>, name: &str, components: &Components) -> Value {
    match named(schema, components) {
        Some(Schema::Object(object)) => of_object(object, name, components),
        Some(Schema::Array(array)) => match &array.items {
            _ if !array.examples.is_empty() => array.examples[0].clone(),
            ArrayItems::RefOrSchema(items) => match known(name) {
                Some(list @ Value::Array(_)) => list,
                _ => Value::Array(vec![of(items, name, components)]),
            },
            ArrayItems::False => json!([]),
        },
        Some(Schema::AllOf(all)) => {
            let mut members = Map::new();
            for part in &all.items {
                if let Value::Object(more) = of(part, name, components) {
                    members.extend(more);
                }
            }
            Value::Object(members)
        }
        Some(Schema::OneOf(one)) => of_first(&one.items, name, components),
        Some(Schema::AnyOf(any)) => of_first(&any.items, name, components),
        _ => Value::Null,
    }
}

fn of_first(items: &[RefOr<Schema>], name: &str, components: &Components) -> Value {
    // What may be null and is not known by its name, is.
    if known(name).is_none() && items.iter().any(is_null) {
        return Value::Null;
    }
    items.iter().find(|item| !is_null(item)).map_or(Value::Null, |item| of(item, name, components))
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(o)) if o.schema_type == SchemaType::Type(Type::Null))
}

fn of_object(object: &Object, name: &str, components: &Components) -> Value {
    if let Some(given) = object.examples.first().or(object.example.as_ref()) {
        return given.clone();
    }
    let types = match &object.schema_type {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(many) => many.as_slice(),
        SchemaType::AnyValue => &[],
    };
    if types.contains(&Type::Object) && !(types.contains(&Type::Null) && object.properties.is_empty()) {
        let members =
            object.properties.iter().map(|(key, member)| (key.clone(), of(member, key, components)));
        let mut members: Map<String, Value> = members.collect();
        if let Some(AdditionalProperties::RefOr(inner)) = object.additional_properties.as_deref() {
            members.insert("key".to_owned(), of(inner, "", components));
        }
        return Value::Object(members);
    }
    let fits = |value: &Value| {
        let listed = object.enum_values.as_ref().is_none_or(|words| words.contains(value));
        listed
            && match value {
                Value::String(_) => types.contains(&Type::String),
                Value::Number(_) => types.contains(&Type::Integer) || types.contains(&Type::Number),
                _ => false,
            }
    };
    if let Some(value) = known(name).filter(fits) {
        return value;
    }
    if types.contains(&Type::Null) {
        return Value::Null;
    }
    if let Some(word) = object.enum_values.as_ref().and_then(|words| words.first()) {
        return word.clone();
    }
    match types.first() {
        Some(Type::Integer | Type::Number) => object.minimum.as_ref().map_or(json!(1), |least| json!(least)),
        Some(Type::Boolean) => json!(false),
        Some(Type::String) => json!(match &object.format {
            Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)) => "0197f3c2-6a1e-7c44-9d0b-5f2f6f1c8a10",
            Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)) => "2025-01-22T13:12:53.000Z",
            Some(SchemaFormat::KnownFormat(KnownFormat::Email)) => "jozo@jozo.sk",
            _ => "…",
        }),
        _ => Value::Null,
    }
}

/// What usually stands under a name.
fn known(name: &str) -> Option<Value> {
    Some(match name {
        "name" | "candidate_name" => json!("Peter Parker"),
        "email" | "to" | "candidate_email" => json!("jozo@jozo.sk"),
        "external_id" => json!("abcd"),
        "title" => json!("Night driver"),
        "interview_id" => json!("04e09fa5-3fb8-4236-b37d-fca2bcd1cb66"),
        "merchant_id" => json!("b5201178-46dd-4a20-a1af-7ffd647f834b"),
        "registration_id" => json!(42),
        "definition_id" => json!(7),
        "generation" => json!(1),
        "interview_url" | "invite_link" => json!(
            "https://interviews.example/interview/take/04e09fa5-3fb8-4236-b37d-fca2bcd1cb66/?interview_token=AQEB…"
        ),
        "launch_url" => json!("https://interviews.example/start"),
        "expires_at" => json!("2025-02-05T13:12:53.000Z"),
        "result" => json!("ok"),
        "invitation_status" => json!("pending"),
        "email_status" => json!("sent"),
        "status" => json!("active"),
        "colour" => json!("#0b7285"),
        "locale" => json!("en"),
        "reminder_offsets" => json!([86_400, 3_600]),
        "link_ttl_seconds" => json!(1_209_600),
        "reply_to" => json!("people@acme.example"),
        "prefix" => json!("cvk_3f0a5f1e"),
        "key" => json!("cvk_3f0a5f1e…"),
        "role" => json!("staff"),
        "total" => json!(2),
        "processed" | "succeeded" | "sent" | "failed" | "queued" | "deferred" | "suppressed" => json!(0),
        "results_url" => {
            json!("https://interviews.example/api/v1/batches/0197f3c2-6a1e-7c44-9d0b-5f2f6f1c8a10/results")
        }
        "events_url" => {
            json!("https://interviews.example/api/v1/batches/0197f3c2-6a1e-7c44-9d0b-5f2f6f1c8a10/events")
        }
        "currency" => json!("GBP"),
        "phone_number" => json!("07871 532936"),
        _ => return None,
    })
}
