//! The problem document (RFC 9457), and each refusal with an example that the code itself wrote.

use serde_json::{Value, json};
use utoipa::openapi::{Content, Ref, Response, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::headers;
use crate::problem::{FieldError, Problem};

/// What went wrong: RFC 9457. Decide by the last part of `type`; `title` and `detail` are for people.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "described here, written by the frame")]
struct ProblemDocument {
    /// A stable URI that ends in the problem's name.
    #[schema(format = "uri")]
    r#type: String,
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: i32,
    detail: String,
    /// Of a 422: everything that is wrong.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
    /// The path that was asked.
    instance: String,
    /// Under which the log knows this request.
    request_id: String,
    /// The same as `detail`, on JobMojito's paths, whose clients read it.
    #[schema(nullable = false)]
    error: Option<String>,
    /// The last part of `type`, on JobMojito's paths, whose clients read it.
    #[schema(nullable = false)]
    name: Option<String>,
}

/// A problem that work met after its 202. It knows no request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, written by a worker")]
pub(crate) struct RecordedProblem {
    /// A stable URI that ends in the problem's name.
    #[schema(format = "uri")]
    r#type: String,
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: i32,
    detail: String,
}

/// The schemas that stand under `components`.
pub(super) fn schemas() -> Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = vec![("Problem".to_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    schemas
}

/// A refusal by its name under `components/responses`.
pub(super) fn refusal(name: &str) -> Ref {
    Ref::from_response_name(name)
}

/// Every refusal that more than one operation can give: name, what it means, and an example.
pub(super) fn refusals() -> Vec<(&'static str, Response)> {
    let conflict = "One with the same identifier exists already.".to_owned();
    let invalid = vec![
        FieldError::new("/merchant_id", "is required with a service credential"),
        FieldError::new("/interview_id", "must be a UUID"),
    ];
    [
        (
            "Malformed",
            "The request cannot be read.",
            Problem::Malformed("The body is not valid JSON: EOF.".into()),
        ),
        (
            "Unauthorized",
            "No credential, or none that counts.",
            Problem::Unauthorized("The credential is not valid: it is unknown, mistyped or revoked."),
        ),
        (
            "Forbidden",
            "The credential may not do this, or `merchant_id` names another merchant.",
            Problem::Forbidden("merchant_id is another merchant's; leave it out, or name your own.".into()),
        ),
        (
            "NotFound",
            "There is no such thing, or it belongs to another merchant.",
            Problem::NotFound(crate::routes::paging::ABSENT),
        ),
        ("Conflict", "The state does not allow it.", Problem::Conflict("already-exists", conflict)),
        (
            "Gone",
            "The link is used, expired, revoked or unknown.",
            Problem::Gone("link-used", "The link was used before; a link can be used once.".into()),
        ),
        ("TooLarge", "The body is too large.", Problem::TooLarge(crate::body::ORDINARY)),
        (
            "UnsupportedMediaType",
            "The body is of another type, or compressed.",
            Problem::UnsupportedMediaType(
                "Send the body as application/json, and say so in Content-Type.".into(),
            ),
        ),
        (
            "Invalid",
            "Values that cannot be, all of them; or the `Idempotency-Key` belongs to another request.",
            Problem::Invalid(invalid),
        ),
        ("TooManyRequests", "More requests than the credential has.", Problem::TooManyRequests(1)),
        ("Internal", "A defect, logged under the request id.", Problem::Internal),
        ("Unavailable", "The database is away; nothing was done.", Problem::Unavailable),
    ]
    .into_iter()
    .map(|(name, about, problem)| (name, response(about, &problem)))
    .collect()
}

fn response(about: &str, problem: &Problem) -> Response {
    let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
    content.example = Some(example(problem));
    let mut response =
        ResponseBuilder::new().description(about).content("application/problem+json", content).build();
    response
        .headers
        .extend(headers::of_every_answer().into_iter().map(|(name, header)| (name.to_owned(), header)));
    let own = match problem {
        Problem::Unauthorized(_) => Some(headers::challenge()),
        Problem::TooManyRequests(_) | Problem::Unavailable => Some(headers::retry_after()),
        _ => None,
    };
    response.headers.extend(own.map(|(name, header)| (name.to_owned(), header)));
    response
}

fn example(problem: &Problem) -> Value {
    let mut document = problem.document();
    document["instance"] = json!("/api/v1/registrations/7");
    document["request_id"] = json!("01a1fb9c-8c62-740e-be15-2dc7096ae3a9");
    document
}
