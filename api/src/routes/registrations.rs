//! `/api/v1/registrations`: one person's invitation, and the moves that it can make.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::definitions;
use shared::db::registrations::{self, Filter, Registration};
use shared::db::submissions::Submission;
use shared::domain::{JobKind, MoveRegistration, SubmissionKind};

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, OptionalObject};
use crate::idempotency;
use crate::problem::Problem;
use crate::render::{self, OneOperation, OneRegistration, RegistrationShown};
use crate::submit::{self, Form};

/// A page of registrations.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registrations {
    registrations: Vec<RegistrationShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which registrations.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// The candidate's address, in any case.
    #[param(nullable = false)]
    email: Option<String>,
    /// What the client calls the candidate.
    #[param(nullable = false)]
    external_id: Option<String>,
    /// An interview definition's long id, or a position's.
    #[param(nullable = false)]
    interview_id: Option<Uuid>,
}

/// What a move is told, where it is told anything.
#[derive(ToSchema)]
#[schema(examples(json!({ "send_email": true })))]
#[expect(dead_code, reason = "described here, read member by member")]
struct MoveBody {
    /// Whether a new link is mailed.
    send_email: Option<bool>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// One registration
#[utoipa::path(
    get, path = "/api/v1/registrations/{id}", tag = "Registrations", operation_id = "show_registration",
    params(("id" = i64, Path), OfMerchant),
    responses((status = 200, description = "The registration.", body = OneRegistration))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneRegistration>, Problem> {
    let registration = find(&app, &principal, &id, query.merchant_id()?).await?;
    Ok(Json(OneRegistration { registration: render::registration(&app, &registration) }))
}

/// A merchant's registrations, newest first
#[utoipa::path(
    get, path = "/api/v1/registrations", tag = "Registrations", operation_id = "list_registrations",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of them.", body = Registrations))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Registrations>, Problem> {
    principal.must_be_staff()?;
    let (page, interview) = (query.page(i64::MAX), query.uuid("interview_id")).together()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let definition = match interview {
        Some(id) => match definitions::find_invited(&mut conn, merchant.id, id).await? {
            Some(definition) => Some(definition.id),
            None => return Ok(Json(Registrations { registrations: Vec::new(), next_cursor: None })),
        },
        None => None,
    };
    let filter = Filter {
        email_key: query.text("email").map(|email| email.trim().to_lowercase()),
        external_id: query.text("external_id").map(str::to_owned),
        definition,
    };
    let rows = registrations::page(&mut conn, merchant.id, page.start, page.limit + 1, &filter).await?;
    let (registrations, next_cursor) =
        paging::cut(rows, page.limit, |r| r.id.to_string(), |r| render::registration(&app, &r));
    Ok(Json(Registrations { registrations, next_cursor }))
}

/// Mail the link once more
///
/// The same link, which must still open.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/resend", tag = "Registrations", operation_id = "resend_registration",
    params(("id" = i64, Path)), request_body = Option<MoveBody>,
    responses(
        (status = 200, description = "The mail is queued.", body = OneRegistration),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn resend(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::ResendInvitation, "resend").await
}

/// Take the link back
///
/// It opens no more.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/revoke", tag = "Registrations", operation_id = "revoke_registration",
    params(("id" = i64, Path)), request_body = Option<MoveBody>,
    responses(
        (status = 200, description = "The registration, revoked.", body = OneRegistration),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn revoke(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::RevokeRegistration, "revoke").await
}

/// Mint a new link
///
/// The old one opens no more.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/reissue", tag = "Registrations", operation_id = "reissue_registration",
    params(("id" = i64, Path)), request_body = Option<MoveBody>,
    responses(
        (status = 200, description = "The registration with its new link.", body = OneRegistration),
        (status = 202, description = "Accepted; it is not done yet.", body = OneOperation)
    )
)]
pub(crate) async fn reissue(
    state: State<App>,
    who: Principal,
    path: Path<String>,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    act(state.0, who, path.0, headers, body, SubmissionKind::ReissueLink, "reissue").await
}

/// Mark the interview done
///
/// From then on its link is used.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/complete", tag = "Registrations", operation_id = "complete_registration",
    params(("id" = i64, Path)), request_body = Option<MoveBody>,
    responses(
        (status = 200, description = "The registration, completed.", body = OneRegistration),
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
    act(state.0, who, path.0, headers, body, SubmissionKind::CompleteRegistration, "complete").await
}

async fn act(
    app: App,
    who: Principal,
    id: String,
    headers: HeaderMap,
    body: OptionalObject,
    kind: SubmissionKind,
    verb: &str,
) -> Result<Response, Problem> {
    let mut fields = Fields::new(&body.members, "");
    let (named, send_email) = (fields.uuid("merchant_id"), fields.boolean("send_email"));
    fields.finish()?;
    let registration = find(&app, &who, &id, named).await?;
    let path = format!("/api/v1/registrations/{}/{verb}", registration.id);
    let scope = idempotency::scope(&headers, registration.merchant_id, &path, &body.bytes)?;
    if let Some(replayed) =
        submit::replay_recorded(&app, &who, &headers, scope.as_ref(), Form::Document).await?
    {
        return Ok(replayed);
    }
    let now = app.clock.now();
    let mut submission = Submission::new(app.entropy.uuid(now), registration.merchant_id, kind, now);
    submission.registration_id = Some(registration.id);
    submission.definition_id = Some(registration.definition_id);
    submission.interview_id = Some(registration.interview_id);
    let payload = MoveRegistration { send_email, notify: false };
    let job = submit::job(&app, JobKind::MoveRegistration, &payload)?;
    submit::accept(&app, &who, &headers, scope, submission, vec![job]).await
}

/// The registration with this id, where this principal may see it.
async fn find(
    app: &App,
    principal: &Principal,
    id: &str,
    named: Option<Uuid>,
) -> Result<Registration, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let found = registrations::find(&mut conn, paging::id(id)?).await?;
    let registration = found.ok_or(Problem::NotFound(paging::ABSENT))?;
    principal.must_see(&mut conn, registration.merchant_id, named).await?;
    Ok(registration)
}
