//! `/api/v1/api-keys`: made, shown once, revoked (`CONTRACT.md` sections 3 and 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use shared::db::api_keys::{self, ApiKeyRow};
use shared::domain::{ApiKey, rfc3339_millis};
use uuid::Uuid;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

/// A merchant's keys, newest first, revoked ones too.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_admin()?;
    let limit = query.limit()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let rows = api_keys::page(&mut conn, merchant.id, query.cursor(Uuid::max())?, limit + 1).await?;
    Ok(Json(paging::page("api_keys", rows, limit, |k| k.id.to_string(), shown)))
}

/// One key; never the key itself.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_admin()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = api_keys::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|k| Json(json!({ "api_key": shown(&k) }))).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Makes a key. `key` is in this answer only; a replay of it under the same `Idempotency-Key` has null there.
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_admin()?;
    let mut fields = Fields::new(unwrapped(&body.members, "api_key")?, "/api_key");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let name = fields.line("name", 200);
    let name = fields.required("name", name);
    let role = fields.word("role", &["admin", "staff", "operator"]);
    let role = fields.required("role", role);
    fields.finish()?;
    let merchant = checked(merchant)?;
    let mut work =
        match plain::begin(&app, &principal, &headers, merchant.id, "/api/v1/api-keys", &body.bytes).await? {
            Begun::Fresh(work) => work,
            Begun::Replayed(response) => return Ok(response),
        };
    let now = app.clock.now();
    let key = ApiKey::from_random(app.entropy.bytes());
    let row = ApiKeyRow {
        id: app.entropy.uuid(now),
        merchant_id: merchant.id,
        name: checked(name)?,
        role: checked(role)?,
        prefix: key.prefix().to_owned(),
        hash: key.hash().to_vec(),
        created_at: now,
        revoked_at: None,
    };
    api_keys::insert(&mut work.tx, &row).await?;
    let mut recorded = shown(&row);
    recorded["key"] = Value::Null;
    let mut answer = shown(&row);
    answer["key"] = key.expose().into();
    work.created(json!({ "api_key": answer }), Some(json!({ "api_key": recorded }))).await
}

/// Renames a key.
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<Value>, Problem> {
    principal.must_be_admin()?;
    let mut fields = Fields::new(unwrapped(&body.members, "api_key")?, "/api_key");
    let named = fields.uuid("merchant_id");
    let name = fields.line("name", 200);
    let name = fields.required("name", name);
    fields.finish()?;
    let id = paging::id(&id)?;
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, named, "/api_key/merchant_id").await?;
    api_keys::rename(&mut tx, id, merchant.id, &checked(name)?).await?;
    let row = api_keys::find(&mut tx, id, merchant.id).await?.ok_or(Problem::NotFound(paging::ABSENT))?;
    let subject = format!("api_key/{id}");
    principal.note(&mut tx, &app.clock, merchant.id, "change_api_key", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(json!({ "api_key": shown(&row) })))
}

/// Revokes a key, at once and for good.
pub(crate) async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<StatusCode, Problem> {
    principal.must_be_admin()?;
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, query.merchant_id()?, "?merchant_id").await?;
    let id = paging::id(&id)?;
    if !api_keys::revoke(&mut tx, id, merchant.id, app.clock.now()).await? {
        return Err(Problem::NotFound(paging::ABSENT));
    }
    let subject = format!("api_key/{id}");
    principal.note(&mut tx, &app.clock, merchant.id, "revoke_api_key", Some(&subject)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(k: &ApiKeyRow) -> Value {
    json!({
        "id": k.id, "merchant_id": k.merchant_id, "name": k.name, "role": k.role, "prefix": k.prefix,
        "created_at": rfc3339_millis(k.created_at), "revoked_at": k.revoked_at.map(rfc3339_millis),
    })
}
