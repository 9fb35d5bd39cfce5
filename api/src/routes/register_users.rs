//! `POST /functions/v1/job-interview-register-users`: JobMojito's bulk registration (`CONTRACT.md` section 5).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value};
use shared::db::definitions::{self, Definition};
use shared::db::jobs::NewJob;
use shared::db::merchants::Merchant;
use shared::db::submissions::Submission;
use shared::domain::{JobKind, Lane, RegisterCandidates, Row, SubmissionKind};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, Ref, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::body::{Fields, JsonObject, checked};
use crate::description::{Flag, anything};
use crate::idempotency;
use crate::problem::Problem;
use crate::render::{OneBatch, UserResult};
use crate::submit::{self, Form};

/// The largest body: 10,000 users of some 800 bytes.
const LARGEST: usize = 8 * 1024 * 1024;
const MOST_USERS: usize = 10_000;
const PATH: &str = "/functions/v1/job-interview-register-users";
/// Up to so many users are one job that overtakes the chunks of larger registrations.
pub(crate) const SMALL: usize = 50;
/// Users of one job of a larger registration.
pub(crate) const CHUNK: usize = 500;

/// What a registration asks for, beside its users.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) interview_id: Uuid,
    pub(crate) send_email: bool,
    pub(crate) hide_menu: bool,
    pub(crate) hide_iframe: bool,
    pub(crate) is_test: bool,
}

/// Users to register for an interview.
#[derive(ToSchema)]
#[schema(examples(json!({
    "users": [
        { "name": "Peter Parker", "email": "jozo@jozo.sk", "external_id": "abcd" },
        { "name": "mr beast", "email": "hi@jozefbalaz.com" }
    ],
    "interview_id": "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66",
    "merchant_id": "b5201178-46dd-4a20-a1af-7ffd647f834b",
    "send_email": true,
    "hide_menu": true,
    "hide_iframe": true,
    "is_test": true
})))]
#[expect(dead_code, reason = "described here, read member by member")]
pub(crate) struct RegisterUsers {
    /// Whom to register. Each gets a link of their own.
    #[schema(min_items = 1, max_items = 10_000)]
    users: Vec<GivenUser>,
    /// An interview definition's long id, or a position's.
    interview_id: Uuid,
    /// Whose it is; required with the service credential.
    merchant_id: Option<Uuid>,
    /// Whether each candidate is mailed.
    send_email: Option<bool>,
    /// Whether the interview hides its menu.
    #[schema(required = false)]
    hide_menu: Flag,
    /// Whether the interview hides its frame.
    #[schema(required = false)]
    hide_iframe: Flag,
    /// For a trial: may take a draft, and counts for nothing.
    #[schema(required = false)]
    is_test: Flag,
}

/// What may stand in `users`: a row that is no user harms no other row, and its own result says what is wrong with it.
pub(crate) struct GivenUser;

impl ToSchema for GivenUser {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Candidate::name().into_owned(), Candidate::schema()));
    }
}

impl PartialSchema for GivenUser {
    fn schema() -> RefOr<Schema> {
        let bad = "A bad row: it gets a result that says what is wrong, and harms no other.";
        AnyOfBuilder::new().item(Ref::from_schema_name(Candidate::name())).item(anything(bad)).into()
    }
}

/// A user to register.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read member by member")]
struct Candidate {
    #[schema(format = "line", max_length = 255)]
    name: Option<String>,
    #[schema(format = Email)]
    email: String,
    /// What the client calls this person.
    #[schema(format = "line", max_length = 255)]
    external_id: Option<String>,
}

/// Register users for an interview
///
/// Up to 10,000 at once; one registration for each definition, address and `is_test`. Registering again gives the same
/// link while it opens, and a new one after that. Answered with each user's result, in the order of the request, when all
/// are there in time; else with the batch.
#[utoipa::path(
    post, path = "/functions/v1/job-interview-register-users", tag = "Bulk registration",
    operation_id = "register_users", request_body = RegisterUsers,
    responses(
        (status = 200, description = "What became of each user.", body = Vec<UserResult>),
        (status = 202, description = "Accepted; it is not done yet.", body = OneBatch)
    )
)]
pub(crate) async fn post(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject<LARGEST>,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let mut fields = Fields::new(&body.members, "");
    let merchant = principal.merchant_of(&app, &mut fields).await?;
    let scope = match &merchant {
        Some(merchant) => idempotency::scope(&headers, merchant.id, PATH, &body.bytes)?,
        None => None,
    };
    if let Some(replayed) =
        submit::replay_recorded(&app, &principal, &headers, scope.as_ref(), Form::Document).await?
    {
        return Ok(replayed);
    }
    let terms = terms(&mut fields);
    let rows = users(&mut fields);
    fields.finish()?;
    let (terms, merchant) = (checked(terms)?, checked(merchant)?);
    let definition = invited_definition(&app, &merchant, &terms).await?;
    let (submission, jobs) = plan(&app, &merchant, &definition, &terms, rows)?;
    submit::accept(&app, &principal, &headers, scope, submission, jobs).await
}

