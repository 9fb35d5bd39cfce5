//! Accepting work: one transaction, then the ids to the queue, then the wait (`CONTRACT.md` section 2).

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::db::Tx;
use shared::db::idempotency::{self, Scope};
use shared::db::jobs::{self, NewJob};
use shared::db::submissions::{self, Submission};
use shared::domain::{JobKind, Lane};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::idempotency as replay;
use crate::prefer::Preference;
use crate::problem::Problem;
use crate::render;

/// Which answer belongs to a submission when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The source document's own, waited for.
    Document,
    /// The batch, at once: for uploads whose results are read by the page.
    Batch,
}

/// The one job of an operation.
pub(crate) fn job(app: &App, kind: JobKind, payload: &impl Serialize) -> Result<NewJob, Problem> {
    let payload = serde_json::to_string(payload).map_err(|_| Problem::Internal)?;
    let id = app.entropy.uuid(app.clock.now());
    Ok(NewJob { id, lane: Lane::Intake, kind, first_row: 0, payload })
}

/// Accepts a submission with its jobs and answers as the caller prefers.
pub(crate) async fn accept(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
    scope: Option<Scope>,
    submission: Submission,
    work: Vec<NewJob>,
) -> Result<Response, Problem> {
    let preference = Preference::read(headers, app.config.wait);
    if !commit(app, principal, scope.as_ref(), &submission, &work).await? {
        return replay_recorded(app, principal, headers, scope.as_ref(), Form::Document)
            .await?
            .ok_or_else(twin_failed);
    }
    let hand_over = || push(app, work);
    match preference.wait {
        Some(at_most) => {
            let done = app.hub.wait(&app.db, submission, at_most, app.stopping.clone(), hand_over).await;
            answer(app, principal, &done, &preference).await
        }
        None => {
            hand_over();
            answer(app, principal, &submission, &preference).await
        }
    }
}

/// Commits the submission, its jobs and its key together. `false`: the key is taken.
async fn commit(
    app: &App,
    principal: &Principal,
    scope: Option<&Scope>,
    submission: &Submission,
    work: &[NewJob],
) -> Result<bool, Problem> {
    let now = submission.created_at;
    let mut tx = app.db.begin().await?;
    if let Some(scope) = scope
        && !idempotency::claim(&mut tx, scope, Some(submission.id), now).await?
    {
        return Ok(false);
    }
    submissions::insert(&mut tx, submission).await?;
    note(app, principal, &mut tx, submission).await?;
    for job in work {
        jobs::insert(&mut tx, submission.id, submission.merchant_id, job, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Tells the audit log what was asked for, and of what.
pub(crate) async fn note(
    app: &App,
    principal: &Principal,
    tx: &mut Tx,
    submission: &Submission,
) -> Result<(), Problem> {
    let subject = match (submission.meeting_id, submission.registration_id) {
        (Some(interview), _) => format!("interview/{interview}"),
        (None, Some(registration)) => format!("registration/{registration}"),
        (None, None) if render::is_batch(submission) => format!("batch/{}", submission.id),
        (None, None) => format!("operation/{}", submission.id),
    };
    principal.note(tx, &app.clock, submission.merchant_id, &submission.kind, Some(&subject)).await?;
    Ok(())
}

/// Hands the ids to the queue, without waiting for it: what does not arrive, the scheduler pushes again.
pub(crate) fn push(app: &App, work: Vec<NewJob>) {
    let queue = app.queue.clone();
    tokio::spawn(async move {
        for lane in Lane::ALL {
            let ids: Vec<Uuid> = work.iter().filter(|job| job.lane == lane).map(|job| job.id).collect();
            if !ids.is_empty()
                && let Err(error) = queue.push(lane, &ids).await
            {
                tracing::warn!(%lane, jobs = ids.len(), %error, "the queue took no ids; the scheduler will push them");
            }
        }
    });
}

/// The answer of an earlier request under the same key, waited for as a fresh one would be.
pub(crate) async fn replay_recorded(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
    scope: Option<&Scope>,
    form: Form,
) -> Result<Option<Response>, Problem> {
    let Some(record) = replay::recorded(app, scope).await? else { return Ok(None) };
    let Some(id) = record.submission_id else { return Ok(None) };
    let preference = Preference::read(headers, app.config.wait);
    let mut conn = app.db.read().await?;
    let mut submission = submissions::find(&mut conn, id).await?.ok_or(Problem::Internal)?;
    drop(conn);
    let mut response = match (form, preference.wait) {
        (Form::Batch, _) => accepted(app, &submission),
        (Form::Document, wait) => {
            if !submission.is_completed() {
                let at_most = wait.unwrap_or(Duration::ZERO);
                submission = app.hub.wait(&app.db, submission, at_most, app.stopping.clone(), || {}).await;
            }
            // A recorded problem is repeated, too.
            answer(app, principal, &submission, &preference).await.unwrap_or_else(IntoResponse::into_response)
        }
    };
    replay::mark_replayed(&mut response);
    Ok(Some(response))
}

/// 200 with the document's body, or the recorded problem; 202 while it is not done.
async fn answer(
    app: &App,
    principal: &Principal,
    submission: &Submission,
    preference: &Preference,
) -> Result<Response, Problem> {
    let mut response = if submission.is_completed() {
        match &submission.error {
            Some(problem) => return Err(Problem::Recorded(problem.0.clone())),
            None => match render::result(app, principal, submission).await {
                Ok(body) => body.into_response(),
                // Done it is; that its result cannot be read right now must not sound as if it were not.
                Err(Problem::Unavailable) => accepted(app, submission),
                Err(problem) => return Err(problem),
            },
        }
    } else {
        accepted(app, submission)
    };
    preference.write(response.headers_mut());
    Ok(response)
}

/// 202 with where to look.
pub(crate) fn accepted(app: &App, submission: &Submission) -> Response {
    let mut response =
        (StatusCode::ACCEPTED, Json(render::operation_or_batch(app, submission))).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&render::location(submission)) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn twin_failed() -> Problem {
    Problem::Conflict(
        "contended",
        "A request with the same Idempotency-Key is being handled; try again.".to_owned(),
    )
}
