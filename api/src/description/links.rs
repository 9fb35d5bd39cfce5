//! Links from an answer to what can be done with the things in it: the id that an answer gives under `registration` (or
//! in `registrations`) is the `{id}` of every path under `/api/v1/registrations/{id}`.

use serde_json::json;
use utoipa::Modify;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::schema::{Array, ArrayItems, Schema};
use utoipa::openapi::{Components, OpenApi, RefOr, Response};

use super::common::{described, named, operations};

/// Adds the links.
pub(super) struct Links;

/// An operation on one thing of a collection, which is called as the path's last part before `/{id}`.
struct OnOne {
    collection: String,
    operation: String,
}

impl Modify for Links {
    fn modify(&self, openapi: &mut OpenApi) {
        let targets: Vec<OnOne> = described(openapi)
            .into_iter()
            .filter_map(|(path, _, o)| {
                let (before, _) = path.strip_prefix("/api/v1/")?.split_once("/{id}")?;
                Some(OnOne { collection: before.replace('-', "_"), operation: o.operation_id.clone()? })
            })
            .collect();
        let components = openapi.components.take().unwrap_or_default();
        for (_, _, operation) in operations(openapi) {
            for (status, answer) in &mut operation.responses.responses {
                if let RefOr::T(answer) = answer
                    && status.starts_with('2')
                {
                    link(answer, &targets, &components);
                }
            }
        }
        openapi.components = Some(components);
    }
}

fn link(answer: &mut Response, targets: &[OnOne], components: &Components) {
    let schema = answer.content.get("application/json").and_then(|content| content.schema.as_ref());
    let Some(Schema::Object(object)) = schema.and_then(|schema| named(schema, components)) else { return };
    let Some((member, inner)) = object.properties.iter().next() else { return };
    let id = match named(inner, components) {
        Some(Schema::Object(inner)) if inner.properties.contains_key("id") => format!("{member}/id"),
        Some(Schema::Array(Array { items: ArrayItems::RefOrSchema(_), .. })) => format!("{member}/0/id"),
        _ => return,
    };
    for target in targets.iter().filter(|target| is_of(member, &target.collection)) {
        answer.links.insert(target.operation.clone(), to(target, &id).into());
    }
}

/// Whether a member holds one thing of a collection, or a list of them.
fn is_of(member: &str, collection: &str) -> bool {
    ["", "s", "es"].iter().any(|ending| collection.strip_suffix(ending) == Some(member))
}

fn to(target: &OnOne, id: &str) -> Link {
    // The library writes `operation_id`; OpenAPI's name is another.
    let operation = Extensions::from_iter([("operationId", target.operation.as_str())]);
    LinkBuilder::new()
        .parameter("id", json!(format!("$response.body#/{id}")))
        .extensions(Some(operation))
        .build()
}
