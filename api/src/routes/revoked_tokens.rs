//! `POST /api/v1/auth/revoke`: a token that is refused from now on.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use shared::db::revoked_tokens;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, OptionalObject};
use crate::plain::{self, Begun};
use crate::problem::Problem;

/// How long a revoked token is remembered, whatever is said of its end.
const AT_LEAST: TimeDelta = TimeDelta::days(30);
const PATH: &str = "/api/v1/auth/revoke";

/// Which token; without a body, the one that was presented.
#[derive(ToSchema)]
#[schema(examples(json!({
    "jti": "0cbaa548-3a7e-4656-a151-17f9e056138b", "expires_at": "2025-12-20T08:13:31Z"
})))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct RevokedToken {
    /// The token's own id.
    #[schema(format = "name", max_length = 255)]
    jti: String,
    /// The token's `exp`: until then its id is remembered.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Revoke a token
///
/// It is refused from now on. With a body, admins revoke any token of their merchant's users, and the service any at
/// all; without one, everybody revokes the token that was presented.
#[utoipa::path(
    post, path = "/api/v1/auth/revoke", tag = "Tokens", operation_id = "revoke_token",
    request_body = Option<RevokedToken>,
    responses((status = 204, description = "The token is refused."))
)]
pub(crate) async fn post(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: OptionalObject,
) -> Result<Response, Problem> {
    let is_own = body.bytes.is_empty();
    let (jti, expires_at) = if is_own { own(&principal)? } else { named(&principal, &body)? };
    let merchant = principal.own().map_or(Uuid::nil(), |merchant| merchant.id);
    // Without a body the token is the request: two of them are never each other's repetition, whatever their key.
    let path = if is_own { format!("{PATH}/{jti}") } else { PATH.to_owned() };
    let begun = plain::begin(&app, &principal, &headers, merchant, &path, &body.bytes).await?;
    let mut work = match begun {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    let now = app.clock.now();
    // Nobody can check what `expires_at` says of a token that is not here: too early a one must not let it live again.
    let remembered_until = expires_at.max(now + AT_LEAST);
    revoked_tokens::revoke(&mut work.tx, merchant, &jti, remembered_until, now).await?;
    work.done("revoke_token", &format!("token/{jti}")).await
}

fn own(principal: &Principal) -> Result<(String, DateTime<Utc>), Problem> {
    let token = principal.token.as_ref();
    let jti = token.and_then(|token| Some((token.jti.clone()?, token.expires_at)));
    jti.ok_or_else(|| {
        Problem::invalid("", "must name a token by jti and expires_at: the credential itself has no jti")
    })
}

fn named(principal: &Principal, body: &OptionalObject) -> Result<(String, DateTime<Utc>), Problem> {
    principal.must_be_admin()?;
    let mut fields = Fields::new(&body.members, "");
    let jti = fields.line("jti", 255);
    let jti = fields.required("jti", jti);
    let expires_at = fields.instant("expires_at");
    let expires_at = fields.required("expires_at", expires_at);
    fields.finish()?;
    jti.zip(expires_at).ok_or(Problem::Internal)
}
