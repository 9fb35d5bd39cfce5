//! `/api/v1/merchants`: the service's own (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::merchants::{self, offsets};
use shared::domain::rfc3339_millis;
use utoipa::ToSchema;
use uuid::Uuid;

use super::paging::{self, PageByUuid, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject};
use crate::description::TimeZone;
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const DEFAULT_COLOUR: &str = "#1f6feb";
const DAY: i64 = 86_400;

/// A merchant: in whose name candidates are invited.
#[derive(Serialize, ToSchema)]
pub(crate) struct Merchant {
    id: Uuid,
    name: String,
    /// The base of this merchant's links; null: the service's own.
    #[schema(required, format = "https-url")]
    base_url: Option<String>,
    /// Of the candidate's page and mail.
    #[schema(format = "colour", example = "#1f6feb")]
    colour: String,
    /// From whom mail seems to come; null: the merchant's name.
    #[schema(required)]
    mail_from_name: Option<String>,
    /// Where candidates' answers go.
    #[schema(required, format = Email)]
    reply_to: Option<String>,
    /// IANA name of the zone in which times are shown.
    #[schema(value_type = TimeZone)]
    time_zone: String,
    #[schema(example = "en")]
    locale: String,
    /// Seconds before an interview at which both sides are reminded.
    reminder_offsets: Vec<i64>,
    /// The merchant whose admins may act for this one.
    #[schema(required)]
    parent_id: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One merchant.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneMerchant {
    merchant: Merchant,
}

/// A page of merchants.
#[derive(Serialize, ToSchema)]
pub(crate) struct Merchants {
    merchants: Vec<Merchant>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A merchant to add.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewMerchant {
    /// A platform may keep its own id.
    id: Option<Uuid>,
    #[schema(format = "name", max_length = 200)]
    name: String,
    #[schema(format = "https-url", max_length = 2000)]
    base_url: Option<String>,
    #[schema(format = "colour")]
    colour: Option<String>,
    #[schema(format = "line", max_length = 200)]
    mail_from_name: Option<String>,
    #[schema(format = Email)]
    reply_to: Option<String>,
    time_zone: Option<TimeZone>,
    #[schema(format = "line", max_length = 35)]
    locale: Option<String>,
    #[schema(max_items = 10, minimum = 60, maximum = 7_776_000)]
    reminder_offsets: Option<Vec<i64>>,
    parent_id: Option<Uuid>,
}

/// What is wrapped in `merchant`.
#[derive(ToSchema)]
#[schema(examples(json!({ "merchant": { "name": "Acme Couriers", "colour": "#0b7285", "time_zone": "Europe/London" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewMerchantBody {
    merchant: NewMerchant,
}

/// What changes of a merchant: what is absent stays, what is null goes back to its default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct MerchantChange {
    #[schema(nullable = false, format = "name", max_length = 200)]
    name: Option<String>,
    #[schema(format = "https-url", max_length = 2000)]
    base_url: Option<String>,
    #[schema(format = "colour")]
    colour: Option<String>,
    #[schema(format = "line", max_length = 200)]
    mail_from_name: Option<String>,
    #[schema(format = Email)]
    reply_to: Option<String>,
    time_zone: Option<TimeZone>,
    #[schema(format = "line", max_length = 35)]
    locale: Option<String>,
    #[schema(max_items = 10, minimum = 60, maximum = 7_776_000)]
    reminder_offsets: Option<Vec<i64>>,
    parent_id: Option<Uuid>,
}

/// What is wrapped in `merchant`.
#[derive(ToSchema)]
#[schema(examples(json!({ "merchant": { "reply_to": "people@acme.example" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct MerchantChangeBody {
    merchant: MerchantChange,
}

/// Merchants, newest first
#[utoipa::path(
    get, path = "/api/v1/merchants", tag = "Merchants", operation_id = "list_merchants", params(PageByUuid),
    responses((status = 200, description = "A page of them.", body = Merchants))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Merchants>, Problem> {
    principal.must_be_service()?;
    let (limit, below) = (query.limit(), query.cursor(Uuid::max())).together()?;
    let rows = merchants::page(&mut app.db.read().await?, below, limit + 1).await?;
    let (merchants, next_cursor) = paging::cut(rows, limit, |m| m.id.to_string(), shown);
    Ok(Json(Merchants { merchants, next_cursor }))
}

/// One merchant
#[utoipa::path(
    get, path = "/api/v1/merchants/{id}", tag = "Merchants", operation_id = "show_merchant",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The merchant.", body = OneMerchant))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<OneMerchant>, Problem> {
    principal.must_be_service()?;
    let found = merchants::find(&mut app.db.read().await?, paging::id(&id)?).await?;
    found.map(|m| Json(OneMerchant { merchant: shown(m) })).ok_or(Problem::NotFound(paging::ABSENT))
}

/// Add a merchant
#[utoipa::path(
    post, path = "/api/v1/merchants", tag = "Merchants", operation_id = "create_merchant",
    request_body = NewMerchantBody,
    responses((status = 201, description = "The merchant.", body = OneMerchant))
)]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_service()?;
    let mut work = match plain::begin(
        &app,
        &principal,
        &headers,
        Uuid::nil(),
        "/api/v1/merchants",
        &body.bytes,
    )
    .await?
    {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    let now = app.clock.now();
    let mut merchant = merchants::Merchant {
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
    work.merchant = merchant.id;
    work.created(OneMerchant { merchant: shown(merchant) }, None).await
}

/// Change a merchant
///
/// What is absent stays, what is null goes back to its default.
#[utoipa::path(
    patch, path = "/api/v1/merchants/{id}", tag = "Merchants", operation_id = "change_merchant",
    params(("id" = Uuid, Path)), request_body = MerchantChangeBody,
    responses((status = 200, description = "The merchant as it is now.", body = OneMerchant))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OneMerchant>, Problem> {
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
    let subject = format!("merchant/{}", merchant.id);
    principal.note(&mut tx, &app.clock, merchant.id, "change_merchant", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(OneMerchant { merchant: shown(merchant) }))
}

/// Reads the members that may change; what is absent stays, what is null goes back to its default.
fn read(fields: &mut Fields<'_>, m: &mut merchants::Merchant) {
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
        m.time_zone = fields.time_zone("time_zone").unwrap_or_else(|| "UTC".to_owned());
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
async fn check_parent(tx: &mut shared::db::Conn, m: &merchants::Merchant) -> Result<(), Problem> {
    let Some(id) = m.parent_id else { return Ok(()) };
    let wrong = |detail: &str| Err(Problem::invalid("/merchant/parent_id", detail));
    match merchants::find(tx, id).await? {
        _ if id == m.id => wrong("must not be the merchant itself"),
        None => wrong("is no merchant"),
        Some(parent) if parent.parent_id.is_some() => wrong("is a sub-merchant itself"),
        Some(_) => Ok(()),
    }
}

fn shown(m: merchants::Merchant) -> Merchant {
    Merchant {
        id: m.id,
        name: m.name,
        base_url: m.base_url,
        colour: m.colour,
        mail_from_name: m.mail_from_name,
        reply_to: m.reply_to,
        time_zone: m.time_zone,
        locale: m.locale,
        reminder_offsets: m.reminder_offsets.0,
        parent_id: m.parent_id,
        created_at: rfc3339_millis(m.created_at),
        updated_at: rfc3339_millis(m.updated_at),
    }
}
