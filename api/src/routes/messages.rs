//! `GET /api/v1/messages`: mails and what became of them, for operators.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::db::messages::{self, MessageRow};
use shared::domain::rfc3339_millis;

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

const STATUSES: [&str; 7] = ["queued", "sending", "deferred", "sent", "failed", "suppressed", "skipped"];

/// A merchant's messages, newest first, by status.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let limit = query.limit()?;
    let status = query.word("status", &STATUSES)?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, query.merchant_id()?, "?merchant_id").await?;
    let rows = messages::page(&mut conn, merchant.id, query.cursor(i64::MAX)?, limit + 1, status).await?;
    Ok(Json(paging::page("messages", rows, limit, |m| m.id.to_string(), shown)))
}

fn shown(m: &MessageRow) -> Value {
    json!({
        "id": m.id, "kind": m.kind, "status": m.status, "to": m.email, "registration_id": m.registration_id,
        "operation_id": m.submission_id, "attempts": m.attempts, "due_at": rfc3339_millis(m.due_at),
        "last_error": m.last_error, "sent_at": m.sent_at.map(rfc3339_millis), "created_at": rfc3339_millis(m.created_at),
    })
}
