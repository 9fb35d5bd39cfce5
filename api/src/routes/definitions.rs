//! `/api/v1/interview-definitions`: what candidates are invited to (`CONTRACT.md` section 8).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::definitions::{self, Definition, seconds};
use shared::domain::{placeholders, rfc3339_millis};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByNumber, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const DAY: i64 = 86_400;
const THREE_DAYS: i64 = 3 * DAY;
const NINETY_DAYS: i64 = 90 * DAY;
const FOURTEEN_DAYS: i64 = 14 * 86_400;
const TEN_YEARS: i64 = 3_650 * 86_400;

/// What candidates are invited to.
#[derive(Serialize, ToSchema)]
#[schema(as = InterviewDefinition)]
pub(crate) struct DefinitionShown {
    /// The short id.
    id: i64,
    /// The long id, which links and registrations name.
    interview_id: Uuid,
    merchant_id: Uuid,
    name: String,
    #[schema(format = "definition-status")]
    status: String,
    #[schema(required, format = "https-url")]
    launch_url: Option<String>,
    link_ttl_seconds: i64,
    #[schema(required)]
    mail_subject: Option<String>,
    #[schema(required)]
    mail_text: Option<String>,
    /// Seconds after the invitation at which a link that was not opened yet is reminded of.
    remind_after: Vec<i64>,
    /// Seconds before the link's end at which it is, too.
    remind_before_expiry: Vec<i64>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One interview definition.
#[derive(Serialize, ToSchema)]
#[schema(as = OneInterviewDefinition)]
pub(crate) struct OneDefinition {
    interview_definition: DefinitionShown,
}

/// A page of interview definitions.
#[derive(Serialize, ToSchema)]
#[schema(as = InterviewDefinitions)]
pub(crate) struct Definitions {
    interview_definitions: Vec<DefinitionShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An interview definition to add.
#[derive(ToSchema)]
#[schema(as = NewInterviewDefinition)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewDefinition {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    /// A platform may keep its own id.
    interview_id: Option<Uuid>,
    #[schema(format = "name", max_length = 200)]
    name: String,
    #[schema(format = "definition-status")]
    status: Option<String>,
    /// Where a used link leads to, with a `session`; null: a page that says that one may begin.
    #[schema(format = "https-url", max_length = 2000)]
    launch_url: Option<String>,
    /// How long a link opens; null: 14 days.
    #[schema(minimum = 1, maximum = 315_360_000)]
    link_ttl_seconds: Option<i64>,
    /// The invitation's subject; null: the house's own.
    #[schema(format = "line", max_length = 500)]
    mail_subject: Option<String>,
    /// The invitation's own paragraphs; null: the house's.
    #[schema(format = "text", max_length = 20_000)]
    mail_text: Option<String>,
    /// Seconds after the invitation at which a link that was not opened yet is reminded of; three days where nothing is
    /// said. An empty list: never.
    #[schema(max_items = 10, minimum = 3_600, maximum = 7_776_000)]
    remind_after: Option<Vec<i64>>,
    /// Seconds before the link's end at which it is, too; one day where nothing is said.
    #[schema(max_items = 10, minimum = 3_600, maximum = 7_776_000)]
    remind_before_expiry: Option<Vec<i64>>,
}

/// What is wrapped in `interview_definition`.
#[derive(ToSchema)]
#[schema(
    as = NewInterviewDefinitionBody,
    examples(json!({ "interview_definition": { "name": "Driver, Bratislava", "link_ttl_seconds": 604_800 } }))
)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewDefinitionBody {
    interview_definition: NewDefinition,
}

/// What changes of an interview definition: what is absent stays, what is null goes back to its default.
#[derive(ToSchema)]
#[schema(as = InterviewDefinitionChange)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct DefinitionChange {
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    #[schema(nullable = false, format = "name", max_length = 200)]
    name: Option<String>,
    #[schema(format = "definition-status")]
    status: Option<String>,
    /// Where a used link leads to, with a `session`; null: a page that says that one may begin.
    #[schema(format = "https-url", max_length = 2000)]
    launch_url: Option<String>,
    /// How long a link opens; null: 14 days.
    #[schema(minimum = 1, maximum = 315_360_000)]
    link_ttl_seconds: Option<i64>,
    /// The invitation's subject; null: the house's own.
    #[schema(format = "line", max_length = 500)]
    mail_subject: Option<String>,
    /// The invitation's own paragraphs; null: the house's.
    #[schema(format = "text", max_length = 20_000)]
    mail_text: Option<String>,
    /// Seconds after the invitation at which a link that was not opened yet is reminded of; three days where nothing is
    /// said. An empty list: never.
    #[schema(max_items = 10, minimum = 3_600, maximum = 7_776_000)]
    remind_after: Option<Vec<i64>>,
    /// Seconds before the link's end at which it is, too; one day where nothing is said.
    #[schema(max_items = 10, minimum = 3_600, maximum = 7_776_000)]
    remind_before_expiry: Option<Vec<i64>>,
}

