//! How submissions, rows and registrations look from outside. Key order is the contract's.

mod batch;
mod link;
mod registration;
mod rows;

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use shared::db::batch_rows::{self, Filter};
use shared::db::registrations;
use shared::db::submissions::Submission;
use shared::domain::{SubmissionKind, rfc3339_millis};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::batch::{Batch, OneBatch, batch};
pub(crate) use self::link::{LinkParts, link};
pub(crate) use self::registration::{OneRegistration, RegistrationShown, registration};
pub(crate) use self::rows::{BatchLinks, ResultRow, UserResult};
use crate::app::App;
use crate::auth::Principal;
use crate::description::RecordedProblem;
use crate::problem::{Problem, in_order};
use crate::routes::automated_interviews;

/// Whom an answer was about was erased since.
const GONE: Problem = Problem::NotFound("Whom this was about was erased.");

/// The 200 body of a completed submission.
pub(crate) async fn result(
    app: &App,
    principal: &Principal,
    submission: &Submission,
) -> Result<Json<Value>, Problem> {
    if let Some(kept) = &submission.result {
        return serde_json::from_str(kept).map(Json).map_err(|_| Problem::Internal);
    }
    match submission.kind.parse() {
        Ok(SubmissionKind::InviteCandidate) => automated_interviews::answer(app, principal, submission).await,
        Ok(SubmissionKind::RegisterUsers) => {
            let links = BatchLinks::of(app, principal, submission).await?;
            let mut conn = app.db.read().await?;
            let rows = batch_rows::page(&mut conn, submission.id, -1, i64::MAX, i64::MAX, &Filter::default())
                .await?;
            let users: Vec<UserResult> = rows.into_iter().map(|row| links.user(app, row)).collect();
            Ok(Json(serde_json::to_value(users).map_err(|_| Problem::Internal)?))
        }
        Ok(
            SubmissionKind::ResendInvitation
            | SubmissionKind::RevokeRegistration
            | SubmissionKind::ReissueLink
            | SubmissionKind::CompleteRegistration,
        ) => {
            let id = submission.registration_id.ok_or(GONE)?;
            let row = registrations::find(&mut app.db.read().await?, id).await?.ok_or(GONE)?;
            let answer = OneRegistration { registration: registration(app, &row) };
            Ok(Json(serde_json::to_value(answer).map_err(|_| Problem::Internal)?))
        }
        // Kept above, until one of its people was erased.
        Ok(_) => Err(GONE),
        Err(_) => Err(Problem::Internal),
    }
}

/// Where a submission is polled.
pub(crate) fn location(submission: &Submission) -> String {
    if is_batch(submission) {
        format!("/api/v1/batches/{}", submission.id)
    } else {
        format!("/api/v1/operations/{}", submission.id)
    }
}

/// Whether a submission is a batch.
pub(crate) fn is_batch(submission: &Submission) -> bool {
    submission.kind == SubmissionKind::RegisterUsers.as_str()
}

/// The 202 body.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Accepted {
    Batch(OneBatch),
    Operation(OneOperation),
}

/// The 202 body of a submission.
pub(crate) fn operation_or_batch(app: &App, submission: &Submission) -> Accepted {
    if is_batch(submission) {
        Accepted::Batch(OneBatch { batch: batch(app, submission) })
    } else {
        Accepted::Operation(OneOperation { operation: operation(submission, None) })
    }
}

/// Accepted work: known from the moment of its 202.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    id: Uuid,
    #[schema(format = "operation-kind")]
    kind: String,
    #[schema(format = "operation-status")]
    status: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    /// The 200 body, once it succeeded; always null for a batch, whose results are read at its `results_url`.
    #[schema(required, value_type = Option<Object>)]
    result: Option<Value>,
    /// Why it failed, where it did.
    #[schema(required, value_type = Option<RecordedProblem>)]
    error: Option<Value>,
}

/// One operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneOperation {
    pub(crate) operation: Operation,
}

/// The operation object; `result` is the 200 body, where there is one.
pub(crate) fn operation(s: &Submission, result: Option<Value>) -> Operation {
    Operation {
        id: s.id,
        kind: s.kind.clone(),
        status: s.status.clone(),
        created_at: rfc3339_millis(s.created_at),
        completed_at: s.completed_at.map(rfc3339_millis),
        result,
        error: s.error.as_ref().map(|error| in_order(error)),
    }
}
