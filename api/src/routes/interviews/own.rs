//! `/api/v1/users/interviews`: what an interviewee's own user sees and does.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::db::interviews::{self, Filter, Interview};
use shared::domain::{InterviewAnswer, InterviewMove, Side};

use super::moves::{AmendmentBody, Asked, InterviewMoveBody};
use super::{Interviews, Wanted, wanted};
use crate::app::App;
use crate::auth::{Principal, another_merchant};
use crate::body::OptionalObject;
use crate::problem::Problem;
use crate::render::OneOperation;
use crate::routes::paging::{self, ABSENT, PageByNumber, Query};
use crate::routes::together::Together;

/// The interviews of the user who asks
///
/// As interviewee, newest first.
#[utoipa::path(
    get, path = "/api/v1/users/interviews", tag = "Own interviews", operation_id = "list_own_interviews",
    params(Wanted, PageByNumber),
    responses((status = 200, description = "A page of interviews.", body = Interviews))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Interviews>, Problem> {
    let user = principal.must_be_user()?;
    let (page, filter) = (query.page(i64::MAX), wanted(&query)).together()?;
    let filter = Filter { driver: Some(user.id), ..filter };
    super::shown(&mut app.db.read().await?, user.merchant_id, &page, &filter).await
}

/// One interview of the user who asks
#[utoipa::path(
    get, path = "/api/v1/users/interviews/{id}", tag = "Own interviews", operation_id = "show_own_interview",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The interview.", body = InterviewAnswer))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<InterviewAnswer>, Problem> {
    Ok(Json(InterviewAnswer::from(&find(&app, &principal, &id).await?)))
}

/// Propose other times
///
/// The times stay as they are until the other side accepts.
#[utoipa::path(
    post, path = "/api/v1/users/interviews/{id}/amend", tag = "Own interviews", operation_id = "amend_own_interview",
    params(("id" = i64, Path)), request_body = AmendmentBody,
    responses(
        (status = 200, description = "The interview, amended.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn amend(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::Amend).await
}

/// Agree to the times
///
/// To the first ones, or to those that the other side proposed. Refused with `interviewer-busy` where the
/// interviewer has another scheduled interview then.
#[utoipa::path(
    post, path = "/api/v1/users/interviews/{id}/accept", tag = "Own interviews", operation_id = "accept_own_interview",
    params(("id" = i64, Path)), request_body = Option<InterviewMoveBody>,
    responses(
        (status = 200, description = "The interview, scheduled.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn accept(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::Accept).await
}

/// Decline
///
/// The interviewee counts as rejected, too.
#[utoipa::path(
    post, path = "/api/v1/users/interviews/{id}/reject", tag = "Own interviews", operation_id = "reject_own_interview",
    params(("id" = i64, Path)), request_body = Option<InterviewMoveBody>,
    responses(
        (status = 200, description = "The interview, rejected.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn reject(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::Reject).await
}

/// Call it off
///
/// Both are told, and their calendars.
#[utoipa::path(
    post, path = "/api/v1/users/interviews/{id}/cancel", tag = "Own interviews", operation_id = "cancel_own_interview",
    params(("id" = i64, Path)), request_body = Option<InterviewMoveBody>,
    responses(
        (status = 200, description = "The interview, cancelled.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn cancel(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::Cancel).await
}

async fn act(
    app: App,
    who: Principal,
    id: String,
    headers: HeaderMap,
    body: OptionalObject,
    to: InterviewMove,
) -> Result<Response, Problem> {
    let interview = find(&app, &who, &id).await?;
    let asked = Asked::read(&body, to)?;
    if asked.merchant_id.is_some_and(|named| named != interview.merchant_id) {
        return Err(another_merchant());
    }
    let path = format!("/api/v1/users/interviews/{}/{}", interview.id, to.as_str());
    asked.submit(&app, &who, &headers, &path, &body, &interview, Side::Interviewee).await
}

/// The interview, where it is the user's own; anybody else's is absent.
async fn find(app: &App, who: &Principal, id: &str) -> Result<Interview, Problem> {
    let user = who.must_be_user()?;
    let found = interviews::find(&mut app.db.read().await?, paging::id(id)?).await?;
    found
        .filter(|i| i.driver_id == user.id && i.merchant_id == user.merchant_id)
        .ok_or(Problem::NotFound(ABSENT))
}
