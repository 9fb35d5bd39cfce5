//! `/api/v1/registrations`: one person's invitation, and the moves that it can make.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use shared::db::registrations::{self, Filter, Registration};
use shared::db::submissions::Submission;
use shared::db::{definitions, jobs::NewJob};
use shared::domain::{JobKind, Lane, MoveRegistration, SubmissionKind};

use uuid::Uuid;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, OptionalObject};
use crate::idempotency;
use crate::problem::Problem;
use crate::render;
use crate::submit::{self, Form};

/// One registration.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let registration = find(&app, &principal, &id, query.merchant_id()?).await?;
    Ok(Json(json!({ "registration": render::registration(&app, &registration) })))
}

/// A merchant's registrations, newest first, by address, external id and interview.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let limit = query.limit()?;
    let below = query.cursor(i64::MAX)?;
    let interview = query.uuid("interview_id")?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let definition = match interview {
        Some(id) => match definitions::find_invited(&mut conn, merchant.id, id).await? {
            Some(definition) => Some(definition.id),
            None => return Ok(Json(json!({ "registrations": [], "next_cursor": null }))),
        },
        None => None,
    };
    let filter = Filter {
        email_key: query.text("email").map(|email| email.trim().to_lowercase()),
        external_id: query.text("external_id").map(str::to_owned),
        definition,
    };
    let rows = registrations::page(&mut conn, merchant.id, below, limit + 1, &filter).await?;
    Ok(Json(paging::page(
        "registrations",
        rows,
        limit,
        |r| r.id.to_string(),
        |r| render::registration(&app, r),
    )))
}

/// Mails the same link once more.
pub(crate) async fn resend(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::ResendInvitation, "resend").await
}

/// Takes the link back.
pub(crate) async fn revoke(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::RevokeRegistration, "revoke").await
}

/// Mints a new link; the old one is dead.
pub(crate) async fn reissue(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::ReissueLink, "reissue").await
}

/// Marks the interview done.
pub(crate) async fn complete(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::CompleteRegistration, "complete").await
}

async fn act(
    app: App,
    who: Principal,
    id: String,
    headers: HeaderMap,
    body: OptionalObject,
    kind: SubmissionKind,
    verb: &str,
) -> Result<Response, Problem> {
    let mut fields = Fields::new(&body.members, "");
    let (named, send_email) = (fields.uuid("merchant_id"), fields.boolean("send_email"));
    fields.finish()?;
    let registration = find(&app, &who, &id, named).await?;
    let path = format!("/api/v1/registrations/{}/{verb}", registration.id);
    let scope = idempotency::scope(&headers, registration.merchant_id, &path, &body.bytes)?;
    if let Some(replayed) =
        submit::replay_recorded(&app, &who, &headers, scope.as_ref(), Form::Document).await?
    {
        return Ok(replayed);
    }
    let now = app.clock.now();
    let mut submission = Submission::new(app.entropy.uuid(now), registration.merchant_id, kind, now);
    submission.registration_id = Some(registration.id);
    submission.definition_id = Some(registration.definition_id);
    submission.interview_id = Some(registration.interview_id);
    let payload = serde_json::to_string(&MoveRegistration { send_email, notify: false }).map_err(|_| Problem::Internal)?;
    let job = NewJob {
        id: app.entropy.uuid(now),
        lane: Lane::Intake,
        kind: JobKind::MoveRegistration,
        first_row: 0,
        payload,
    };
    submit::accept(&app, &who, &headers, scope, submission, vec![job]).await
}

/// The registration with this id, where this principal may see it.
async fn find(
    app: &App,
    principal: &Principal,
    id: &str,
    named: Option<Uuid>,
) -> Result<Registration, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let found = registrations::find(&mut conn, paging::id(id)?).await?;
    let registration = found.ok_or(Problem::NotFound(paging::ABSENT))?;
    principal.must_see(&mut conn, registration.merchant_id, named).await?;
    Ok(registration)
}
