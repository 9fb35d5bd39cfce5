//! `POST /api/v1/tokens/inspect` and `/redeem`: other programs read and consume links (`CONTRACT.md` section 7).

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use shared::db::idempotency::{self as records, Scope};
use shared::db::registrations::Registration;
use shared::db::{definitions, merchants, registrations};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::idempotency;
use crate::problem::Problem;
use crate::render::{self, RegistrationShown};
use crate::routes::definitions::DefinitionShown;
use crate::visit::{self, Closed};

/// The token of a link.
#[derive(ToSchema)]
#[schema(examples(json!({ "interview_token": "cvt1.eyJ…" })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct TokenBody {
    /// What stands behind `interview_token=` in the link.
    #[schema(format = "text", max_length = 2000)]
    interview_token: String,
}

/// What a link stands for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    registration: RegistrationShown,
    interview_definition: DefinitionShown,
    merchant: Host,
    view: View,
    is_test: bool,
}

/// Who invites.
#[derive(Serialize, ToSchema)]
struct Host {
    id: Uuid,
    name: String,
}

/// How the interview is to be shown.
#[derive(Serialize, ToSchema)]
struct View {
    hide_menu: bool,
    hide_iframe: bool,
}

/// What a link stands for, without consuming it
#[utoipa::path(
    post, path = "/api/v1/tokens/inspect", tag = "Links", operation_id = "inspect_token", request_body = TokenBody,
    responses((status = 200, description = "It would open now.", body = Link))
)]
pub(crate) async fn inspect(
    State(app): State<App>,
    principal: Principal,
    body: JsonObject,
) -> Result<Json<Link>, Problem> {
    let registration = opened(&app, &principal, &body).await?;
    Ok(Json(described(&app, &registration).await?))
}

/// Consume a link
///
/// Of any number of racing calls one succeeds.
#[utoipa::path(
    post, path = "/api/v1/tokens/redeem", tag = "Links", operation_id = "redeem_token", request_body = TokenBody,
    responses((status = 200, description = "It is consumed.", body = Link))
)]
pub(crate) async fn redeem(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let registration = match opened(&app, &principal, &body).await {
        Ok(registration) => registration,
        Err(problem) => return replayed_or(&app, &principal, &headers, &body, problem).await,
    };
    let scope = idempotency::scope(&headers, registration.merchant_id, "/api/v1/tokens/redeem", &body.bytes)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if let Some(scope) = &scope
        && !records::claim(&mut tx, scope, None, now).await?
    {
        drop(tx);
        return replayed_or(&app, &principal, &headers, &body, problem(Closed::Used)).await;
    }
    if !registrations::consume(&mut tx, registration.id, registration.generation, now).await? {
        drop(tx);
        return Err(problem(visit::why_closed(&app, registration.id, registration.generation).await?));
    }
    let subject = format!("registration/{}", registration.id);
    principal.note(&mut tx, &app.clock, registration.merchant_id, "redeem_token", Some(&subject)).await?;
    let consumed = registrations::find(&mut tx, registration.id).await?.ok_or(Problem::Internal)?;
    let answer = described(&app, &consumed).await?;
    if let Some(scope) = &scope {
        records::answer(&mut tx, scope, 200, &without_link(&answer)?).await?;
    }
    tx.commit().await?;
    Ok(Json(answer).into_response())
}

/// A repeated redemption under the same key is answered as the first was, though the link is used by now.
async fn replayed_or(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
    body: &JsonObject,
    otherwise: Problem,
) -> Result<Response, Problem> {
    if idempotency::key(headers)?.is_none() {
        return Err(otherwise);
    }
    let Some(registration) = visit::named_by(app, token(body)?.as_str()).await? else {
        return Err(otherwise);
    };
    if !principal.sees(&mut app.db.read().await?, registration.merchant_id).await? {
        return Err(otherwise);
    }
    let scope: Option<Scope> =
        idempotency::scope(headers, registration.merchant_id, "/api/v1/tokens/redeem", &body.bytes)?;
    let Some(record) = idempotency::recorded(app, scope.as_ref()).await? else { return Err(otherwise) };
    let Some(mut answer) = record.body.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return Err(otherwise);
    };
    answer["registration"]["interview_url"] = render::registration(app, &registration).interview_url.into();
    let mut response = Json(answer).into_response();
    idempotency::mark_replayed(&mut response);
    Ok(response)
}

/// A recorded answer holds no token.
fn without_link(answer: &Link) -> Result<String, Problem> {
    let mut recorded = serde_json::to_value(answer).map_err(|_| Problem::Internal)?;
    recorded["registration"]["interview_url"] = Value::Null;
    Ok(recorded.to_string())
}

fn token(body: &JsonObject) -> Result<String, Problem> {
    let mut fields = Fields::new(&body.members, "");
    let token = fields.text("interview_token", 2_000);
    let token = fields.required("interview_token", token);
    fields.finish()?;
    checked(token)
}

/// The registration of a link that would open now, where this principal may see it.
async fn opened(app: &App, principal: &Principal, body: &JsonObject) -> Result<Registration, Problem> {
    principal.must_be_staff()?;
    let token = token(body)?;
    let visit = visit::look(app, &token).await?;
    if let Some(registration) = visit.registration()
        && !principal.sees(&mut app.db.read().await?, registration.merchant_id).await?
    {
        return Err(problem(Closed::Unknown));
    }
    visit.opened().map_err(problem)
}

/// Why a link does not open, as a problem.
fn problem(closed: Closed) -> Problem {
    let (name, detail) = match closed {
        Closed::Used => ("link-used", "The link was used before; a link can be used once."),
        Closed::Expired => ("link-expired", "The link has expired."),
        Closed::Revoked => ("link-revoked", "The link was revoked, or replaced by a newer one."),
        Closed::Unknown => ("link-unknown", "The token is not one of ours."),
    };
    Problem::Gone(name, detail.to_owned())
}

/// Registration, definition, view flags and test flag.
async fn described(app: &App, registration: &Registration) -> Result<Link, Problem> {
    let mut conn = app.db.read().await?;
    let found = definitions::find(&mut conn, registration.definition_id, registration.merchant_id).await?;
    let definition = found.ok_or(Problem::Internal)?;
    let merchant = merchants::find(&mut conn, registration.merchant_id).await?.ok_or(Problem::Internal)?;
    Ok(Link {
        registration: render::registration(app, registration),
        interview_definition: super::definitions::shown(definition),
        merchant: Host { id: merchant.id, name: merchant.name },
        view: View { hide_menu: registration.hide_menu, hide_iframe: registration.hide_iframe },
        is_test: registration.is_test,
    })
}
