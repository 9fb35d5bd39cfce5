//! The page's sections, a subject each, and in them the operations as they are shown.

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Components, Content, OpenApi, RefOr, Required, Response};

use super::code;
use super::members::{self, Member};
use crate::description::common::{described, name_of};

/// A subject.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    name: String,
    slug: String,
    about: Option<String>,
    operations: Vec<Shown>,
}

/// An operation.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    method: &'static str,
    path: String,
    is_open: bool,
    summary: String,
    about: Option<String>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    request: String,
    answers: Vec<Answer>,
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct Parameter {
    name: String,
    place: &'static str,
    is_required: bool,
    kind: String,
    about: Option<String>,
}

#[derive(Debug, Serialize)]
struct Body {
    is_required: bool,
    kinds: Vec<String>,
    members: Vec<Member>,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: String,
    about: String,
    kinds: Vec<String>,
    headers: Vec<String>,
    members: Vec<Member>,
    example: Option<String>,
}

/// A refusal, told once at the end of the page.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    status: String,
    slug: String,
    about: String,
    example: Option<String>,
}

/// The sections in the order of the tags.
pub(super) fn of(document: &OpenApi) -> Vec<Section> {
    let none = Components::default();
    let components = document.components.as_ref().unwrap_or(&none);
    let tags = document.tags.iter().flatten();
    let sections = tags.map(|tag| Section {
        name: tag.name.clone(),
        slug: slug(&tag.name),
        about: tag.description.clone(),
        operations: described(document)
            .into_iter()
            .filter(|(_, _, operation)| operation.tags.iter().flatten().any(|name| *name == tag.name))
            .map(|(path, method, operation)| shown(path, name_of(&method), operation, components))
            .collect(),
    });
    sections.filter(|section| !section.operations.is_empty()).collect()
}

/// What more than one operation can refuse with.
pub(super) fn refusals(document: &OpenApi) -> Vec<Refusal> {
    let responses = document.components.iter().flat_map(|components| &components.responses);
    let mut refusals: Vec<Refusal> = responses
        .filter_map(|(name, response)| match response {
            RefOr::T(response) => Some(refusal(name, response)),
            RefOr::Ref(_) => None,
        })
        .collect();
    refusals.sort_by(|a, b| a.status.cmp(&b.status));
    refusals
}

fn refusal(name: &str, response: &Response) -> Refusal {
    let example = response.content.values().find_map(|content| content.example.as_ref());
    let status = example.and_then(|example| example["status"].as_u64()).unwrap_or_default();
    Refusal {
        status: status.to_string(),
        slug: format!("refused-{}", slug(name)),
        about: response.description.clone(),
        example: example.map(code::json),
    }
}

fn shown(path: &str, method: &'static str, operation: &Operation, components: &Components) -> Shown {
    let responses = &operation.responses.responses;
    Shown {
        id: operation.operation_id.clone().unwrap_or_default(),
        method,
        path: code::escape(path),
        is_open: operation.security.is_some(),
        summary: operation.summary.clone().unwrap_or_default(),
        about: operation.description.clone(),
        parameters: operation.parameters.iter().flatten().map(|p| parameter(p, components)).collect(),
        body: body(operation, components),
        request: request(path, method, operation),
        answers: responses
            .iter()
            .filter_map(|(status, response)| match response {
                RefOr::T(response) => Some(answer(status, response, components)),
                RefOr::Ref(_) => None,
            })
            .collect(),
        refusals: responses
            .iter()
            .filter_map(|(status, response)| match response {
                RefOr::Ref(named) => {
                    let name = named.ref_location.rsplit('/').next().unwrap_or_default();
                    let Some(RefOr::T(response)) = components.responses.get(name) else { return None };
                    Some(Refusal { status: status.clone(), ..refusal(name, response) })
                }
                RefOr::T(_) => None,
            })
            .collect(),
    }
}

fn parameter(p: &utoipa::openapi::path::Parameter, components: &Components) -> Parameter {
    Parameter {
        name: p.name.clone(),
        place: match p.parameter_in {
            ParameterIn::Path => "path",
            ParameterIn::Query => "query",
            ParameterIn::Header => "header",
            ParameterIn::Cookie => "cookie",
        },
        is_required: p.required == Required::True,
        kind: p.schema.as_ref().map(|schema| members::kind(schema, components)).unwrap_or_default(),
        about: p.description.clone(),
    }
}

fn body(operation: &Operation, components: &Components) -> Option<Body> {
    let body = operation.request_body.as_ref()?;
    let (kinds, members) = contents(body.content.iter(), components);
    Some(Body { is_required: body.required == Some(Required::True), kinds, members })
}

fn contents<'a>(
    contents: impl Iterator<Item = (&'a String, &'a Content)>,
    components: &Components,
) -> (Vec<String>, Vec<Member>) {
    let mut kinds = Vec::new();
    let mut all = Vec::new();
    for (kind, content) in contents {
        kinds.push(kind.clone());
        if let Some(schema) = content.schema.as_ref().filter(|_| all.is_empty()) {
            all = members::of(schema, components, 0);
        }
    }
    (kinds, all)
}

fn answer(status: &str, response: &Response, components: &Components) -> Answer {
    let (kinds, members) = contents(response.content.iter(), components);
    let example = response.content.values().find_map(|content| content.example.as_ref());
    Answer {
        status: status.to_owned(),
        about: response.description.clone(),
        kinds,
        headers: response
            .headers
            .keys()
            .filter(|name| !name.starts_with("RateLimit") && *name != "x-request-id")
            .cloned()
            .collect(),
        members,
        example: example.map(in_code),
    }
}

fn in_code(example: &Value) -> String {
    match example {
        Value::String(text) => code::escape(text.trim_end()),
        other => code::json(other),
    }
}

/// The request as a command that can be copied.
fn request(path: &str, method: &str, operation: &Operation) -> String {
    let required = |p: &&utoipa::openapi::path::Parameter| {
        p.parameter_in == ParameterIn::Query && p.required == Required::True
    };
    let query: Vec<String> =
        operation.parameters.iter().flatten().filter(required).map(|p| format!("{}=…", p.name)).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let verb = if method == "GET" { String::new() } else { format!("-X {method} ") };
    let url = code::escape(&format!("{path}{mark}{}", query.join("&")));
    let mut lines = vec![format!("curl {verb}\"$B{url}\"")];
    if operation.security.is_none() {
        lines.push("  -H \"Authorization: Bearer $KEY\"".to_owned());
    }
    let content = operation.request_body.iter().flat_map(|body| body.content.iter()).next();
    if let Some((kind, content)) = content {
        lines.push(format!("  -H 'Content-Type: {kind}'"));
        if let Some(example) = &content.example {
            lines.push(format!("  -d '{}'", in_code(example)));
        }
    }
    lines.join(" \\\n")
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
