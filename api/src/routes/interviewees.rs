//! `/api/v1/interviewees`: users as those who are interviewed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::interviewees::{self, Interviewee};
use shared::db::{Conn, users};
use shared::domain::rfc3339_millis;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, ABSENT, OfMerchant, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const KINDS: [&str; 3] = ["interview", "verified", "rejected"];

/// An interviewee.
#[derive(Serialize, ToSchema)]
#[schema(as = Interviewee)]
pub(crate) struct IntervieweeOfMerchant {
    id: i64,
    merchant_id: Uuid,
    /// The person.
    user_id: i64,
    #[schema(format = "interviewee-kind")]
    kind: String,
    /// ISO 4217.
    #[schema(required)]
    currency: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One interviewee.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneInterviewee {
    interviewee: IntervieweeOfMerchant,
}

/// A page of interviewees.
#[derive(Serialize, ToSchema)]
pub(crate) struct Interviewees {
    interviewees: Vec<IntervieweeOfMerchant>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An interviewee to be added.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct NewInterviewee {
    /// The person.
    #[schema(minimum = 1)]
    user_id: i64,
    /// `interview` where nothing is said.
    #[schema(format = "interviewee-kind")]
    kind: Option<String>,
    /// ISO 4217, such as GBP.
    #[schema(format = "currency")]
    currency: Option<String>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `interviewee`.
#[derive(ToSchema)]
#[schema(examples(json!({ "interviewee": { "user_id": 1793, "kind": "verified", "currency": "GBP" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewIntervieweeBody {
    interviewee: NewInterviewee,
}

/// What changes of an interviewee: what is absent stays, what is null goes back to its default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct IntervieweeChange {
    #[schema(nullable = false, minimum = 1)]
    user_id: Option<i64>,
    #[schema(format = "interviewee-kind")]
    kind: Option<String>,
    #[schema(format = "currency")]
    currency: Option<String>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `interviewee`.
#[derive(ToSchema)]
#[schema(examples(json!({ "interviewee": { "kind": "verified" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct IntervieweeChangeBody {
    interviewee: IntervieweeChange,
}

/// Which interviewees.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// Of this user.
    #[param(nullable = false)]
    user_id: Option<i64>,
    /// Of this kind.
    #[param(nullable = false, format = "interviewee-kind")]
    kind: Option<String>,
}

/// A merchant's interviewees
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/interviewees", tag = "Interviewees", operation_id = "list_interviewees",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of interviewees.", body = Interviewees))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Interviewees>, Problem> {
    principal.must_be_staff()?;
    let (user, kind) = (query.parsed("user_id", "a whole number"), query.word("kind", &KINDS));
    let (page, user, kind) = (query.page(i64::MAX), user, kind).together()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = interviewees::page(&mut conn, merchant.id, page.start, page.limit + 1, user, kind).await?;
    let (interviewees, next_cursor) = paging::cut(rows, page.limit, |e| e.id.to_string(), shown);
    Ok(Json(Interviewees { interviewees, next_cursor }))
}

/// One interviewee
#[utoipa::path(
    get, path = "/api/v1/interviewees/{id}", tag = "Interviewees", operation_id = "show_interviewee",
    params(("id" = i64, Path), OfMerchant),
    responses((status = 200, description = "The interviewee.", body = OneInterviewee))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneInterviewee>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = interviewees::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|e| Json(OneInterviewee { interviewee: shown(e) })).ok_or(Problem::NotFound(ABSENT))
}

/// Add an interviewee
#[utoipa::path(
    post, path = "/api/v1/interviewees", tag = "Interviewees", operation_id = "create_interviewee",
    request_body = NewIntervieweeBody,
    responses((status = 201, description = "The interviewee.", body = OneInterviewee))
)]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "interviewee")?, "/interviewee");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let now = app.clock.now();
    let mut interviewee = Interviewee {
        id: 0,
        merchant_id: Uuid::nil(),
        user_id: 0,
        kind: "interview".to_owned(),
        currency: None,
        created_at: now,
        updated_at: now,
    };
    if !fields.given("user_id") {
        fields.required::<()>("user_id", None);
    }
    read(&mut fields, &mut interviewee);
    fields.finish()?;
    let merchant = checked(merchant)?;
    interviewee.merchant_id = merchant.id;
    let path = "/api/v1/interviewees";
    let mut work = match plain::begin(&app, &principal, &headers, merchant.id, path, &body.bytes).await? {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    must_exist(&mut work.tx, &interviewee).await?;
    let stored = interviewees::insert(&mut work.tx, &interviewee).await?;
    work.created(OneInterviewee { interviewee: shown(stored) }, None).await
}

/// Change an interviewee
#[utoipa::path(
    patch, path = "/api/v1/interviewees/{id}", tag = "Interviewees", operation_id = "change_interviewee",
    params(("id" = i64, Path)), request_body = IntervieweeChangeBody,
    responses((status = 200, description = "The interviewee.", body = OneInterviewee))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OneInterviewee>, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "interviewee")?, "/interviewee");
    let named = fields.uuid("merchant_id");
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, named, "/interviewee/merchant_id").await?;
    let found = interviewees::lock(&mut tx, paging::id(&id)?, merchant.id).await?;
    let mut interviewee = found.ok_or(Problem::NotFound(ABSENT))?;
    read(&mut fields, &mut interviewee);
    fields.finish()?;
    must_exist(&mut tx, &interviewee).await?;
    interviewee.updated_at = app.clock.now();
    interviewees::update(&mut tx, &interviewee).await?;
    let subject = format!("interviewee/{}", interviewee.id);
    principal.note(&mut tx, &app.clock, merchant.id, "change_interviewee", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(OneInterviewee { interviewee: shown(interviewee) }))
}

fn read(fields: &mut Fields<'_>, e: &mut Interviewee) {
    if fields.given("user_id") {
        let user = fields.integer("user_id", 1, i64::MAX);
        e.user_id = fields.required("user_id", user).unwrap_or_default();
    }
    if fields.given("kind") {
        e.kind = fields.word("kind", &KINDS).unwrap_or_else(|| "interview".to_owned());
    }
    if fields.given("currency") {
        e.currency = fields.text("currency", 3);
        let is_code = |code: &String| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !e.currency.as_ref().is_none_or(is_code) {
            fields.wrong("currency", "must be three capital letters, such as GBP");
        }
    }
}

async fn must_exist(conn: &mut Conn, e: &Interviewee) -> Result<(), Problem> {
    match users::find(conn, e.user_id, e.merchant_id).await? {
        Some(_) => Ok(()),
        None => Err(Problem::invalid("/interviewee/user_id", "is no user of this merchant")),
    }
}

/// The interviewee object.
pub(super) fn shown(e: Interviewee) -> IntervieweeOfMerchant {
    IntervieweeOfMerchant {
        id: e.id,
        merchant_id: e.merchant_id,
        user_id: e.user_id,
        kind: e.kind,
        currency: e.currency,
        created_at: rfc3339_millis(e.created_at),
        updated_at: rfc3339_millis(e.updated_at),
    }
}
