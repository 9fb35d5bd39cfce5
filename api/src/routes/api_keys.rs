//! `/api/v1/api-keys`: made, shown once, revoked (`CONTRACT.md` sections 3 and 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use shared::db::api_keys::{self, ApiKeyRow};
use shared::domain::{ApiKey, rfc3339_millis};
use utoipa::ToSchema;
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByUuid, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

/// What is known of a key; the key itself is nowhere.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyShown {
    id: Uuid,
    merchant_id: Uuid,
    name: String,
    /// What it may do: everything, all but keys and people, or the queues alone.
    #[schema(format = "key-role")]
    role: String,
    /// How it begins, so that it can be told from others.
    prefix: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
}

/// One key.
#[derive(Serialize, ToSchema)]
#[schema(as = OneApiKey)]
pub(crate) struct OneKey {
    api_key: KeyShown,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(crate) struct Keys {
    api_keys: Vec<KeyShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A key just made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
pub(crate) struct Made {
    #[serde(flatten)]
    shown: KeyShown,
    /// The key. It is in this answer only: null where the answer is given again.
    #[schema(required)]
    key: Option<String>,
}

/// One key, just made.
#[derive(Serialize, ToSchema)]
#[schema(as = OneMadeApiKey)]
pub(crate) struct OneMade {
    api_key: Made,
}

/// A key to make.
#[derive(ToSchema)]
#[schema(as = NewApiKey)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewKey {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    #[schema(format = "name", max_length = 200)]
    name: String,
    #[schema(format = "key-role")]
    role: String,
}

/// What is wrapped in `api_key`.
#[derive(ToSchema)]
#[schema(as = NewApiKeyBody, examples(json!({ "api_key": { "name": "Applicant portal", "role": "staff" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewKeyBody {
    api_key: NewKey,
}

/// A key's new name.
#[derive(ToSchema)]
#[schema(as = ApiKeyChange)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct KeyChange {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    #[schema(format = "name", max_length = 200)]
    name: String,
}

/// What is wrapped in `api_key`.
#[derive(ToSchema)]
#[schema(as = ApiKeyChangeBody, examples(json!({ "api_key": { "name": "Applicant portal, old" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct KeyChangeBody {
    api_key: KeyChange,
}

/// A merchant's keys, newest first, revoked ones too
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "API keys", operation_id = "list_api_keys",
    params(OfMerchant, PageByUuid),
    responses((status = 200, description = "A page of them.", body = Keys))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Keys>, Problem> {
    principal.must_be_admin()?;
    let page = query.page(Uuid::max())?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = api_keys::page(&mut conn, merchant.id, page.start, page.limit + 1).await?;
    let (api_keys, next_cursor) = paging::cut(rows, page.limit, |k| k.id.to_string(), |k| shown(&k));
    Ok(Json(Keys { api_keys, next_cursor }))
}

/// One key, never the key itself
#[utoipa::path(
    get, path = "/api/v1/api-keys/{id}", tag = "API keys", operation_id = "show_api_key",
    params(("id" = Uuid, Path), OfMerchant),
    responses((status = 200, description = "What is known of it.", body = OneKey))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneKey>, Problem> {
    principal.must_be_admin()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = api_keys::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|k| Json(OneKey { api_key: shown(&k) })).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Make a key
///
/// `key` is in this answer only; the same answer again, under the same `Idempotency-Key`, has null there.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "API keys", operation_id = "create_api_key", request_body = NewKeyBody,
    responses((status = 201, description = "The key, this once.", body = OneMade))
)]
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
    let made = |key| OneMade { api_key: Made { shown: shown(&row), key } };
    work.created(made(Some(key.expose().to_owned())), Some(made(None))).await
}

/// Rename a key
#[utoipa::path(
    patch, path = "/api/v1/api-keys/{id}", tag = "API keys", operation_id = "change_api_key",
    params(("id" = Uuid, Path)), request_body = KeyChangeBody,
    responses((status = 200, description = "What is known of it now.", body = OneKey))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OneKey>, Problem> {
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
    Ok(Json(OneKey { api_key: shown(&row) }))
}

/// Revoke a key, at once and for good
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", tag = "API keys", operation_id = "revoke_api_key",
    params(("id" = Uuid, Path), OfMerchant),
    responses((status = 204, description = "It counts no more."))
)]
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

fn shown(k: &ApiKeyRow) -> KeyShown {
    KeyShown {
        id: k.id,
        merchant_id: k.merchant_id,
        name: k.name.clone(),
        role: k.role.clone(),
        prefix: k.prefix.clone(),
        created_at: rfc3339_millis(k.created_at),
        revoked_at: k.revoked_at.map(rfc3339_millis),
    }
}
