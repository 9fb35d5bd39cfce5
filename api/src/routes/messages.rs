//! `GET /api/v1/messages`: mails and what became of them, for operators.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::db::messages::{self, MessageRow};
use shared::domain::{MessageStatus, rfc3339_millis};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByNumber, Query};
use super::together::Together;
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// A mail, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    id: i64,
    #[schema(format = "message-kind")]
    kind: String,
    #[schema(format = "message-status")]
    status: String,
    /// The reader's address; null where it was taken away.
    #[schema(required, format = Email)]
    to: Option<String>,
    /// The registration whose link it is about, where it is about one.
    #[schema(required)]
    registration_id: Option<i64>,
    /// The operation or batch that counts it; null for mails about interviews and for reminders.
    #[schema(required)]
    operation_id: Option<Uuid>,
    /// The interview that it is about, where it is about one.
    #[schema(required)]
    interview_id: Option<i64>,
    attempts: i64,
    /// When it is tried next, or was due.
    #[schema(format = DateTime)]
    due_at: String,
    #[schema(required)]
    last_error: Option<String>,
    #[schema(required, format = DateTime)]
    sent_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    messages: Vec<Message>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which messages.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// Only those that stand so.
    #[param(nullable = false, format = "message-status")]
    status: Option<String>,
}

/// A merchant's messages, newest first
#[utoipa::path(
    get, path = "/api/v1/messages", tag = "Mail", operation_id = "list_messages",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of them.", body = Messages))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Messages>, Problem> {
    let words: Vec<&str> = MessageStatus::ALL.iter().map(|status| status.as_str()).collect();
    let (page, status) = (query.page(i64::MAX), query.word("status", &words)).together()?;
    let mut conn = app.db.read().await?;
    let merchant = principal.merchant(&mut conn, page.merchant_id, "?merchant_id").await?;
    let rows = messages::page(&mut conn, merchant.id, page.start, page.limit + 1, status).await?;
    let (messages, next_cursor) = paging::cut(rows, page.limit, |m| m.id.to_string(), shown);
    Ok(Json(Messages { messages, next_cursor }))
}

pub(super) fn shown(m: MessageRow) -> Message {
    Message {
        id: m.id,
        kind: m.kind,
        status: m.status,
        to: m.email,
        registration_id: m.registration_id,
        operation_id: m.submission_id,
        interview_id: m.meeting_id,
        attempts: m.attempts,
        due_at: rfc3339_millis(m.due_at),
        last_error: m.last_error,
        sent_at: m.sent_at.map(rfc3339_millis),
        created_at: rfc3339_millis(m.created_at),
    }
}
