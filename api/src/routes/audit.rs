//! `GET /api/v1/audit`: who did what, when, from where.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::db::audit::{self, Entry, Filter};
use shared::domain::rfc3339_millis;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryShown {
    id: i64,
    merchant_id: Uuid,
    #[schema(format = DateTime)]
    at: String,
    /// Who: `service`, `api_key/<id>` or `user/<id>`.
    actor: String,
    /// What: `create_interview`, `revoke_api_key`, …
    action: String,
    /// To what: `interview/83`; `operation/<id>` where it had no id yet.
    #[schema(required)]
    subject: Option<String>,
    /// The request's `x-request-id`.
    request_id: String,
    /// The client's network address.
    #[schema(required)]
    address: Option<String>,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Audit {
    audit: Vec<EntryShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which entries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// Who did it.
    #[param(nullable = false)]
    actor: Option<String>,
    /// What was done.
    #[param(nullable = false)]
    action: Option<String>,
    /// To what.
    #[param(nullable = false)]
    subject: Option<String>,
    /// At this instant or later.
    #[param(nullable = false, format = DateTime)]
    from: Option<String>,
    /// Before this instant.
    #[param(nullable = false, format = DateTime)]
    to: Option<String>,
}

/// The audit log
///
/// Every write that a request made, newest first; for admins. It is only ever added to. With the service credential, the
/// nil UUID as `merchant_id` shows the platform's own entries.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "Audit", operation_id = "list_audit",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of the log.", body = Audit))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Audit>, Problem> {
    principal.must_be_admin()?;
    let (page, from, to) = (query.page(i64::MAX), query.instant("from"), query.instant("to")).together()?;
    let filter = Filter {
        actor: query.text("actor").map(str::to_owned),
        action: query.text("action").map(str::to_owned),
        subject: query.text("subject").map(str::to_owned),
        from,
        to,
    };
    let mut conn = app.db.read().await?;
    // The platform's own entries are nobody's: the nil UUID names them.
    let own = page.merchant_id.filter(|named| named.is_nil() && principal.is_service());
    let merchant = match own {
        Some(nil) => nil,
        None => principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?.id,
    };
    let rows = audit::page(&mut conn, merchant, page.start, page.limit + 1, &filter).await?;
    let (audit, next_cursor) = paging::cut(rows, page.limit, |e| e.id.to_string(), shown);
    Ok(Json(Audit { audit, next_cursor }))
}

fn shown(e: Entry) -> EntryShown {
    EntryShown {
        id: e.id,
        merchant_id: e.merchant_id,
        at: rfc3339_millis(e.at),
        actor: e.actor,
        action: e.action,
        subject: e.subject,
        request_id: e.request_id,
        address: e.address,
    }
}
