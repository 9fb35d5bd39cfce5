//! `/api/v1/batches`: a bulk registration as it moves.

pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod results;

mod given_terms;
mod rows;
mod upload;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use shared::db::submissions::{self, Submission};
use shared::domain::SubmissionKind;
use utoipa::ToSchema;
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByUuid, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, Batch, OneBatch};

/// A page of batches.
#[derive(Serialize, ToSchema)]
pub(crate) struct Batches {
    batches: Vec<Batch>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// One batch
///
/// Known from the moment of its 202.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}", tag = "Bulk registration", operation_id = "show_batch",
    params(("id" = Uuid, Path), OfMerchant),
    responses((status = 200, description = "The batch as it stands.", body = OneBatch))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneBatch>, Problem> {
    let submission = find(&app, &principal, &id, &query).await?;
    Ok(Json(OneBatch { batch: render::batch(&app, &submission) }))
}

/// A merchant's batches, newest first
#[utoipa::path(
    get, path = "/api/v1/batches", tag = "Bulk registration", operation_id = "list_batches",
    params(OfMerchant, PageByUuid),
    responses((status = 200, description = "A page of them.", body = Batches))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Batches>, Problem> {
    let page = query.page(Uuid::max())?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows =
        submissions::page(&mut conn, merchant.id, SubmissionKind::RegisterUsers, page.start, page.limit + 1)
            .await?;
    let (batches, next_cursor) =
        paging::cut(rows, page.limit, |s| s.id.to_string(), |s| render::batch(&app, &s));
    Ok(Json(Batches { batches, next_cursor }))
}

/// The batch with this id, where this principal may see it.
async fn find(app: &App, principal: &Principal, id: &str, query: &Query) -> Result<Submission, Problem> {
    principal.must_not_be_candidate()?;
    let mut conn = app.db.read().await?;
    let found = submissions::find(&mut conn, paging::id(id)?).await?.filter(render::is_batch);
    let submission = found.ok_or(Problem::NotFound(paging::ABSENT))?;
    principal.must_see(&mut conn, submission.merchant_id, query.merchant_id()?).await?;
    Ok(submission)
}
