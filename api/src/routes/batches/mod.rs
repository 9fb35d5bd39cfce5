//! `/api/v1/batches`: a bulk registration as it moves.

pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod results;

mod given_terms;
mod rows;
mod upload;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use shared::db::submissions::{self, Submission};
use shared::domain::SubmissionKind;
use uuid::Uuid;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render;

/// One batch.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let submission = find(&app, &principal, &id, &query).await?;
    Ok(Json(json!({ "batch": render::batch(&app, &submission) })))
}

/// A merchant's batches, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let limit = query.limit()?;
    let below = query.cursor(Uuid::max())?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let rows =
        submissions::page(&mut conn, merchant.id, SubmissionKind::RegisterUsers, below, limit + 1).await?;
    Ok(Json(paging::page("batches", rows, limit, |s| s.id.to_string(), |s| json!(render::batch(&app, s)))))
}

/// The batch with this id, where this principal may see it.
async fn find(app: &App, principal: &Principal, id: &str, query: &Query) -> Result<Submission, Problem> {
    let mut conn = app.db.read().await?;
    let found = submissions::find(&mut conn, paging::id(id)?).await?.filter(render::is_batch);
    let submission = found.ok_or(Problem::NotFound(paging::ABSENT))?;
    principal.must_see(&mut conn, submission.merchant_id, query.merchant_id()?).await?;
    Ok(submission)
}
