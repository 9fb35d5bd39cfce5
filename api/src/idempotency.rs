//! The `Idempotency-Key` header: the same request again gets the same answer (`CONTRACT.md` section 1).

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use sha2::{Digest, Sha256};
use shared::db::idempotency::{self, Record, Scope};
use uuid::Uuid;

use crate::app::App;
use crate::problem::Problem;

/// Reads the header; at most 255 printable ASCII characters.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let printable = |text: &&str| {
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| (0x20..0x7f).contains(&b))
    };
    match value.to_str().ok().filter(printable) {
        Some(text) => Ok(Some(text.to_owned())),
        None => {
            Err(Problem::Malformed("Idempotency-Key must be 1 to 255 printable ASCII characters.".to_owned()))
        }
    }
}

/// The scope of a request's key; `None` where none was sent. `path` is the route's own, so that an alias and a
/// trailing slash are the same.
pub(crate) fn scope(
    headers: &HeaderMap,
    merchant: Uuid,
    path: &str,
    body: &[u8],
) -> Result<Option<Scope>, Problem> {
    let fingerprint = Sha256::digest(body).into();
    Ok(key(headers)?.map(|key| Scope { merchant, path: path.to_owned(), key, fingerprint }))
}

/// What an earlier request under the same key left, if it was the same request.
pub(crate) async fn recorded(app: &App, scope: Option<&Scope>) -> Result<Option<Record>, Problem> {
    let Some(scope) = scope else { return Ok(None) };
    let record = idempotency::find(&mut app.db.read().await?, scope, app.clock.now()).await?;
    match record {
        Some(record) if record.fingerprint != scope.fingerprint => Err(Problem::KeyReused),
        other => Ok(other),
    }
}

/// Says that an answer is a repeated one.
pub(crate) fn mark_replayed(response: &mut Response) {
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
}
