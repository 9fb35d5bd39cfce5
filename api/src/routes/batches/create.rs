//! `POST /api/v1/batches`: up to 1,000,000 users as CSV, NDJSON or JSON, with flat memory (`CONTRACT.md` section 5).

use axum::extract::{Request, State};
use axum::response::Response;
use shared::db::idempotency::Scope;

use super::given_terms::GivenTerms;
use super::rows::Kind;
use super::upload;
use crate::app::App;
use crate::auth::Principal;
use crate::body;
use crate::idempotency;
use crate::problem::Problem;
use crate::routes::paging::Query;
use crate::routes::register_users::{Terms, invited_definition, submission};
use crate::submit::{self, Form};

const PATH: &str = "/api/v1/batches";

/// Takes the upload whole (to disk), then commits it as one batch, and answers 202.
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
