//! Every error that a client can meet, and the one place that turns it into a response (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::db::DbError;
use shared::domain::PROBLEM_TYPES;
use utoipa::ToSchema;

/// One wrong member of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// RFC 6901 pointer into the body, or a parameter's name after `?`.
    pub pointer: String,
    /// What is wrong, in a few words.
    pub detail: String,
}

impl FieldError {
    /// A wrong member.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// What is wrong with a request, or with us.
#[derive(Clone, Debug)]
pub enum Problem {
    /// 400: the request cannot be read.
    Malformed(String),
    /// 401: no credential, or none that counts.
    Unauthorized(&'static str),
    /// 403: the credential may not do this.
    Forbidden(String),
    /// 404: there is no such thing, or it is another merchant's.
    NotFound(&'static str),
    /// 405
    MethodNotAllowed,
    /// 409: the state does not allow it. The first part names the type.
    Conflict(&'static str, String),
    /// 410: the link is no longer valid. The first part names the type.
    Gone(&'static str, String),
    /// 413: the body is larger than this many bytes.
    TooLarge(usize),
    /// 415
    UnsupportedMediaType(String),
    /// 422: the `Idempotency-Key` belongs to a request with another body.
    KeyReused,
    /// 422: values that cannot be.
    Invalid(Vec<FieldError>),
    /// 429: seconds until it may be tried again.
    TooManyRequests(u64),
    /// 503: the database is away.
    Unavailable,
    /// 500: a defect. What it was is in the log only.
    Internal,
    /// A problem that a worker recorded.
    Recorded(Value),
}

impl Problem {
    /// One wrong member.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(..) => StatusCode::CONFLICT,
            Self::Gone(..) => StatusCode::GONE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::KeyReused | Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Recorded(value) => value["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::CONFLICT),
        }
    }

    /// The last part of its `type`, and its title.
    fn name(&self) -> (&str, &'static str) {
        match self {
            Self::Malformed(_) => ("malformed-request", "The request cannot be read"),
            Self::Unauthorized(_) => ("unauthorized", "A valid credential is needed"),
            Self::Forbidden(_) => ("forbidden", "The credential does not allow this"),
            Self::NotFound(_) => ("not-found", "There is no such resource"),
            Self::MethodNotAllowed => ("method-not-allowed", "The path does not take this method"),
            Self::Conflict(name, _) => (name, "The resource's state does not allow this"),
            Self::Gone(name, _) => (name, "The link is no longer valid"),
            Self::TooLarge(_) => ("body-too-large", "The body is too large"),
            Self::UnsupportedMediaType(_) => ("unsupported-media-type", "The body's type is not understood"),
            Self::KeyReused => ("idempotency-key-reused", "The Idempotency-Key belongs to another request"),
            Self::Invalid(_) => ("invalid-values", "Some values cannot be accepted"),
            Self::TooManyRequests(_) => ("too-many-requests", "Too many requests"),
            Self::Unavailable => ("service-unavailable", "The service cannot answer right now"),
            Self::Internal => ("internal-error", "Something went wrong on our side"),
            Self::Recorded(_) => ("conflict", "The resource's state does not allow this"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Malformed(detail)
            | Self::Forbidden(detail)
            | Self::Conflict(_, detail)
            | Self::Gone(_, detail)
            | Self::UnsupportedMediaType(detail) => detail.clone(),
            Self::Unauthorized(detail) | Self::NotFound(detail) => (*detail).to_owned(),
            Self::MethodNotAllowed => "See the Allow header for the methods that this path takes.".to_owned(),
            Self::TooLarge(limit) => format!("The body may have at most {limit} bytes."),
            Self::KeyReused => {
                "Idempotency-Key was used for a request with another body; use a new key for a new request."
                    .to_owned()
            }
            Self::Invalid(errors) => match errors.as_slice() {
                [only] if only.pointer.is_empty() => format!("The body {}.", only.detail),
                [only] => format!("{} {}", only.pointer, only.detail),
                more => format!("{} values cannot be accepted; each is listed in errors.", more.len()),
            },
            Self::TooManyRequests(seconds) => format!("Try again in {seconds} s."),
            Self::Unavailable => {
                "The database does not answer; nothing was done. Try again shortly.".to_owned()
            }
            Self::Internal => "The error is logged under the request id.".to_owned(),
            Self::Recorded(value) => value["detail"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The document, without what only the request knows (`instance`, `request_id`).
    #[must_use]
    pub fn document(&self) -> Value {
        if let Self::Recorded(value) = self {
            return in_order(value);
        }
        let (name, title) = self.name();
        let mut document = json!({
            "type": format!("{PROBLEM_TYPES}{name}"), "title": title, "status": self.status().as_u16(), "detail": self.detail(),
        });
        if let Self::Invalid(errors) = self {
            document["errors"] = json!(errors);
        }
        document
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(source) => {
                tracing::warn!(error = %source, "the database is away");
                Self::Unavailable
            }
            DbError::Contended(_) => {
                Self::Conflict("contended", "Another request is changing the same; try again.".to_owned())
            }
            DbError::Duplicate(_) => {
                Self::Conflict("already-exists", "One with the same identifier exists already.".to_owned())
            }
            DbError::Other(source) => {
                tracing::error!(error = %source, "the database refused a statement");
                Self::Internal
            }
        }
    }
}

/// A stored document in the order in which documents are written: a database keeps its members in another.
pub(crate) fn in_order(stored: &Value) -> Value {
    let mut ordered = serde_json::Map::new();
    for name in ["type", "title", "status", "detail"] {
        ordered.insert(name.to_owned(), stored[name].clone());
    }
    for (name, value) in stored.as_object().into_iter().flatten() {
        ordered.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(ordered)
}

/// A problem that waits for the frame to add the request's part and write it out.
#[derive(Clone, Debug)]
pub(crate) struct Unwritten(pub(crate) Value);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match &self {
            Self::Unauthorized(_) => {
                headers
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"convoke\""));
            }
            Self::TooManyRequests(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response.extensions_mut().insert(Unwritten(self.document()));
        response
    }
}
