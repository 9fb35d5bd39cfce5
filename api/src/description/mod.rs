//! The description of the API (OpenAPI 3.1), made from the routes themselves. Each handler says what is its own; what
//! all operations of a kind share is added here, in one place:
//!
//! - `common`: parameters, headers and refusals, by the kind of an operation;
//! - `examples`: an example for what has none of its own;
//! - `headers`: the headers' own schemas;
//! - `problems`: the problem document, and an example of each refusal;
//! - `values`: schemas that no Rust type says;
//! - `links`: from an answer to what can be done with what is in it;
//! - `page`: the description as a page for people;
//! - `words`: what a schema's house format stands for: patterns, and the words of the domain.

mod common;
mod examples;
mod headers;
mod links;
mod page;
mod problems;
mod values;
mod words;

use std::sync::LazyLock;

use utoipa::Modify;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Server};

pub(crate) use self::problems::RecordedProblem;
pub(crate) use self::values::{Flag, TimeZone, anything};
use crate::routes;

/// The subjects, in the order in which a reader meets them.
const TAGS: &[(&str, &str)] = &[
    (
        "Bulk registration",
        "Register many candidates for an interview at once, and follow what becomes of each.",
    ),
    ("Registrations", "One person's invitation: its state, its link, and the moves that it can make."),
    ("Links", "What a candidate opens, and what other programs read and redeem."),
    (
        "Interviews",
        "Interviews between two people, made and moved by the interviewer or by staff for their side.",
    ),
    ("Own interviews", "The same, for the one who is interviewed: with a user's token."),
    ("Invites", "One candidate's invitation to an automated interview."),
    ("Operations", "Work that was accepted, from its 202 to its result."),
    ("Merchants", "Whose candidates these are."),
    ("Interview definitions", "What candidates are invited to, and the positions that point there."),
    ("Users", "Staff, and the people whom they interview."),
    ("Interviewees", "Users as those who are interviewed."),
    ("Tokens", "Tokens of users, refused before they expire."),
    ("People", "Everything that is kept of a person, shown or erased."),
    ("Audit", "Who did what, when, from where."),
    ("API keys", "Credentials of a merchant's programs: made, shown once, revoked."),
    ("Mail", "What was mailed, and what became of it."),
    ("Health", "Whether the process lives, and whether it can work."),
    ("Description", "This description."),
];

const ABOUT: &str = "\
Invites people to interviews: one request registers many, gives each a one-time link, mails it, and tells what became \
of every single one.

**Credentials.** A bearer token, or an API key in one of three headers. With the service credential `merchant_id` is \
required; with any other it may be left out.

**Work.** A `POST` that starts work is committed first. It is answered 200 with the result when that is there in time \
(`Prefer: wait=N`), else 202 with the `Location` to poll. Send an `Idempotency-Key`, and sending the request again is safe.

**Errors** are problem documents (RFC 9457). Decide by the last part of `type`. A path that exists, asked with another \
method, answers 405 with `Allow`. Unknown members and parameters are ignored; a trailing slash is accepted everywhere.";

/// What the description says before any path: the routes add theirs to it.
pub(crate) fn beginning() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Convoke")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let mut components = Components::new();
    for (name, scheme) in credentials() {
        components.add_security_scheme(name, scheme);
    }
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(Paths::new())
        .components(Some(components))
        .security(Some(["bearer", "apiKey", "xApiKey"].map(|name| SecurityRequirement::new(name, [""; 0]))))
        .tags(Some(TAGS.iter().map(tag)))
        .build()
}

fn tag((name, about): &(&str, &str)) -> Tag {
    TagBuilder::new().name(*name).description(Some(*about)).build()
}

fn credentials() -> [(&'static str, SecurityScheme); 3] {
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("A user's or the service's token, or an API key (`cvk_…`).".to_owned());
    let header =
        |name| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, "An API key.")));
    [("bearer", SecurityScheme::Http(bearer)), ("apiKey", header("apiKey")), ("xApiKey", header("X-API-Key"))]
}

/// The whole description.
pub(crate) static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = routes::described().into_openapi();
    common::Common.modify(&mut document);
    words::Words.modify(&mut document);
    examples::Examples.modify(&mut document);
    links::Links.modify(&mut document);
    document
});

/// The description as `GET /openapi.json` serves it.
static JSON: LazyLock<String> = LazyLock::new(|| {
    let mut text = DOCUMENT.to_pretty_json().expect("a document of maps and texts always serializes");
    text.push('\n');
    text
});

pub(crate) use self::page::{CSP, HTML};

/// The description as JSON, the same for every process of this version.
#[must_use]
pub fn json() -> &'static str {
    &JSON
}
