//! `GET /api/v1/captured-mails`: the embedded default's mailbox. Mail is captured where no `SMTP_URL` is set.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use shared::db::captured_mails::{self, CapturedMail};
use shared::domain::{CAPTURED_LINK, ViewFlags, rfc3339_millis};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::paging::{self, OfMerchant, PageByNumber, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, LinkParts};

/// A mail that was kept instead of sent, as its reader would see it.
#[derive(Serialize, ToSchema)]
#[schema(as = CapturedMail)]
pub(crate) struct MailShown {
    id: i64,
    merchant_id: Uuid,
    #[schema(format = Email)]
    to: String,
    #[schema(example = "Your interview with Acme Couriers")]
    subject: String,
    message_id: String,
    text: String,
    html: String,
    /// The iCalendar object, where the mail has one.
    #[schema(required)]
    calendar: Option<String>,
    #[schema(format = DateTime)]
    captured_at: String,
}

/// One captured mail.
#[derive(Serialize, ToSchema)]
#[schema(as = OneCapturedMail)]
pub(crate) struct OneMail {
    captured_mail: MailShown,
}

/// A page of captured mails.
#[derive(Serialize, ToSchema)]
#[schema(as = CapturedMails)]
pub(crate) struct Mails {
    captured_mails: Vec<MailShown>,
    /// Where the next page begins; null: this is the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which mails.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wanted {
    /// Only those to this address.
    #[param(nullable = false)]
    to: Option<String>,
}

/// Captured mails, newest first
///
/// Mail is captured where no mail server is configured. With the service credential, everybody's, unless a merchant is named.
#[utoipa::path(
    get, path = "/api/v1/captured-mails", tag = "Mail", operation_id = "list_captured_mails",
    params(Wanted, OfMerchant, PageByNumber),
    responses((status = 200, description = "A page of them.", body = Mails))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<Mails>, Problem> {
    principal.must_be_admin()?;
    let page = query.page(i64::MAX)?;
    let mut conn = app.db.read().await?;
    let merchant = match page.merchant_id {
        None if principal.is_service() => None,
        named => Some(principal.merchant(&mut conn, named, "?merchant_id").await?.id),
    };
    let rows =
        captured_mails::page(&mut conn, merchant, page.start, page.limit + 1, query.text("to")).await?;
    let (captured_mails, next_cursor) =
        paging::cut(rows, page.limit, |m| m.id.to_string(), |m| shown(&app, m));
    Ok(Json(Mails { captured_mails, next_cursor }))
}

/// One captured mail
#[utoipa::path(
    get, path = "/api/v1/captured-mails/{id}", tag = "Mail", operation_id = "show_captured_mail",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The mail.", body = OneMail))
)]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<OneMail>, Problem> {
    principal.must_be_admin()?;
    let mut conn = app.db.read().await?;
    let mail =
        captured_mails::find(&mut conn, paging::id(&id)?).await?.ok_or(Problem::NotFound(paging::ABSENT))?;
    if !principal.sees(&mut conn, mail.merchant_id).await? {
        return Err(Problem::NotFound(paging::ABSENT));
    }
    Ok(Json(OneMail { captured_mail: shown(&app, mail) }))
}

/// The mail with its link put back: it was cut out before the mail was stored.
pub(super) fn shown(app: &App, m: CapturedMail) -> MailShown {
    let link = link(app, &m).unwrap_or_default();
    MailShown {
        id: m.id,
        merchant_id: m.merchant_id,
        to: m.recipient,
        subject: m.subject,
        message_id: m.message_id,
        text: m.text.replace(CAPTURED_LINK, &link),
        html: m.html.replace(CAPTURED_LINK, &link.replace('&', "&amp;")),
        calendar: m.calendar,
        captured_at: rfc3339_millis(m.captured_at),
    }
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
