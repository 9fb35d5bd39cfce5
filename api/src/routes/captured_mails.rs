//! `GET /api/v1/captured-mails`: the embedded default's mailbox. Mail is captured where no `SMTP_URL` is set.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use shared::db::captured_mails::{self, CapturedMail};
use shared::domain::{CAPTURED_LINK, ViewFlags, rfc3339_millis};

use super::paging::{self, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, LinkParts};

/// Captured mails, newest first: a merchant's own, or with the service credential everybody's; `to=` one address.
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Value>, Problem> {
    principal.must_be_admin()?;
    let limit = query.limit()?;
    let mut conn = app.db.read().await?;
    let merchant = match query.merchant_id()? {
        None if principal.is_service() => None,
        named => Some(principal.merchant(&mut conn, named, "?merchant_id").await?.id),
    };
    let rows =
        captured_mails::page(&mut conn, merchant, query.cursor(i64::MAX)?, limit + 1, query.text("to"))
            .await?;
    Ok(Json(paging::page("captured_mails", rows, limit, |m| m.id.to_string(), |m| shown(&app, m))))
}

/// One captured mail.
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    principal.must_be_admin()?;
    let mut conn = app.db.read().await?;
    let mail =
        captured_mails::find(&mut conn, paging::id(&id)?).await?.ok_or(Problem::NotFound(paging::ABSENT))?;
    if !principal.sees(&mut conn, mail.merchant_id).await? {
        return Err(Problem::NotFound(paging::ABSENT));
    }
    Ok(Json(json!({ "captured_mail": shown(&app, &mail) })))
}

/// The mail with its link put back: it was cut out before the mail was stored.
fn shown(app: &App, m: &CapturedMail) -> Value {
    let link = link(app, m).unwrap_or_default();
    json!({
        "id": m.id, "merchant_id": m.merchant_id, "to": m.recipient, "subject": m.subject, "message_id": m.message_id,
        "text": m.text.replace(CAPTURED_LINK, &link), "html": m.html.replace(CAPTURED_LINK, &link.replace('&', "&amp;")),
        "calendar": m.calendar, "captured_at": rfc3339_millis(m.captured_at),
    })
}

/// The link that belongs into the mail; a mail about an interview has none.
fn link(app: &App, m: &CapturedMail) -> Option<String> {
    let parts = LinkParts {
        merchant: m.merchant_id,
        base_url: m.base_url.as_deref(),
        interview: m.interview_id?,
        registration: m.registration_id?,
        generation: m.generation,
        key_id: m.key_id?,
        nonce: m.nonce.as_deref()?,
        flags: ViewFlags { hide_menu: m.hide_menu?, hide_iframe: m.hide_iframe? },
    };
    render::link(app, &parts)
}