/// What is wrapped in `interview_definition`.
#[derive(ToSchema)]
#[schema(
    as = InterviewDefinitionChangeBody,
    examples(json!({ "interview_definition": { "status": "archived" } }))
)]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct DefinitionChangeBody {
    interview_definition: DefinitionChange,
}

/// Which definition.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `find`")]
struct ById {
    /// The short id, or the long one.
    #[param(format = "definition-id")]
    id: String,
}

/// A merchant's interview definitions, newest first
#[utoipa::path(
    get, path = "/api/v1/interview-definitions", tag = "Interview definitions",
    operation_id = "list_interview_definitions", params(OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of them.", body = Definitions))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Definitions>, Problem> {
    principal.must_be_staff()?;
    let page = query.page(i64::MAX)?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = definitions::page(&mut conn, merchant.id, page.start, page.limit + 1).await?;
    let (interview_definitions, next_cursor) = paging::cut(rows, page.limit, |d| d.id.to_string(), shown);
    Ok(Json(Definitions { interview_definitions, next_cursor }))
}

/// One interview definition
#[utoipa::path(
    get, path = "/api/v1/interview-definitions/{id}", tag = "Interview definitions",
    operation_id = "show_interview_definition", params(ById, OfMerchant),
    responses((status = 200, description = "The definition.", body = OneDefinition))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneDefinition>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = find(&mut conn, &id, merchant.id).await?;
    Ok(Json(OneDefinition { interview_definition: shown(found) }))
}

/// Add an interview definition
#[utoipa::path(
    post, path = "/api/v1/interview-definitions", tag = "Interview definitions",
    operation_id = "create_interview_definition", request_body = NewDefinitionBody,
    responses((status = 201, description = "The definition.", body = OneDefinition))
)]
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
        merchant_id: Uuid::nil(),
        name: String::new(),
        status: "active".to_owned(),
        launch_url: None,
        link_ttl_seconds: FOURTEEN_DAYS,
        mail_subject: None,
        mail_text: None,
        remind_after: seconds(vec![THREE_DAYS]),
        remind_before_expiry: seconds(vec![DAY]),
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
    work.created(OneDefinition { interview_definition: shown(stored) }, None).await
}

/// Change an interview definition
///
/// What is absent stays, what is null goes back to its default.
#[utoipa::path(
    patch, path = "/api/v1/interview-definitions/{id}", tag = "Interview definitions",
    operation_id = "change_interview_definition", params(ById), request_body = DefinitionChangeBody,
    responses((status = 200, description = "The definition as it is now.", body = OneDefinition))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OneDefinition>, Problem> {
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
    Ok(Json(OneDefinition { interview_definition: shown(definition) }))
}

/// By the short id, or by the long one.
async fn find(conn: &mut shared::db::Conn, id: &str, merchant: Uuid) -> Result<Definition, Problem> {
    let found = match id.parse::<Uuid>() {
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
    if fields.given("remind_after") {
        let given = fields.integers("remind_after", 3_600, NINETY_DAYS, 10);
        d.remind_after = seconds(given.unwrap_or_else(|| vec![THREE_DAYS]));
    }
    if fields.given("remind_before_expiry") {
        let given = fields.integers("remind_before_expiry", 3_600, NINETY_DAYS, 10);
        d.remind_before_expiry = seconds(given.unwrap_or_else(|| vec![DAY]));
    }
}

/// Refuses a template that no mail could be made from, while somebody looks who can mend it.
fn must_fill(fields: &mut Fields<'_>, name: &str, template: Option<&str>) {
    if let Some(Err(error)) = template.map(placeholders::check) {
        fields.wrong(name, error.to_string());
    }
}

/// The definition as clients see it.
pub(crate) fn shown(d: Definition) -> DefinitionShown {
    DefinitionShown {
        id: d.id,
        interview_id: d.interview_id,
        merchant_id: d.merchant_id,
        name: d.name,
        status: d.status,
        launch_url: d.launch_url,
        link_ttl_seconds: d.link_ttl_seconds,
        mail_subject: d.mail_subject,
        mail_text: d.mail_text,
        remind_after: d.remind_after.0,
        remind_before_expiry: d.remind_before_expiry.0,
        created_at: rfc3339_millis(d.created_at),
        updated_at: rfc3339_millis(d.updated_at),
    }
}
