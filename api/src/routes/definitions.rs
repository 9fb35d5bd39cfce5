//! `/api/v1/interview-definitions`: what candidates are invited to (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use shared::db::definitions::{self, Definition};
use shared::domain::{placeholders, rfc3339_millis};

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const FOURTEEN_DAYS: i64 = 14 * 86_400;
const TEN_YEARS: i64 = 3_650 * 86_400;

/// A merchant's definitions, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let limit = query.limit()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let rows = definitions::page(&mut conn, merchant.id, query.cursor(i64::MAX)?, limit + 1).await?;
    Ok(Json(paging::page("interview_definitions", rows, limit, |d| d.id.to_string(), shown)))
}

/// One definition, by its short id.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = find(&mut conn, &id, merchant.id).await?;
    Ok(Json(json!({ "interview_definition": shown(&found) })))
}

/// Adds a definition; `interview_id` may be given, so that a platform keeps its own.
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let members = unwrapped(&body.members, "interview_definition")?;
    let mut fields = Fields::new(members, "/interview_definition");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let interview_id = fields.uuid("interview_id");
    let now = app.clock.now();
    let mut definition = Definition {
        id: 0,
        interview_id: interview_id.unwrap_or_else(|| app.entropy.uuid(now)),
        merchant_id: uuid::Uuid::nil(),
        name: String::new(),
        status: "active".to_owned(),
        launch_url: None,
        link_ttl_seconds: FOURTEEN_DAYS,
        mail_subject: None,
        mail_text: None,
        created_at: now,
        updated_at: now,
    };
    if !fields.given("name") {
        fields.required::<()>("name", None);
    }
    read(&mut fields, &mut definition);
    fields.finish()?;
    let merchant = checked(merchant)?;
    definition.merchant_id = merchant.id;
    let mut work = match plain::begin(
        &app,
        &principal,
        &headers,
        merchant.id,
        "/api/v1/interview-definitions",
        &body.bytes,
    )
    .await?
    {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    let stored = definitions::insert(&mut work.tx, &definition).await?;
    work.created(json!({ "interview_definition": shown(&stored) }), None).await
}

/// Changes the members that are given.
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<Value>, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "interview_definition")?, "/interview_definition");
    let named = fields.uuid("merchant_id");
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, named, "/interview_definition/merchant_id").await?;
    let found = find(&mut tx, &id, merchant.id).await?;
    let locked = definitions::lock(&mut tx, found.id, merchant.id).await?;
    let mut definition = locked.ok_or(Problem::NotFound(paging::ABSENT))?;
    read(&mut fields, &mut definition);
    fields.finish()?;
    definition.updated_at = app.clock.now();
    definitions::update(&mut tx, &definition).await?;
    let subject = format!("interview_definition/{}", definition.id);
    principal.note(&mut tx, &app.clock, merchant.id, "change_interview_definition", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(json!({ "interview_definition": shown(&definition) })))
}

/// By the short id, or by the long one.
async fn find(conn: &mut shared::db::Conn, id: &str, merchant: uuid::Uuid) -> Result<Definition, Problem> {
    let found = match id.parse::<uuid::Uuid>() {
        Ok(long) => definitions::find_long(conn, long, merchant).await?,
        Err(_) => definitions::find(conn, paging::id(id)?, merchant).await?,
    };
    found.ok_or(Problem::NotFound(paging::ABSENT))
}

/// Reads the members that may change; what is absent stays, what is null goes back to its default.
fn read(fields: &mut Fields<'_>, d: &mut Definition) {
    if fields.given("name") {
        let name = fields.line("name", 200);
        d.name = fields.required("name", name).unwrap_or_default();
    }
    if fields.given("status") {
        d.status =
            fields.word("status", &["draft", "active", "archived"]).unwrap_or_else(|| "active".to_owned());
    }
    if fields.given("launch_url") {
        d.launch_url = fields.url("launch_url");
    }
    if fields.given("link_ttl_seconds") {
        d.link_ttl_seconds = fields.integer("link_ttl_seconds", 1, TEN_YEARS).unwrap_or(FOURTEEN_DAYS);
    }
    if fields.given("mail_subject") {
        d.mail_subject = fields.line("mail_subject", 500);
        must_fill(fields, "mail_subject", d.mail_subject.as_deref());
    }
    if fields.given("mail_text") {
        d.mail_text = fields.text("mail_text", 20_000);
        must_fill(fields, "mail_text", d.mail_text.as_deref());
    }
}

/// Refuses a template that no mail could be made from, while somebody looks who can mend it.
fn must_fill(fields: &mut Fields<'_>, name: &str, template: Option<&str>) {
    if let Some(Err(error)) = template.map(placeholders::check) {
        fields.wrong(name, error.to_string());
    }
}

/// The definition object.
pub(crate) fn shown(d: &Definition) -> Value {
    json!({
        "id": d.id, "interview_id": d.interview_id, "merchant_id": d.merchant_id, "name": d.name, "status": d.status,
        "launch_url": d.launch_url, "link_ttl_seconds": d.link_ttl_seconds, "mail_subject": d.mail_subject,
        "mail_text": d.mail_text, "created_at": rfc3339_millis(d.created_at), "updated_at": rfc3339_millis(d.updated_at),
    })
}
