//! `GET /api/v1/operations/{id}` (`CONTRACT.md` section 2).

use axum::Json;
use axum::extract::{Path, State};
use shared::db::submissions;

use super::paging::{self, OfMerchant, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, OneOperation};

/// One operation
///
/// Known from the moment of its 202. A batch's `result` is null: its results are the batch's.
#[utoipa::path(
    get, path = "/api/v1/operations/{id}", tag = "Operations", operation_id = "show_operation",
    params(("id" = Uuid, Path), OfMerchant),
    responses((status = 200, description = "The operation as it stands.", body = OneOperation))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneOperation>, Problem> {
    let mut conn = app.db.read().await?;
    let submission =
        submissions::find(&mut conn, paging::id(&id)?).await?.ok_or(Problem::NotFound(paging::ABSENT))?;
    let is_own = submission.user_id.is_some() && submission.user_id == principal.user().map(|user| user.id);
    if !is_own {
        principal.must_be_staff()?;
    }
    principal.must_see(&mut conn, submission.merchant_id, query.merchant_id()?).await?;
    drop(conn);
    let has_result =
        submission.is_completed() && submission.error.is_none() && !render::is_batch(&submission);
    let result = if has_result {
        match render::result(&app, &principal, &submission).await {
            Ok(result) => Some(result.0),
            // Whom it was about was erased.
            Err(Problem::NotFound(_)) => None,
            Err(problem) => return Err(problem),
        }
    } else {
        None
    };
    Ok(Json(OneOperation { operation: render::operation(&submission, result) }))
}
