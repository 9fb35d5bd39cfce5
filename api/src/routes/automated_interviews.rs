//! `/automated-interviews/invite`: Xobin's invitation of one candidate, and its revocation.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use shared::db::batch_rows::{self, Filter};
use shared::db::jobs::NewJob;
use shared::db::merchants::Merchant;
use shared::db::submissions::Submission;
use shared::db::{definitions, registrations};
use shared::domain::{JobKind, Lane, MoveRegistration, RegisterCandidates, Row, SubmissionKind};
use utoipa::ToSchema;
use uuid::Uuid;

use super::paging::ABSENT;
use super::register_users::chunk_job;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::idempotency;
use crate::problem::Problem;
use crate::render::{BatchLinks, OneOperation};
use crate::submit::{self, Form};

const PATH: &str = "/automated-interviews/invite";
const TYPES: [&str; 2] = ["getlink", "sendlink"];

/// An invitation; the source document's members, in its spelling.
#[derive(ToSchema)]
#[schema(examples(json!({
    "candidate_name": "Lyle Rath", "candidate_email": "lyle@example.org", "interview_id": 17, "invite_type": "sendlink"
})))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct InviteBody {
    #[schema(format = "line", max_length = 200)]
    candidate_name: Option<String>,
    #[schema(format = Email)]
    candidate_email: String,
    /// An interview definition's short id.
    #[schema(minimum = 1)]
    interview_id: i64,
    /// `getlink` only returns the link, `sendlink` mails it, too. One of this and `invite_format` is required.
    #[schema(format = "invite-type")]
    invite_type: Option<String>,
    /// The same under its other name; where both are sent they must agree.
    #[schema(format = "invite-type")]
    invite_format: Option<String>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What an invitation is answered with; the source document's members, in its order and spelling.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the document's own names")]
pub(crate) struct Invite {
    #[schema(required)]
    pub(crate) name: Option<String>,
    pub(crate) email: String,
    pub(crate) interview_name: String,
    /// The registration's id.
    pub(crate) interview_reponse_id: i64,
    pub(crate) interview_id: i64,
    /// Null where the credential sees no links.
    #[schema(required, format = "uri")]
    pub(crate) invite_link: Option<String>,
    #[schema(format = "invite-status")]
    pub(crate) status: &'static str,
}

/// Invite a candidate
///
/// As in the bulk registration: inviting again returns the same link while it opens, and sends nothing twice.
#[utoipa::path(
    post, path = "/automated-interviews/invite", tag = "Invites", operation_id = "invite_candidate",
    request_body = InviteBody,
    responses(
        (status = 200, description = "The invitation.", body = Invite),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn invite(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(&body.members, "");
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
    let name = fields.line("candidate_name", 200);
    let email = fields.email("candidate_email");
    let email = fields.required("candidate_email", email);
    let interview = fields.integer("interview_id", 1, i64::MAX);
    let interview = fields.required("interview_id", interview);
    let sends = sends(&mut fields);
    fields.finish()?;
    let (merchant, email) = (checked(merchant)?, checked(email)?);
    let row = Row { name, email: Some(email.as_str().to_owned()), ..Row::default() };
    let (submission, job) =
        plan(&app, &principal, &merchant, checked(interview)?, checked(sends)?, row).await?;
    submit::accept(&app, &principal, &headers, scope, submission, vec![job]).await
}

/// Whether the link is mailed: the field has two names in the document.
fn sends(fields: &mut Fields<'_>) -> Option<bool> {
    let (kind, format) = (fields.word("invite_type", &TYPES), fields.word("invite_format", &TYPES));
    match (kind, format) {
        (Some(kind), Some(format)) if kind != format => {
            fields.wrong("invite_format", "must agree with invite_type, which is the same field");
            None
        }
        (Some(one), _) | (None, Some(one)) => Some(one == "sendlink"),
        (None, None) => {
            let is_told = fields.value("invite_type").or(fields.value("invite_format")).is_some();
            if !is_told {
                fields.wrong("invite_type", "is required: getlink or sendlink");
            }
            None
        }
    }
}

async fn plan(
    app: &App,
    principal: &Principal,
    merchant: &Merchant,
    interview: i64,
    sends: bool,
    row: Row,
) -> Result<(Submission, NewJob), Problem> {
    let found = definitions::find(&mut app.db.read().await?, interview, merchant.id).await?;
    let definition =
        found.ok_or(Problem::NotFound("There is no interview definition with this interview_id."))?;
    match definition.status.as_str() {
        "draft" => return Err(Problem::invalid("/interview_id", "is a draft; activate it first")),
        "archived" => {
            return Err(Problem::invalid("/interview_id", "is archived; nobody can be invited to it"));
        }
        _ => {}
    }
    let now = app.clock.now();
    let kind = SubmissionKind::InviteCandidate;
    let mut submission = Submission::new(app.entropy.uuid(now), merchant.id, kind, now);
    submission.user_id = principal.user().map(|user| user.id);
    submission.definition_id = Some(definition.id);
    submission.interview_id = Some(definition.interview_id);
    submission.send_email = sends;
    let job = chunk_job(app, Lane::Intake, &RegisterCandidates { first: 0, rows: vec![row] })?;
    Ok((submission, job))
}

/// Xobin's answer to an invitation. A link that an invitation is answered with is always one that opens.
pub(crate) async fn answer(
    app: &App,
    principal: &Principal,
    submission: &Submission,
) -> Result<Json<Value>, Problem> {
    let links = BatchLinks::of(app, principal, submission).await?;
    let mut conn = app.db.read().await?;
    let definition = submission.definition_id.ok_or(Problem::Internal)?;
    let definition = definitions::find(&mut conn, definition, submission.merchant_id).await?;
    let definition = definition.ok_or(Problem::Internal)?;
    let rows = batch_rows::page(&mut conn, submission.id, -1, 1, 1, &Filter::default()).await?;
    let erased = || Problem::NotFound("Whom this was about was erased.");
    let row = rows.into_iter().next().ok_or(Problem::Internal)?;
    let answer = Invite {
        invite_link: links.link(app, &row, row.generation, row.key_id),
        name: row.name,
        email: row.email.ok_or_else(erased)?,
        interview_name: definition.name,
        interview_reponse_id: row.registration_id.ok_or_else(erased)?,
        interview_id: definition.id,
        status: "Pending",
    };
    serde_json::to_value(answer).map(Json).map_err(|_| Problem::Internal)
}

/// Which invitation is taken back.
#[derive(ToSchema)]
#[schema(examples(json!({ "response_id": 4711, "notify_candidate": true })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct RevokeBody {
    /// The invitation's `interview_reponse_id`.
    #[schema(minimum = 1)]
    response_id: i64,
    /// Whether the candidate is told by mail.
    notify_candidate: Option<bool>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What became of a revocation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revocation {
    /// `NOT_ALLOWED`: the interview was begun.
    #[schema(format = "revocation-status")]
    status: String,
}

/// Take an invitation back
#[utoipa::path(
    patch, path = "/automated-interviews/invite/revoke", tag = "Invites", operation_id = "revoke_invite",
    request_body = RevokeBody,
    responses(
        (status = 200, description = "What became of it.", body = Revocation),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(&body.members, "");
    let named = fields.uuid("merchant_id");
    let id = fields.integer("response_id", 1, i64::MAX);
    let id = fields.required("response_id", id);
    let notify = fields.boolean("notify_candidate").unwrap_or(false);
    fields.finish()?;
    let mut conn = app.db.read().await?;
    let found = registrations::find(&mut conn, checked(id)?).await?;
    let registration = found.ok_or(Problem::NotFound(ABSENT))?;
    principal.must_see(&mut conn, registration.merchant_id, named).await?;
    drop(conn);
    let now = app.clock.now();
    let kind = SubmissionKind::RevokeInvite;
    let mut submission = Submission::new(app.entropy.uuid(now), registration.merchant_id, kind, now);
    submission.user_id = principal.user().map(|user| user.id);
    submission.registration_id = Some(registration.id);
    submission.definition_id = Some(registration.definition_id);
    let payload = MoveRegistration { send_email: None, notify };
    let job = submit::job(&app, JobKind::MoveRegistration, &payload)?;
    submit::accept(&app, &principal, &headers, None, submission, vec![job]).await
}
