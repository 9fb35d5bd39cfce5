//! Plain work: reference data and keys are one transaction, with the answer recorded under the request's key.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use shared::db::Tx;
use shared::db::idempotency::{self as records, Scope};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::idempotency;
use crate::problem::Problem;

/// A transaction whose answer belongs to an `Idempotency-Key`, where one was sent.
pub(crate) struct Plain<'a> {
    pub(crate) tx: Tx,
    scope: Option<Scope>,
    app: &'a App,
    principal: &'a Principal,
    /// In whose audit log it is told.
    pub(crate) merchant: Uuid,
}

/// What a request begins with.
pub(crate) enum Begun<'a> {
    /// It was answered before: the same answer again.
    Replayed(Response),
    /// It is new.
    Fresh(Plain<'a>),
}

/// Begins plain work of a merchant (the nil UUID for the service's own).
pub(crate) async fn begin<'a>(
    app: &'a App,
    principal: &'a Principal,
    headers: &HeaderMap,
    merchant: Uuid,
    path: &str,
    body: &[u8],
) -> Result<Begun<'a>, Problem> {
    let scope = idempotency::scope(headers, merchant, path, body)?;
    if let Some(replayed) = replay(app, scope.as_ref()).await? {
        return Ok(Begun::Replayed(replayed));
    }
    let mut tx = app.db.begin().await?;
    if let Some(taken) = &scope
        && !records::claim(&mut tx, taken, None, app.clock.now()).await?
    {
        drop(tx);
        let replayed = replay(app, scope.as_ref()).await?;
        return replayed.map(Begun::Replayed).ok_or_else(|| {
            Problem::Conflict(
                "contended",
                "A request with the same Idempotency-Key is being handled; try again.".to_owned(),
            )
        });
    }
    Ok(Begun::Fresh(Plain { tx, scope, app, principal, merchant }))
}

async fn replay(app: &App, scope: Option<&Scope>) -> Result<Option<Response>, Problem> {
    let Some(record) = idempotency::recorded(app, scope).await? else { return Ok(None) };
    let (Some(status), Some(body)) = (record.status, record.body) else { return Ok(None) };
    let status =
        u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok()).ok_or(Problem::Internal)?;
    let body: Value = serde_json::from_str(&body).map_err(|_| Problem::Internal)?;
    let mut response = match status {
        StatusCode::NO_CONTENT => status.into_response(),
        _ => (status, Json(body)).into_response(),
    };
    idempotency::mark_replayed(&mut response);
    Ok(Some(response))
}

impl Plain<'_> {
    /// Commits, and answers 201 with the body, an object under its singular. `recorded` is what a replay shows: the
    /// same, less any secret. The audit log is told what was made.
    pub(crate) async fn created<T: Serialize>(
        mut self,
        body: T,
        recorded: Option<T>,
    ) -> Result<Response, Problem> {
        self.note_creation(&body).await?;
        if let Some(scope) = &self.scope {
            let kept = recorded.as_ref().unwrap_or(&body);
            let kept = serde_json::to_string(kept).map_err(|_| Problem::Internal)?;
            records::answer(&mut self.tx, scope, StatusCode::CREATED.as_u16(), &kept).await?;
        }
        self.tx.commit().await?;
        Ok((StatusCode::CREATED, Json(body)).into_response())
    }

    /// `{"position": {"id": …}}` is `create_position` of `position/…`.
    async fn note_creation<T: Serialize>(&mut self, body: &T) -> Result<(), Problem> {
        let shown = serde_json::to_value(body).map_err(|_| Problem::Internal)?;
        let (singular, made) = shown.as_object().and_then(|o| o.iter().next()).ok_or(Problem::Internal)?;
        let id = match &made["id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        let (action, subject) = (format!("create_{singular}"), format!("{singular}/{id}"));
        // A merchant's own making is the first entry of its log.
        let merchant = if singular == "merchant" { id.parse().unwrap_or_default() } else { self.merchant };
        let (tx, clock) = (&mut self.tx, &self.app.clock);
        Ok(self.principal.note(tx, clock, merchant, &action, Some(&subject)).await?)
    }

    /// Commits, and answers 204. The audit log is told what was done.
    pub(crate) async fn done(mut self, action: &str, subject: &str) -> Result<Response, Problem> {
        self.principal.note(&mut self.tx, &self.app.clock, self.merchant, action, Some(subject)).await?;
        if let Some(scope) = &self.scope {
            records::answer(&mut self.tx, scope, StatusCode::NO_CONTENT.as_u16(), "null").await?;
        }
        self.tx.commit().await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// The object under its singular, which wraps every body of reference data.
pub(crate) fn unwrapped<'a>(
    members: &'a serde_json::Map<String, Value>,
    singular: &str,
) -> Result<&'a serde_json::Map<String, Value>, Problem> {
    match members.get(singular) {
        Some(Value::Object(inner)) => Ok(inner),
        Some(_) => Err(Problem::invalid(format!("/{singular}"), "must be an object")),
        None => Err(Problem::invalid(format!("/{singular}"), "is required")),
    }
}
