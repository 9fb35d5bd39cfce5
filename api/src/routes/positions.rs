//! `/api/v1/positions`: other names for a definition (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use shared::db::positions::{self, Position};
use shared::db::{Conn, definitions};
use shared::domain::rfc3339_millis;
use uuid::Uuid;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

/// A merchant's positions, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let limit = query.limit()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let rows = positions::page(&mut conn, merchant.id, query.cursor(Uuid::max())?, limit + 1).await?;
    Ok(Json(paging::page("positions", rows, limit, |p| p.id.to_string(), shown)))
}

/// One position.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = positions::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|p| Json(json!({ "position": shown(&p) }))).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Adds a position; `id` may be given, so that a platform keeps its own.
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "position")?, "/position");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let id = fields.uuid("id");
    let now = app.clock.now();
    let mut position = Position {
        id: id.unwrap_or_else(|| app.entropy.uuid(now)),
        merchant_id: Uuid::nil(),
        title: String::new(),
        definition_id: 0,
        interview_id: Uuid::nil(),
        created_at: now,
        updated_at: now,
    };
    for name in ["title", "interview_id"] {
        if !fields.given(name) {
            fields.required::<()>(name, None);
        }
    }
    read(&mut fields, &mut position);
    fields.finish()?;
    let merchant = checked(merchant)?;
    position.merchant_id = merchant.id;
    let mut work = match plain::begin(
        &app,
        &principal,
        &headers,
        merchant.id,
        "/api/v1/positions",
        &body.bytes,
    )
    .await?
    {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    point(&mut work.tx, &mut position).await?;
    positions::insert(&mut work.tx, &position).await?;
    work.created(json!({ "position": shown(&position) }), None).await
}

/// Changes the members that are given.
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "position")?, "/position");
    let named = fields.uuid("merchant_id");
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, named, "/position/merchant_id").await?;
    let found = positions::lock(&mut tx, paging::id(&id)?, merchant.id).await?;
    let mut position = found.ok_or(Problem::NotFound(paging::ABSENT))?;
    read(&mut fields, &mut position);
    fields.finish()?;
    point(&mut tx, &mut position).await?;
    position.updated_at = app.clock.now();
    positions::update(&mut tx, &position).await?;
    let subject = format!("position/{}", position.id);
    principal.note(&mut tx, &app.clock, merchant.id, "change_position", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(json!({ "position": shown(&position) })))
}

fn read(fields: &mut Fields<'_>, p: &mut Position) {
    if fields.given("title") {
        let title = fields.line("title", 200);
        p.title = fields.required("title", title).unwrap_or_default();
    }
    if fields.given("interview_id") {
        let id = fields.uuid("interview_id");
        p.interview_id = fields.required("interview_id", id).unwrap_or_default();
    }
}

/// Finds the definition that the position points at.
async fn point(conn: &mut Conn, p: &mut Position) -> Result<(), Problem> {
    let found = definitions::find_long(conn, p.interview_id, p.merchant_id).await?;
    let definition = found.ok_or_else(|| {
        Problem::invalid("/position/interview_id", "is no interview definition of this merchant")
    })?;
    p.definition_id = definition.id;
    Ok(())
}

fn shown(p: &Position) -> Value {
    json!({
        "id": p.id, "merchant_id": p.merchant_id, "title": p.title, "interview_id": p.interview_id,
        "created_at": rfc3339_millis(p.created_at), "updated_at": rfc3339_millis(p.updated_at),
    })
}
