//! `/api/v1/users`: staff, and the people whom they interview.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use shared::db::users::{self, Filter, User};
use shared::domain::rfc3339_millis;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, ABSENT, OfMerchant, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::description::TimeZone;
use crate::plain::{self, Begun, unwrapped};
use crate::problem::Problem;

const ROLES: [&str; 3] = ["admin", "staff", "candidate"];

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserShown {
    id: i64,
    merchant_id: Uuid,
    /// The name, as people read it.
    #[schema(example = "Cindy Kuvalis")]
    title: String,
    /// Where mail goes.
    #[schema(required, format = Email)]
    email: Option<String>,
    /// As interviewers see it.
    #[schema(required)]
    phone_number: Option<String>,
    /// As interviewees see it.
    #[schema(required)]
    contact_phone_number: Option<String>,
    #[schema(required, format = "https-url")]
    image: Option<String>,
    /// In which mails show times; null: the merchant's.
    #[schema(required, value_type = Option<TimeZone>)]
    time_zone: Option<String>,
    /// Null: the merchant's.
    #[schema(required)]
    locale: Option<String>,
    /// What tokens call the user in `sub`.
    #[schema(example = "1793")]
    subject: String,
    #[schema(format = "user-role")]
    role: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One user.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneUser {
    user: UserShown,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    users: Vec<UserShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A user to be added.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct NewUser {
    #[schema(format = "name", max_length = 200)]
    title: String,
    #[schema(format = Email)]
    email: Option<String>,
    #[schema(format = "line", max_length = 50)]
    phone_number: Option<String>,
    #[schema(format = "line", max_length = 50)]
    contact_phone_number: Option<String>,
    #[schema(format = "https-url", max_length = 2000)]
    image: Option<String>,
    time_zone: Option<TimeZone>,
    #[schema(format = "line", max_length = 35)]
    locale: Option<String>,
    /// What tokens call the user in `sub`; the id as text where nothing is said.
    #[schema(format = "line", max_length = 255)]
    subject: Option<String>,
    /// `candidate` where nothing is said.
    #[schema(format = "user-role")]
    role: Option<String>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `user`.
#[derive(ToSchema)]
#[schema(examples(json!({ "user": {
    "title": "Cindy Kuvalis", "email": "cindy@example.org", "phone_number": "07871 532936",
    "time_zone": "Europe/London", "role": "candidate"
} })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct NewUserBody {
    user: NewUser,
}

/// What changes of a user: what is absent stays, what is null goes back to its default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct UserChange {
    #[schema(nullable = false, format = "name", max_length = 200)]
    title: Option<String>,
    #[schema(format = Email)]
    email: Option<String>,
    #[schema(format = "line", max_length = 50)]
    phone_number: Option<String>,
    #[schema(format = "line", max_length = 50)]
    contact_phone_number: Option<String>,
    #[schema(format = "https-url", max_length = 2000)]
    image: Option<String>,
    time_zone: Option<TimeZone>,
    #[schema(format = "line", max_length = 35)]
    locale: Option<String>,
    #[schema(format = "line", max_length = 255)]
    subject: Option<String>,
    #[schema(format = "user-role")]
    role: Option<String>,
    /// Whose it is; the credential's own where nothing is said.
    merchant_id: Option<Uuid>,
}

/// What is wrapped in `user`.
#[derive(ToSchema)]
#[schema(examples(json!({ "user": { "contact_phone_number": "+44 20 7946 0958" } })))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct UserChangeBody {
    user: UserChange,
}

/// Which users.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// The address, in any case.
    #[param(nullable = false)]
    email: Option<String>,
    /// What tokens call the user.
    #[param(nullable = false)]
    subject: Option<String>,
    /// What the user may do.
    #[param(nullable = false, format = "user-role")]
    role: Option<String>,
}

/// A merchant's users
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "Users", operation_id = "list_users",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of users.", body = Users))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Users>, Problem> {
    principal.must_be_staff()?;
    let (page, role) = (query.page(i64::MAX), query.word("role", &ROLES)).together()?;
    let filter = Filter {
        email_key: query.text("email").map(|email| email.trim().to_lowercase()),
        subject: query.text("subject").map(str::to_owned),
        role: role.map(str::to_owned),
    };
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = users::page(&mut conn, merchant.id, page.start, page.limit + 1, &filter).await?;
    let (users, next_cursor) = paging::cut(rows, page.limit, |u| u.id.to_string(), shown);
    Ok(Json(Users { users, next_cursor }))
}

/// One user
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "Users", operation_id = "show_user",
    params(("id" = i64, Path), OfMerchant),
    responses((status = 200, description = "The user.", body = OneUser))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<OneUser>, Problem> {
    principal.must_be_staff()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let found = users::find(&mut conn, paging::id(&id)?, merchant.id).await?;
    found.map(|user| Json(OneUser { user: shown(user) })).ok_or(Problem::NotFound(ABSENT))
}

