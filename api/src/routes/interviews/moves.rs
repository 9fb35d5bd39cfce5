//! The moves of an interview, made by the interviewer or by staff for their side.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::db::interviews::{self, Interview};
use shared::db::submissions::Submission;
use shared::domain::{InterviewAnswer, InterviewMove, JobKind, MoveInterview, Side, SubmissionKind};
use utoipa::ToSchema;
use uuid::Uuid;

use super::create::times;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, OptionalObject};
use crate::idempotency;
use crate::plain::unwrapped;
use crate::problem::Problem;
use crate::render::OneOperation;
use crate::routes::paging::{self, ABSENT};
use crate::submit::{self, Form};

/// The times to be proposed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct Amendment {
    /// When it would begin.
    #[schema(format = DateTime)]
    amend_start_at: String,
    /// When it would end: after it began.
    #[schema(format = DateTime)]
    amend_end_at: String,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `interview`.
#[derive(ToSchema)]
#[schema(examples(json!({ "interview": {
    "amend_start_at": "2025-11-20T08:43:31Z", "amend_end_at": "2025-11-20T09:13:31Z"
} })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct AmendmentBody {
    interview: Amendment,
}

/// What a move is told, where it is told anything.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct InterviewMoveBody {
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// Propose other times
///
/// The times stay as they are until the other side accepts.
#[utoipa::path(
    post, path = "/api/v1/interviews/{id}/amend", tag = "Interviews", operation_id = "amend_interview",
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
    post, path = "/api/v1/interviews/{id}/accept", tag = "Interviews", operation_id = "accept_interview",
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
    post, path = "/api/v1/interviews/{id}/reject", tag = "Interviews", operation_id = "reject_interview",
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
    post, path = "/api/v1/interviews/{id}/cancel", tag = "Interviews", operation_id = "cancel_interview",
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

/// Say that it took place
///
/// Before its start, too.
#[utoipa::path(
    post, path = "/api/v1/interviews/{id}/complete", tag = "Interviews", operation_id = "complete_interview",
    params(("id" = i64, Path)), request_body = Option<InterviewMoveBody>,
    responses(
        (status = 200, description = "The interview, completed.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn complete(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::Complete).await
}

/// Say that somebody did not come
#[utoipa::path(
    post, path = "/api/v1/interviews/{id}/no_show", tag = "Interviews", operation_id = "miss_interview",
    params(("id" = i64, Path)), request_body = Option<InterviewMoveBody>,
    responses(
        (status = 200, description = "The interview, marked as missed.", body = InterviewAnswer),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn no_show(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, InterviewMove::NoShow).await
}

async fn act(
    app: App,
    who: Principal,
    id: String,
    headers: HeaderMap,
    body: OptionalObject,
    to: InterviewMove,
) -> Result<Response, Problem> {
    let asked = Asked::read(&body, to)?;
    let interview = find(&app, &who, &id, asked.merchant_id).await?;
    let path = format!("/api/v1/interviews/{}/{}", interview.id, to.as_str());
    asked.submit(&app, &who, &headers, &path, &body, &interview, Side::Interviewer).await
}

/// The interview, where this principal may act for the interviewer's side: as staff, or as the interviewer.
async fn find(app: &App, who: &Principal, id: &str, named: Option<Uuid>) -> Result<Interview, Problem> {
    let mut conn = app.db.read().await?;
    let found = interviews::find(&mut conn, paging::id(id)?).await?;
    let is_interviewer = |i: &Interview| who.user().is_some_and(|user| user.id == i.interviewer_id);
    if !found.as_ref().is_some_and(is_interviewer) {
        who.must_be_staff()?;
    }
    let interview = found.ok_or(Problem::NotFound(ABSENT))?;
    who.must_see(&mut conn, interview.merchant_id, named).await?;
    Ok(interview)
}

/// A move as it was asked for.
pub(super) struct Asked {
    to: InterviewMove,
    times: Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)>,
    pub(super) merchant_id: Option<Uuid>,
}

impl Asked {
    /// An amendment has its times under `interview`; of the others nothing is needed.
    pub(super) fn read(body: &OptionalObject, to: InterviewMove) -> Result<Self, Problem> {
        let is_amendment = to == InterviewMove::Amend;
        let (members, prefix) = if is_amendment {
            (unwrapped(&body.members, "interview")?, "/interview")
        } else {
            (&body.members, "")
        };
        let mut fields = Fields::new(members, prefix);
        let merchant_id = fields.uuid("merchant_id");
        let times = if is_amendment { times(&mut fields, "amend_start_at", "amend_end_at") } else { None };
        fields.finish()?;
        Ok(Self { to, times, merchant_id })
    }

    /// Accepts the move as work. Whether it is legal is decided when its turn comes.
    #[expect(clippy::too_many_arguments, reason = "a request, and what was found out about it")]
    pub(super) async fn submit(
        &self,
        app: &App,
        who: &Principal,
        headers: &HeaderMap,
        path: &str,
        body: &OptionalObject,
        interview: &Interview,
        by: Side,
    ) -> Result<Response, Problem> {
        let scope = idempotency::scope(headers, interview.merchant_id, path, &body.bytes)?;
        if let Some(replayed) =
            submit::replay_recorded(app, who, headers, scope.as_ref(), Form::Document).await?
        {
            return Ok(replayed);
        }
        let now = app.clock.now();
        let kind = SubmissionKind::moving(self.to);
        let mut submission = Submission::new(app.entropy.uuid(now), interview.merchant_id, kind, now);
        submission.meeting_id = Some(interview.id);
        submission.user_id = who.user().map(|user| user.id);
        let (to, by) = (self.to.as_str().to_owned(), by.as_str().to_owned());
        let payload = MoveInterview { to, by, times: self.times, seen: Some(interview.schedule_version) };
        let job = submit::job(app, JobKind::MoveInterview, &payload)?;
        submit::accept(app, who, headers, scope, submission, vec![job]).await
    }
}
