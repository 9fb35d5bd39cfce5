//! `/api/v1/positions`: other names for a definition (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::positions;
use shared::db::{Conn, definitions};
use shared::domain::rfc3339_millis;
use utoipa::ToSchema;
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByUuid, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

/// Another name for an interview definition: registering for it registers for the definition.
#[derive(Serialize, ToSchema)]
pub(crate) struct Position {
    id: Uuid,
    merchant_id: Uuid,
    title: String,
    /// The definition's long id.
    interview_id: Uuid,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One position.
#[derive(Serialize, ToSchema)]
pub(crate) struct OnePosition {
    position: Position,
}

/// A page of positions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Positions {
    positions: Vec<Position>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A position to add.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewPosition {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    /// A platform may keep its own id.
    id: Option<Uuid>,
    #[schema(format = "name", max_length = 200)]
    title: String,
    /// The long id of one of the merchant's definitions.
    interview_id: Uuid,
}

/// What is wrapped in `position`.
#[derive(ToSchema)]
#[schema(examples(json!({
    "position": { "title": "Night driver", "interview_id": "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66" }
})))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewPositionBody {
    position: NewPosition,
}

/// What changes of a position: what is absent stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct PositionChange {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    #[schema(nullable = false, format = "name", max_length = 200)]
    title: Option<String>,
    /// The long id of one of the merchant's definitions.
    #[schema(nullable = false)]
    interview_id: Option<Uuid>,
}

/// What is wrapped in `position`.
#[derive(ToSchema)]
#[schema(examples(json!({ "position": { "title": "Day driver" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct PositionChangeBody {
    position: PositionChange,
}

/// A merchant's positions, newest first
#[utoipa::path(
    get, path = "/api/v1/positions", tag = "Interview definitions", operation_id = "list_positions",
    params(OfMerchant, PageByUuid),
    responses((status = 200, description = "A page of them.", body = Positions))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Positions>, Problem> {
    principal.must_be_staff()?;
    let page = query.page(Uuid::max())?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = positions::page(&mut conn, merchant.id, page.start, page.limit + 1).await?;
    let (positions, next_cursor) = paging::cut(rows, page.limit, |p| p.id.to_string(), shown);
    Ok(Json(Positions { positions, next_cursor }))
}

/// One position
#[utoipa::path(
    get, path = "/api/v1/positions/{id}", tag = "Interview definitions", operation_id = "show_position",
    params(("id" = Uuid, Path), OfMerchant),
    responses((status = 200, description = "The position.", body = OnePosition))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OnePosition>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = positions::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|p| Json(OnePosition { position: shown(p) })).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Add a position
#[utoipa::path(
    post, path = "/api/v1/positions", tag = "Interview definitions", operation_id = "create_position",
    request_body = NewPositionBody,
    responses((status = 201, description = "The position.", body = OnePosition))
)]
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
    let mut position = positions::Position {
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
    work.created(OnePosition { position: shown(position) }, None).await
}

/// Change a position
///
/// What is absent stays.
#[utoipa::path(
    patch, path = "/api/v1/positions/{id}", tag = "Interview definitions", operation_id = "change_position",
    params(("id" = Uuid, Path)), request_body = PositionChangeBody,
    responses((status = 200, description = "The position as it is now.", body = OnePosition))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OnePosition>, Problem> {
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
    Ok(Json(OnePosition { position: shown(position) }))
}

fn read(fields: &mut Fields<'_>, p: &mut positions::Position) {
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
async fn point(conn: &mut Conn, p: &mut positions::Position) -> Result<(), Problem> {
    let found = definitions::find_long(conn, p.interview_id, p.merchant_id).await?;
    let definition = found.ok_or_else(|| {
        Problem::invalid("/position/interview_id", "is no interview definition of this merchant")
    })?;
    p.definition_id = definition.id;
    Ok(())
}

fn shown(p: positions::Position) -> Position {
    Position {
        id: p.id,
        merchant_id: p.merchant_id,
        title: p.title,
        interview_id: p.interview_id,
        created_at: rfc3339_millis(p.created_at),
        updated_at: rfc3339_millis(p.updated_at),
    }
}