/// Add a user
///
/// Only an admin makes admins.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "Users", operation_id = "create_user", request_body = NewUserBody,
    responses((status = 201, description = "The user.", body = OneUser))
)]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "user")?, "/user");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let now = app.clock.now();
    let mut user = User {
        id: 0,
        merchant_id: Uuid::nil(),
        title: String::new(),
        email: None,
        email_key: None,
        phone_number: None,
        contact_phone_number: None,
        image: None,
        time_zone: None,
        locale: None,
        subject: String::new(),
        role: "candidate".to_owned(),
        created_at: now,
        updated_at: now,
    };
    if !fields.given("title") {
        fields.required::<()>("title", None);
    }
    read(&mut fields, &mut user);
    fields.finish()?;
    may_make(&principal, &user)?;
    let merchant = checked(merchant)?;
    user.merchant_id = merchant.id;
    let begun = plain::begin(&app, &principal, &headers, merchant.id, "/api/v1/users", &body.bytes).await?;
    let mut work = match begun {
        Begun::Fresh(work) => work,
        Begun::Replayed(response) => return Ok(response),
    };
    let stored = if user.subject.is_empty() {
        users::insert_named_after_id(&mut work.tx, &user, app.entropy.uuid(now)).await?
    } else {
        users::insert(&mut work.tx, &user).await?
    };
    work.created(OneUser { user: shown(stored) }, None).await
}

/// Change a user
///
/// An admin is changed by admins only.
#[utoipa::path(
    patch, path = "/api/v1/users/{id}", tag = "Users", operation_id = "change_user",
    params(("id" = i64, Path)), request_body = UserChangeBody,
    responses((status = 200, description = "The user.", body = OneUser))
)]
pub(crate) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Json<OneUser>, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(unwrapped(&body.members, "user")?, "/user");
    let named = fields.uuid("merchant_id");
    let mut tx = app.db.begin().await?;
    let merchant = principal.merchant(&mut tx, named, "/user/merchant_id").await?;
    let found = users::lock(&mut tx, paging::id(&id)?, merchant.id).await?;
    let mut user = found.ok_or(Problem::NotFound(ABSENT))?;
    may_make(&principal, &user)?;
    read(&mut fields, &mut user);
    fields.finish()?;
    may_make(&principal, &user)?;
    if user.subject.is_empty() {
        user.subject = user.id.to_string();
    }
    user.updated_at = app.clock.now();
    users::update(&mut tx, &user).await?;
    let subject = format!("user/{}", user.id);
    principal.note(&mut tx, &app.clock, merchant.id, "change_user", Some(&subject)).await?;
    tx.commit().await?;
    Ok(Json(OneUser { user: shown(user) }))
}

/// Whoever could make or change an admin could become one.
fn may_make(principal: &Principal, user: &User) -> Result<(), Problem> {
    if user.role == "admin" { principal.must_be_admin() } else { Ok(()) }
}

fn read(fields: &mut Fields<'_>, u: &mut User) {
    if fields.given("title") {
        let title = fields.line("title", 200);
        u.title = fields.required("title", title).unwrap_or_default();
    }
    if fields.given("email") {
        let email = fields.email("email");
        u.email_key = email.as_ref().map(shared::domain::EmailAddress::key);
        u.email = email.map(|email| email.as_str().to_owned());
    }
    if fields.given("phone_number") {
        u.phone_number = fields.line("phone_number", 50);
    }
    if fields.given("contact_phone_number") {
        u.contact_phone_number = fields.line("contact_phone_number", 50);
    }
    if fields.given("image") {
        u.image = fields.url("image");
    }
    if fields.given("time_zone") {
        u.time_zone = fields.time_zone("time_zone");
    }
    if fields.given("locale") {
        u.locale = fields.line("locale", 35);
    }
    if fields.given("subject") {
        u.subject = fields.line("subject", 255).unwrap_or_default();
    }
    if fields.given("role") {
        u.role = fields.word("role", &ROLES).unwrap_or_else(|| "candidate".to_owned());
    }
}

/// The user object.
pub(super) fn shown(u: User) -> UserShown {
    UserShown {
        id: u.id,
        merchant_id: u.merchant_id,
        title: u.title,
        email: u.email,
        phone_number: u.phone_number,
        contact_phone_number: u.contact_phone_number,
        image: u.image,
        time_zone: u.time_zone,
        locale: u.locale,
        subject: u.subject,
        role: u.role,
        created_at: rfc3339_millis(u.created_at),
        updated_at: rfc3339_millis(u.updated_at),
    }
}