/// Register users for an interview, by its other name
///
/// The same as `/functions/v1/job-interview-register-users`: an `Idempotency-Key` counts for both.
#[utoipa::path(
    post, path = "/job-interview-register-users", tag = "Bulk registration",
    operation_id = "register_users_by_other_name", request_body = RegisterUsers,
    responses(
        (status = 200, description = "What became of each user.", body = Vec<UserResult>),
        (status = 202, description = "Accepted; it is not done yet.", body = OneBatch)
    )
)]
pub(crate) async fn post_by_other_name(
    state: State<App>,
    principal: Principal,
    headers: HeaderMap,
    body: JsonObject<LARGEST>,
) -> Result<Response, Problem> {
    post(state, principal, headers, body).await
}

fn terms(fields: &mut Fields<'_>) -> Option<Terms> {
    let interview_id = fields.uuid("interview_id");
    let interview_id = fields.required("interview_id", interview_id);
    let send_email = fields.boolean("send_email").unwrap_or(false);
    let (hide_menu, hide_iframe) = (fields.flag("hide_menu"), fields.flag("hide_iframe"));
    let is_test = fields.flag("is_test");
    Some(Terms { interview_id: interview_id?, send_email, hide_menu, hide_iframe, is_test })
}

fn users(fields: &mut Fields<'_>) -> Vec<Row> {
    match fields.value("users") {
        Some(Value::Array(users)) if (1..=MOST_USERS).contains(&users.len()) => {
            users.iter().map(row).collect()
        }
        Some(Value::Array(users)) if users.is_empty() => {
            fields.wrong("users", "must have at least one user");
            Vec::new()
        }
        Some(Value::Array(users)) => {
            let told = format!(
                "has {} users; one request takes at most {MOST_USERS}, POST /api/v1/batches more",
                users.len()
            );
            fields.wrong("users", told);
            Vec::new()
        }
        Some(_) => {
            fields.wrong("users", "must be a list of users");
            Vec::new()
        }
        None => {
            fields.wrong("users", "is required");
            Vec::new()
        }
    }
}

/// A user as it was sent. What is wrong with its shape is its own error and harms no other row.
pub(crate) fn row(user: &Value) -> Row {
    match user {
        Value::Object(members) => row_of(members),
        _ => Row { fault: Some("a user must be an object with an email".to_owned()), ..Row::default() },
    }
}

fn row_of(members: &Map<String, Value>) -> Row {
    let mut fault = None;
    let mut part = |name: &str| match members.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            fault.get_or_insert_with(|| format!("{name} must be a string"));
            None
        }
    };
    let (name, email, external_id) = (part("name"), part("email"), part("external_id"));
    Row { name, email, external_id, fault }.settled()
}

/// The definition, where it may be registered for.
pub(crate) async fn invited_definition(
    app: &App,
    merchant: &Merchant,
    terms: &Terms,
) -> Result<Definition, Problem> {
    let mut conn = app.db.read().await?;
    let found = definitions::find_invited(&mut conn, merchant.id, terms.interview_id).await?;
    let definition = found
        .ok_or(Problem::NotFound("There is no interview definition or position with this interview_id."))?;
    match definition.status.as_str() {
        "draft" if !terms.is_test => {
            Err(Problem::invalid("/interview_id", "is a draft; activate it, or register with is_test"))
        }
        "archived" => Err(Problem::invalid("/interview_id", "is archived; nobody can be registered for it")),
        _ => Ok(definition),
    }
}

/// The submission and its jobs: one in `intake` for a small registration, chunks in `bulk` for a larger one.
fn plan(
    app: &App,
    merchant: &Merchant,
    definition: &Definition,
    terms: &Terms,
    rows: Vec<Row>,
) -> Result<(Submission, Vec<NewJob>), Problem> {
    let (lane, size) = if rows.len() <= SMALL { (Lane::Intake, SMALL) } else { (Lane::Bulk, CHUNK) };
    let mut submission = submission(app, merchant, definition, terms);
    submission.total = count(rows.len());
    let mut jobs = Vec::new();
    let mut rows = rows.into_iter().peekable();
    let mut first = 0;
    while rows.peek().is_some() {
        let chunk: Vec<Row> = rows.by_ref().take(size).collect();
        let next = first + count(chunk.len());
        jobs.push(chunk_job(app, lane, &RegisterCandidates { first, rows: chunk })?);
        first = next;
    }
    submission.jobs_open = count(jobs.len());
    Ok((submission, jobs))
}

/// A registration's submission, its size still open.
pub(crate) fn submission(
    app: &App,
    merchant: &Merchant,
    definition: &Definition,
    terms: &Terms,
) -> Submission {
    let now = app.clock.now();
    let mut submission =
        Submission::new(app.entropy.uuid(now), merchant.id, SubmissionKind::RegisterUsers, now);
    submission.interview_id = Some(terms.interview_id);
    submission.definition_id = Some(definition.id);
    submission.is_test = terms.is_test;
    submission.send_email = terms.send_email;
    submission.hide_menu = terms.hide_menu;
    submission.hide_iframe = terms.hide_iframe;
    submission
}

/// The job of one chunk.
pub(crate) fn chunk_job(app: &App, lane: Lane, chunk: &RegisterCandidates) -> Result<NewJob, Problem> {
    let payload = serde_json::to_string(chunk).map_err(|_| Problem::Internal)?;
    let id = app.entropy.uuid(app.clock.now());
    Ok(NewJob { id, lane, kind: JobKind::RegisterCandidates, first_row: chunk.first, payload })
}

/// A size as the ledger counts it.
pub(crate) fn count(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
