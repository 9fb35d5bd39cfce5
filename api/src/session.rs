//! The short-lived `session` that a consumed link hands to the interview's own page (`CONTRACT.md` section 7).

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use shared::db::registrations::Registration;

use crate::app::App;
use crate::problem::Problem;

/// How long the interview's page has to take the session up.
const LIFE: TimeDelta = TimeDelta::minutes(5);

/// What the session says: who, for what, since when.
#[derive(Debug, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: &'static str,
    iat: i64,
    exp: i64,
    jti: String,
    registration_id: i64,
    interview_id: String,
    merchant_id: String,
    external_id: Option<String>,
    is_test: bool,
    view_hm: bool,
    view_hi: bool,
}

/// Signs a session (HS256 with `CONVOKE_JWT_SECRET`). Its audience is `interview`, so it is no credential here.
pub(crate) fn sign(app: &App, r: &Registration) -> Result<String, Problem> {
    let now = app.clock.now();
    let claims = Claims {
        iss: app.config.public_url.clone(),
        sub: r.id.to_string(),
        aud: "interview",
        iat: now.timestamp(),
        exp: (now + LIFE).timestamp(),
        jti: app.entropy.uuid(now).to_string(),
        registration_id: r.id,
        interview_id: r.interview_id.to_string(),
        merchant_id: r.merchant_id.to_string(),
        external_id: r.external_id.clone(),
        is_test: r.is_test,
        view_hm: r.hide_menu,
        view_hi: r.hide_iframe,
    };
    let key = EncodingKey::from_secret(app.config.jwt_secret.expose());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|error| {
        tracing::error!(%error, "a session could not be signed");
        Problem::Internal
    })
}
