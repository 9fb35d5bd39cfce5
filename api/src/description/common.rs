//! What operations of a kind share, told once: how they may be refused, and the headers that they take and give.

use utoipa::Modify;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterIn, PathItem};
use utoipa::openapi::{Components, Content, OpenApi, RefOr, Response, Schema};

use super::{headers, problems};

/// Adds to each operation what its kind implies.
pub(super) struct Common;

impl Modify for Common {
    fn modify(&self, openapi: &mut OpenApi) {
        let mut components = openapi.components.take().unwrap_or_default();
        components.schemas.extend(problems::schemas());
        for (path, method, operation) in operations(openapi) {
            complete(&Kind::of(path, &method, operation, &components), operation);
        }
        for (name, refusal) in problems::refusals() {
            components.responses.insert(name.to_owned(), refusal.into());
        }
        openapi.components = Some(components);
    }
}

/// Every operation with its path and method.
pub(super) fn operations(openapi: &mut OpenApi) -> Vec<(&str, HttpMethod, &mut Operation)> {
    openapi.paths.paths.iter_mut().flat_map(|(path, item)| methods(path, item)).collect()
}

/// The same, to read.
pub(super) fn described(openapi: &OpenApi) -> Vec<(&str, HttpMethod, &Operation)> {
    let items = openapi.paths.paths.iter();
    let all = items.flat_map(|(path, item)| {
        [
            (HttpMethod::Get, item.get.as_ref()),
            (HttpMethod::Put, item.put.as_ref()),
            (HttpMethod::Post, item.post.as_ref()),
            (HttpMethod::Patch, item.patch.as_ref()),
            (HttpMethod::Delete, item.delete.as_ref()),
        ]
        .into_iter()
        .filter_map(move |(method, operation)| Some((path.as_str(), method, operation?)))
    });
    all.collect()
}

/// The schema that a reference names.
pub(super) fn named<'a>(schema: &'a RefOr<Schema>, components: &'a Components) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(reference) => {
            let key = reference.ref_location.rsplit('/').next().unwrap_or_default();
            components.schemas.get(key).and_then(|schema| named(schema, components))
        }
    }
}

/// A method as it is written.
pub(super) fn name_of(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Put => "PUT",
        HttpMethod::Post => "POST",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        _ => "",
    }
}

fn methods<'a>(path: &'a str, item: &'a mut PathItem) -> Vec<(&'a str, HttpMethod, &'a mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((path, method, operation?)))
    .collect()
}

/// What is decided by.
struct Kind {
    is_get: bool,
    is_post: bool,
    /// It needs no credential.
    is_open: bool,
    /// Whether the process lives is told even when nothing else works.
    is_health: bool,
    /// It answers 200, or 202 when the work is not done in time.
    is_work: bool,
    has_body: bool,
    /// It reads a link's token for another program.
    reads_a_link: bool,
    has_parameters: bool,
    /// It names something that may not be there: in its path, or a merchant.
    names_something: bool,
    /// Its answer is JSON, which has an `ETag`.
    is_tagged: bool,
}

impl Kind {
    fn of(path: &str, method: &HttpMethod, operation: &Operation, components: &Components) -> Self {
        let answers = &operation.responses.responses;
        let parameters = || operation.parameters.iter().flatten();
        let has_body = operation.request_body.is_some();
        Self {
            is_get: *method == HttpMethod::Get,
            is_post: *method == HttpMethod::Post,
            is_open: operation.security.is_some(),
            is_health: path.ends_with('z'),
            is_work: answers.contains_key("200") && answers.contains_key("202"),
            has_body,
            reads_a_link: path.contains("/tokens/"),
            has_parameters: parameters().any(|p| p.parameter_in == ParameterIn::Query),
            names_something: path.contains('{')
                || parameters().any(|p| p.name == "merchant_id")
                || (has_body && names_a_merchant(operation, components)),
            is_tagged: answers.get("200").is_some_and(|answer| match answer {
                RefOr::T(answer) => answer.content.contains_key("application/json"),
                RefOr::Ref(_) => false,
            }),
        }
    }

    /// The refusals: status, and name under `components/responses`.
    fn refusals(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let changes = !self.is_get;
        let asks = !self.is_open;
        [
            (self.has_body || self.is_post, "400", "Malformed"),
            (asks, "401", "Unauthorized"),
            (asks, "403", "Forbidden"),
            (self.names_something, "404", "NotFound"),
            (asks && changes, "409", "Conflict"),
            (self.reads_a_link, "410", "Gone"),
            (self.has_body, "413", "TooLarge"),
            (self.has_body, "415", "UnsupportedMediaType"),
            (asks && (self.has_body || self.has_parameters || self.is_post), "422", "Invalid"),
            (asks, "429", "TooManyRequests"),
            (!self.is_health, "500", "Internal"),
            (!self.is_health, "503", "Unavailable"),
        ]
        .into_iter()
        .filter_map(|(given, status, name)| given.then_some((status, name)))
    }
}

/// Whether the body has a `merchant_id`, at its top or in the object that it wraps.
fn names_a_merchant(operation: &Operation, components: &Components) -> bool {
    let contents = operation.request_body.iter().flat_map(|body| body.content.values());
    contents.filter_map(|content| content.schema.as_ref()).any(|schema| holds_a_merchant(schema, components))
}

fn holds_a_merchant(schema: &RefOr<Schema>, components: &Components) -> bool {
    match named(schema, components) {
        Some(Schema::Object(object)) => {
            object.properties.contains_key("merchant_id")
                || object.properties.values().any(|inner| holds_a_merchant(inner, components))
        }
        _ => false,
    }
}

/// A body that may be left out is absent then, not null.
fn without_null(content: &mut Content) {
    if let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
        && let Some(named) = either.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
    {
        content.schema = Some(named.clone());
    }
}

fn complete(kind: &Kind, operation: &mut Operation) {
    if let Some(body) = operation.request_body.as_mut().filter(|body| body.required.is_none()) {
        body.content.values_mut().for_each(without_null);
    }
    let mut parameters = operation.parameters.take().unwrap_or_default();
    if kind.is_post && !kind.is_open {
        parameters.push(headers::idempotency_key());
    }
    if kind.is_work {
        parameters.push(headers::prefer());
    }
    if kind.is_get && kind.is_tagged {
        parameters.push(headers::if_none_match());
        let unchanged = Response::new("It did not change since the `ETag` that was sent.");
        operation.responses.responses.entry("304".to_owned()).or_insert_with(|| unchanged.into());
    }
    operation.parameters = Some(parameters).filter(|parameters| !parameters.is_empty());
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer {
            let given = given(kind, status);
            let given = given.into_iter().map(|(name, header)| (name.to_owned(), header));
            answer.headers.extend(given);
        }
    }
    for (status, name) in kind.refusals() {
        let refusal = || RefOr::Ref(problems::refusal(name));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(refusal);
    }
}

/// The headers of an operation's own answers.
fn given(kind: &Kind, status: &str) -> Vec<(&'static str, Header)> {
    let mut given = headers::of_every_answer();
    if !kind.is_open {
        given.extend(headers::of_rates());
    }
    if kind.is_get && kind.is_tagged && matches!(status, "200" | "304") {
        given.push(headers::etag());
    }
    if kind.is_post && !kind.is_open && status.starts_with('2') {
        given.push(headers::replayed());
    }
    if kind.is_work && status.starts_with('2') {
        given.push(headers::applied());
    }
    if status == "202" {
        given.push(headers::location("Where it is polled."));
        given.push(headers::retry_after());
    }
    given
}
