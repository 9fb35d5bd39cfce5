//! `/api/v1/merchants`: the service's own (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use shared::db::merchants::{self, Merchant, offsets};
use shared::domain::rfc3339_millis;
use uuid::Uuid;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const DEFAULT_COLOUR: &str = "#1f6feb";
const DAY: i64 = 86_400;

/// Merchants, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_service()?;
    let limit = query.limit()?;
    let rows = merchants::page(&mut app.db.read().await?, query.cursor(Uuid::max())?, limit + 1).await?;
    Ok(Json(paging::page("merchants", rows, limit, |m| m.id.to_string(), shown)))
}

/// One merchant.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    principal.must_be_service()?;
    let found = merchants::find(&mut app.db.read().await?, paging::id(&id)?).await?;
    found.map(|m| Json(json!({ "merchant": shown(&m) }))).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Adds a merchant; `id` may be given, so that a platform keeps its own.
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_service()?;
    let mut work = match plain::begin(&app, &headers, Uuid::nil(), "/api/v1/merchants", &body.bytes).await? {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    let now = app.clock.now();
    let mut merchant = Merchant {
        id: app.entropy.uuid(now),
        name: String::new(),
        base_url: None,
        colour: DEFAULT_COLOUR.to_owned(),
        mail_from_name: None,
        reply_to: None,
        time_zone: "UTC".to_owned(),
        locale: "en".to_owned(),
        reminder_offsets: offsets(vec![DAY, 3_600]),
        parent_id: None,
        created_at: now,
        updated_at: now,
    };
    let members = unwrapped(&body.members, "merchant")?;
    let mut fields = Fields::new(members, "/merchant");
    if let Some(id) = fields.uuid("id") {
        merchant.id = id;
    }
    if !fields.given("name") {
        fields.required::<()>("name", None);
    }
    read(&mut fields, &mut merchant);
    fields.finish()?;
    check_parent(&mut work.tx, &merchant).await?;
    merchants::insert(&mut work.tx, &merchant).await?;
    work.created(json!({ "merchant": shown(&merchant) }), None).await
}

/// Changes the members that are given.
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<Value>, Problem> {
    principal.must_be_service()?;
    let mut tx = app.db.begin().await?;
    let mut merchant =
        merchants::lock(&mut tx, paging::id(&id)?).await?.ok_or(Problem::NotFound(paging::ABSENT))?;
    let mut fields = Fields::new(unwrapped(&body.members, "merchant")?, "/merchant");
    read(&mut fields, &mut merchant);
    fields.finish()?;
    check_parent(&mut tx, &merchant).await?;
    merchant.updated_at = app.clock.now();
    merchants::update(&mut tx, &merchant).await?;
    tx.commit().await?;
    Ok(Json(json!({ "merchant": shown(&merchant) })))
}

/// Reads the members that may change; what is absent stays, what is null goes back to its default.
fn read(fields: &mut Fields<'_>, m: &mut Merchant) {
    if fields.given("name") {
        let name = fields.line("name", 200);
        m.name = fields.required("name", name).unwrap_or_default();
    }
    if fields.given("base_url") {
        m.base_url = fields.url("base_url").map(|url| url.trim_end_matches('/').to_owned());
    }
    if fields.given("colour") {
        let colour = fields.text("colour", 7).unwrap_or_else(|| DEFAULT_COLOUR.to_owned());
        let is_hex = colour.len() == 7
            && colour.starts_with('#')
            && colour[1..].bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            fields.wrong("colour", "must be a colour such as #1f6feb");
        }
        m.colour = colour.to_lowercase();
    }
    if fields.given("mail_from_name") {
        m.mail_from_name = fields.line("mail_from_name", 200);
    }
    if fields.given("reply_to") {
        m.reply_to = fields.email("reply_to").map(|address| address.as_str().to_owned());
    }
    if fields.given("time_zone") {
        m.time_zone = fields.text("time_zone", 64).unwrap_or_else(|| "UTC".to_owned());
        if !shared::domain::is_time_zone(&m.time_zone) {
            fields.wrong("time_zone", "must be an IANA time zone such as Europe/Bratislava");
        }
    }
    if fields.given("locale") {
        m.locale = fields.line("locale", 35).unwrap_or_else(|| "en".to_owned());
    }
    if fields.given("reminder_offsets") {
        m.reminder_offsets = offsets(
            fields.integers("reminder_offsets", 60, 90 * DAY, 10).unwrap_or_else(|| vec![DAY, 3_600]),
        );
    }
    if fields.given("parent_id") {
        m.parent_id = fields.uuid("parent_id");
    }
}

/// A parent must exist and be nobody's sub-merchant: the tree has two levels.
async fn check_parent(tx: &mut shared::db::Conn, m: &Merchant) -> Result<(), Problem> {
    let Some(id) = m.parent_id else { return Ok(()) };
    let wrong = |detail: &str| Err(Problem::invalid("/merchant/parent_id", detail));
    match merchants::find(tx, id).await? {
        _ if id == m.id => wrong("must not be the merchant itself"),
        None => wrong("is no merchant"),
        Some(parent) if parent.parent_id.is_some() => wrong("is a sub-merchant itself"),
        Some(_) => Ok(()),
    }
}

fn shown(m: &Merchant) -> Value {
    json!({
        "id": m.id, "name": m.name, "base_url": m.base_url, "colour": m.colour, "mail_from_name": m.mail_from_name,
        "reply_to": m.reply_to, "time_zone": m.time_zone, "locale": m.locale, "reminder_offsets": *m.reminder_offsets,
        "parent_id": m.parent_id, "created_at": rfc3339_millis(m.created_at), "updated_at": rfc3339_millis(m.updated_at),
    })
}
