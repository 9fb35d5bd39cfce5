//! `POST /api/v1/interviews`: DRVN's "create an interview".

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use shared::db::merchants::Merchant;
use shared::db::submissions::Submission;
use shared::db::{interviewees, users};
use shared::domain::{CreateInterview, INTERVIEW_KINDS, InterviewAnswer, JobKind, SubmissionKind};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::idempotency;
use crate::plain::unwrapped;
use crate::problem::Problem;
use crate::render::OneOperation;
use crate::submit::{self, Form};

const PATH: &str = "/api/v1/interviews";

/// An interview to be proposed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct NewInterview {
    /// Who is interviewed.
    #[schema(minimum = 1)]
    interviewee_id: i64,
    /// The user who interviews.
    #[schema(minimum = 1)]
    interviewer_id: i64,
    /// How they meet.
    #[schema(format = "interview-kind")]
    kind: String,
    /// A place, or an https URL without credentials. It is never fetched.
    #[schema(format = "location", max_length = 500)]
    location: Option<String>,
    /// When it begins; in the past, too.
    #[schema(format = DateTime)]
    start_at: String,
    /// When it ends: after it began.
    #[schema(format = DateTime)]
    end_at: String,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `interview`.
#[derive(ToSchema)]
#[schema(examples(json!({ "interview": {
    "interviewee_id": 274, "interviewer_id": 971, "kind": "video_call", "location": "https://zoom.com",
    "start_at": "2025-01-22T13:12:53Z", "end_at": "2025-01-22T13:42:53Z"
} })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewInterviewBody {
    interview: NewInterview,
}

/// Propose an interview
///
/// Both people are told by mail, with an appointment for their calendars, and reminded before it begins.
#[utoipa::path(
    post, path = "/api/v1/interviews", tag = "Interviews", operation_id = "create_interview",
    request_body = NewInterviewBody,
    responses(
        (status = 200, description = "The interview, pending.", body = InterviewAnswer, example = json!({
            "interview": {
                "id": 26, "amend_end_at": null, "amend_start_at": null, "amended_by": null,
                "end_at": "2025-01-22T13:42:53.000Z",
                "interviewee": {
                    "id": 274,
                    "driver": { "id": 969, "image": null, "phone_number": "123", "title": "Lyle Rath" },
                    "kind": "interview", "updated_at": "2025-01-22T13:12:53.283Z"
                },
                "interviewee_id": 274,
                "interviewer": { "id": 971, "contact_phone_number": null, "image": null, "title": "Hunter Dickinson" },
                "interviewer_id": 971, "kind": "video_call", "location": "https://zoom.com",
                "start_at": "2025-01-22T13:12:53.000Z", "status": "pending"
            }
        })),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn post(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "interview")?, "/interview");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let scope = match &merchant {
        Some(merchant) => idempotency::scope(&headers, merchant.id, PATH, &body.bytes)?,
        None => None,
    };
    if let Some(replayed) =
        submit::replay_recorded(&app, &principal, &headers, scope.as_ref(), Form::Document).await?
    {
        return Ok(replayed);
    }
    let asked = read(&app, &mut fields, merchant.as_ref()).await?;
    fields.finish()?;
    let (asked, merchant) = (checked(asked)?, checked(merchant)?);
    let now = app.clock.now();
    let kind = SubmissionKind::CreateInterview;
    let mut submission = Submission::new(app.entropy.uuid(now), merchant.id, kind, now);
    submission.user_id = principal.user().map(|user| user.id);
    let job = submit::job(&app, JobKind::CreateInterview, &asked)?;
    submit::accept(&app, &principal, &headers, scope, submission, vec![job]).await
}

#[expect(clippy::similar_names, reason = "the document's own names")]
async fn read(
    app: &App,
    fields: &mut Fields<'_>,
    merchant: Option<&Merchant>,
) -> Result<Option<CreateInterview>, Problem> {
    let interviewee_id = fields.integer("interviewee_id", 1, i64::MAX);
    let interviewee_id = fields.required("interviewee_id", interviewee_id);
    let interviewer_id = fields.integer("interviewer_id", 1, i64::MAX);
    let interviewer_id = fields.required("interviewer_id", interviewer_id);
    if let Some(merchant) = merchant {
        let mut conn = app.db.read().await?;
        if let Some(id) = interviewee_id
            && interviewees::find(&mut conn, id, merchant.id).await?.is_none()
        {
            fields.wrong("interviewee_id", "is no interviewee of this merchant");
        }
        if let Some(id) = interviewer_id
            && users::find(&mut conn, id, merchant.id).await?.is_none()
        {
            fields.wrong("interviewer_id", "is no user of this merchant");
        }
    }
    let kind = fields.word("kind", &INTERVIEW_KINDS);
    let kind = fields.required("kind", kind);
    let location = fields.location("location");
    let times = times(fields, "start_at", "end_at");
    Ok(match (interviewee_id, interviewer_id, kind, times) {
        (Some(interviewee_id), Some(interviewer_id), Some(kind), Some((start_at, end_at))) => {
            Some(CreateInterview { interviewee_id, interviewer_id, kind, location, start_at, end_at })
        }
        _ => None,
    })
}

/// Two instants, the second after the first.
pub(super) fn times(
    fields: &mut Fields<'_>,
    start: &'static str,
    end: &'static str,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let start_at = fields.instant(start);
    let start_at = fields.required(start, start_at);
    let end_at = fields.instant(end);
    let end_at = fields.required(end, end_at);
    let (start_at, end_at) = (start_at?, end_at?);
    if end_at <= start_at {
        fields.wrong(end, format!("must be after {start}"));
        return None;
    }
    Some((start_at, end_at))
}
