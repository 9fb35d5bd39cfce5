//! `POST /api/v1/batches`: up to 1,000,000 users as CSV, NDJSON or JSON, with flat memory (`CONTRACT.md` section 5).

use axum::extract::{Request, State};
use axum::response::Response;
use shared::db::idempotency::Scope;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use super::given_terms::GivenTerms;
use super::rows::Kind;
use super::upload;
use crate::app::App;
use crate::auth::Principal;
use crate::body;
use crate::description::Flag;
use crate::idempotency;
use crate::problem::Problem;
use crate::render::OneBatch;
use crate::routes::paging::Query;
use crate::routes::register_users::{GivenUser, Terms, invited_definition, submission};
use crate::submit::{self, Form};

const PATH: &str = "/api/v1/batches";

/// What the rows are registered for. A JSON body may carry the same; what stands in the URL goes first.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Asked {
    /// An interview definition's long id, or a position's. Required, unless a JSON body has it.
    #[param(nullable = false)]
    interview_id: Option<Uuid>,
    /// Whose it is; required with the service credential.
    #[param(nullable = false)]
    merchant_id: Option<Uuid>,
    /// Whether each candidate is mailed.
    #[param(nullable = false)]
    send_email: Option<bool>,
    /// Whether the interview hides its menu.
    #[param(nullable = false)]
    hide_menu: Option<bool>,
    /// Whether the interview hides its frame.
    #[param(nullable = false)]
    hide_iframe: Option<bool>,
    /// For a trial: may take a draft, and counts for nothing.
    #[param(nullable = false)]
    is_test: Option<bool>,
}

/// An upload as JSON, with what it asks for or without.
#[derive(ToSchema)]
#[schema(examples(json!({
    "users": [{ "name": "Peter Parker", "email": "jozo@jozo.sk", "external_id": "abcd" }],
    "interview_id": "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66"
})))]
#[expect(dead_code, reason = "described here, read member by member")]
struct Upload {
    #[schema(min_items = 1, max_items = 1_000_000)]
    users: Vec<GivenUser>,
    interview_id: Option<Uuid>,
    merchant_id: Option<Uuid>,
    send_email: Option<bool>,
    #[schema(required = false)]
    hide_menu: Flag,
    #[schema(required = false)]
    hide_iframe: Flag,
    #[schema(required = false)]
    is_test: Flag,
}

/// An upload as JSON: an object, or its bare list of users.
struct GivenUpload;

impl ToSchema for GivenUpload {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Upload::name().into_owned(), Upload::schema()));
        Upload::schemas(schemas);
    }
}

impl PartialSchema for GivenUpload {
    fn schema() -> RefOr<Schema> {
        let users = Ref::from_schema_name(GivenUser::name());
        let list = ArrayBuilder::new().items(users).min_items(Some(1)).max_items(Some(1_000_000));
        OneOfBuilder::new().item(Ref::from_schema_name(Upload::name())).item(list).into()
    }
}

/// An upload as CSV.
struct CsvRows;

impl ToSchema for CsvRows {}

impl PartialSchema for CsvRows {
    fn schema() -> RefOr<Schema> {
        let about = "A header row with the column `email`, and `name` and `external_id` or not, in any order; then rows.";
        // Simpler than what is taken: quotes, other columns and capitals are, too.
        let pattern = r#"^([a-z_]*,)*email(,[a-z_]*)*\r?\n([^"\r\n]+\r?\n)+$"#;
        text(about, pattern)
    }
}

/// An upload as NDJSON.
struct NdjsonRows;

impl ToSchema for NdjsonRows {}

impl PartialSchema for NdjsonRows {
    fn schema() -> RefOr<Schema> {
        text("A JSON object per line; blank lines are passed over.", r"[^\t\n\x0c\r \ufeff]")
    }
}

fn text(about: &str, pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about)).pattern(Some(pattern)).into()
}

/// Register up to 1,000,000 users at once
///
/// CSV with a header row (`name,email,external_id` in any order), or a JSON object per line, or JSON as for the smaller
/// registration. Taken whole, then committed as one batch. Always answered 202.
#[utoipa::path(
    post, path = "/api/v1/batches", tag = "Bulk registration", operation_id = "create_batch", params(Asked),
    request_body(content(
        (GivenUpload = "application/json"),
        (CsvRows = "text/csv", example = "name,email,external_id\r\nPeter Parker,jozo@jozo.sk,abcd\r\n"),
        (NdjsonRows = "application/x-ndjson", example = "{\"email\": \"hi@jozefbalaz.com\"}\n")
    )),
    responses((status = 202, description = "The batch, accepted.", body = OneBatch))
)]
pub(crate) async fn post(
    State(app): State<App>,
    principal: Principal,
    query: Query,
    request: Request,
) -> Result<Response, Problem> {
    principal.must_be_staff()?;
    let (parts, content) = request.into_parts();
    let types = ["text/csv", "application/x-ndjson", "application/json"];
    let kind = match body::must_be(&parts.headers, &types)? {
        "text/csv" => Kind::Csv,
        "application/json" => Kind::Json,
        _ => Kind::Ndjson,
    };
    let spooled = upload::spool(content).await?;
    // A JSON body may carry the terms itself; what stands in the URL goes first.
    let terms = match kind {
        Kind::Json => spooled.terms(query.clone()).await?,
        Kind::Csv | Kind::Ndjson => GivenTerms::read(&query)?,
    };
    let merchant = principal.merchant(&mut app.db.read().await?, terms.merchant_id, "?merchant_id").await?;
    let scope = idempotency::key(&parts.headers)?.map(|key| Scope {
        merchant: merchant.id,
        path: PATH.to_owned(),
        key,
        fingerprint: spooled.fingerprint_with(&query),
    });
    if let Some(replayed) =
        submit::replay_recorded(&app, &principal, &parts.headers, scope.as_ref(), Form::Batch).await?
    {
        return Ok(replayed);
    }
    let terms: Terms = terms.into_terms()?;
    let definition = invited_definition(&app, &merchant, &terms).await?;
    let batch = submission(&app, &merchant, &definition, &terms);
    let Some(batch) = spooled.commit(&app, &principal, kind, scope.as_ref(), batch).await? else {
        let replayed =
            submit::replay_recorded(&app, &principal, &parts.headers, scope.as_ref(), Form::Batch).await?;
        return replayed.ok_or(Problem::Internal);
    };
    Ok(submit::accepted(&app, &batch))
}
