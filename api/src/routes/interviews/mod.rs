//! `/api/v1/interviews`: interviews between two people, as the interviewer's side sees and makes them; `own` is what
//! interviewees see under `/api/v1/users/interviews`.

pub(crate) mod create;
pub(crate) mod moves;
pub(crate) mod own;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use shared::db::Conn;
use shared::db::interviews::{self, Filter, Interview};
use shared::domain::{InterviewAnswer, InterviewShown, InterviewStatus};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, ABSENT, OfMerchant, Page, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// A page of interviews.
#[derive(Serialize, ToSchema)]
pub(crate) struct Interviews {
    interviews: Vec<InterviewShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which interviews.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// Where they stand.
    #[param(nullable = false, format = "interview-status")]
    status: Option<String>,
    /// Starting at this instant or later.
    #[param(nullable = false, format = DateTime)]
    from: Option<String>,
    /// Starting before this instant.
    #[param(nullable = false, format = DateTime)]
    to: Option<String>,
    /// Of this interviewee.
    #[param(nullable = false)]
    interviewee_id: Option<i64>,
    /// With this interviewer.
    #[param(nullable = false)]
    interviewer_id: Option<i64>,
}

/// A merchant's interviews
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/interviews", tag = "Interviews", operation_id = "list_interviews",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of interviews.", body = Interviews))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Interviews>, Problem> {
    principal.must_be_staff()?;
    let (page, filter) = (query.page(i64::MAX), wanted(&query)).together()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    shown(&mut conn, merchant.id, &page, &filter).await
}

/// One interview
#[utoipa::path(
    get, path = "/api/v1/interviews/{id}", tag = "Interviews", operation_id = "show_interview",
    params(("id" = i64, Path), OfMerchant),
    responses((status = 200, description = "The interview.", body = InterviewAnswer))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<InterviewAnswer>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let found = interviews::find(&mut conn, paging::id(&id)?).await?.ok_or(Problem::NotFound(ABSENT))?;
    principal.must_see(&mut conn, found.merchant_id, query.merchant_id()?).await?;
    Ok(Json(InterviewAnswer::from(&found)))
}

fn wanted(query: &Query) -> Result<Filter, Problem> {
    let words: Vec<&str> = InterviewStatus::ALL.iter().map(|status| status.as_str()).collect();
    let number = |name| query.parsed(name, "a whole number");
    let (status, from, to, whom, by) = (
        query.word("status", &words),
        query.instant("from"),
        query.instant("to"),
        number("interviewee_id"),
        number("interviewer_id"),
    )
        .together()?;
    Ok(Filter {
        status: status.map(str::to_owned),
        from,
        to,
        interviewee: whom,
        interviewer: by,
        driver: None,
    })
}

async fn shown(
    conn: &mut Conn,
    merchant: Uuid,
    page: &Page<i64>,
    filter: &Filter,
) -> Result<Json<Interviews>, Problem> {
    let rows = interviews::page(conn, merchant, page.start, page.limit + 1, filter).await?;
    let one = |i: Interview| InterviewAnswer::from(&i).interview;
    let (interviews, next_cursor) = paging::cut(rows, page.limit, |i| i.id.to_string(), one);
    Ok(Json(Interviews { interviews, next_cursor }))
}
