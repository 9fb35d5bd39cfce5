//! `/interview/take/{definition}/?interview_token=…`: the candidate's page and its one button (`CONTRACT.md` section 7).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use shared::db::definitions::{self, Definition};
use shared::db::merchants::{self, Merchant};
use shared::db::registrations::{self, Registration};
use shared::domain::EmailAddress;
use utoipa::IntoParams;

use super::paging::Query;
use crate::app::App;
use crate::pages::{self, BegunPage, Gone, GonePage, InvitationPage};
use crate::problem::Problem;
use crate::session;
use crate::visit::{self, Closed, Visit};

/// What a link is made of.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Parts {
    /// Who may open it, and once.
    #[param(nullable = false)]
    interview_token: Option<String>,
    /// `true`: the interview hides its menu.
    #[param(nullable = false)]
    view_hm: Option<String>,
    /// `true`: the interview hides its frame.
    #[param(nullable = false)]
    view_hi: Option<String>,
}

/// A candidate's page
///
/// Shows who invites whom to what, and one button. Never consumes, however often it is fetched: mail scanners fetch links.
#[utoipa::path(
    get, path = "/interview/take/{interview}", tag = "Links", operation_id = "show_link", security(()),
    params(("interview" = String, Path, description = "The definition's long id."), Parts),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 410, description = "The link is used, expired, revoked or unknown: a page that helps.", body = String,
            content_type = "text/html")
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(interview): Path<String>,
    query: Query,
    uri: Uri,
) -> Result<Response, Problem> {
    let visit = look(&app, &interview, &query).await?;
    let registration = match visit {
        Visit::Open(registration) => *registration,
        other => return gone(&app, &other).await,
    };
    let (definition, merchant) = host(&app, &registration).await?;
    let reply_to = reply_to(&merchant);
    let action = match uri.query() {
        Some(query) => format!("{}/?{query}", uri.path().trim_end_matches('/')),
        None => uri.path().to_owned(),
    };
    let html = app.pages.invitation(&InvitationPage {
        merchant_name: &merchant.name,
        colour: &merchant.colour,
        candidate_name: registration.name.as_deref(),
        definition_name: &definition.name,
        expires_at: registration.expires_at,
        time_zone: &merchant.time_zone,
        is_test: registration.is_test,
        hide_menu: registration.hide_menu,
        action: &action,
        reply_to: reply_to.as_ref(),
    });
    Ok(page(StatusCode::OK, html))
}

/// Use a link
///
/// What the page's button does: consumes the link, of any number of racing posts once, and leads to the interview. The
/// body is not read.
#[utoipa::path(
    post, path = "/interview/take/{interview}", tag = "Links", operation_id = "use_link", security(()),
    params(("interview" = String, Path, description = "The definition's long id."), Parts),
    responses(
        (status = 200, description = "One may begin: a page, where the definition has no `launch_url`.", body = String,
            content_type = "text/html"),
        (status = 303, description = "To the definition's `launch_url`, with a short-lived `session`.",
            headers(("Location" = String, description = "Where the interview is."))),
        (status = 410, description = "The link is used, expired, revoked or unknown: a page that helps.", body = String,
            content_type = "text/html")
    )
)]
pub(crate) async fn begin(
    State(app): State<App>,
    Path(interview): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let visit = look(&app, &interview, &query).await?;
    let registration = match visit {
        Visit::Open(registration) => *registration,
        other => return gone(&app, &other).await,
    };
    let mut tx = app.db.begin().await?;
    let now = app.clock.now();
    if !registrations::consume(&mut tx, registration.id, registration.generation, now).await? {
        drop(tx);
        let why = visit::why_closed(&app, registration.id, registration.generation).await?;
        return gone(&app, &Visit::Known(Box::new(registration), why)).await;
    }
    tx.commit().await?;
    tracing::info!(registration = registration.id, "a link was used");
    let (definition, merchant) = host(&app, &registration).await?;
    if let Some(launch) = &definition.launch_url {
        return launched(&app, launch, &registration);
    }
    let reply_to = reply_to(&merchant);
    let html = app.pages.begun(&BegunPage {
        merchant_name: &merchant.name,
        colour: &merchant.colour,
        candidate_name: registration.name.as_deref(),
        definition_name: &definition.name,
        is_test: registration.is_test,
        hide_menu: registration.hide_menu,
        reply_to: reply_to.as_ref(),
    });
    Ok(page(StatusCode::OK, html))
}

/// The link's state. A token under another definition's path is unknown.
async fn look(app: &App, interview: &str, query: &Query) -> Result<Visit, Problem> {
    let visit = visit::look(app, query.text("interview_token").unwrap_or_default()).await?;
    let named = interview.parse().ok();
    let matches = visit.registration().is_none_or(|registration| Some(registration.interview_id) == named);
    Ok(if matches { visit } else { Visit::Unknown })
}

/// Where the interview is, with a session, and the view flags as the link had them.
fn launched(app: &App, launch: &str, registration: &Registration) -> Result<Response, Problem> {
    let mut url = url::Url::parse(launch).map_err(|_| Problem::Internal)?;
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("session", &session::sign(app, registration)?);
        if registration.hide_menu {
            query.append_pair("view_hm", "true");
        }
        if registration.hide_iframe {
            query.append_pair("view_hi", "true");
        }
    }
    let location = HeaderValue::from_str(url.as_str()).map_err(|_| Problem::Internal)?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    protect(&mut response);
    Ok(response)
}

/// 410, in words that help.
async fn gone(app: &App, visit: &Visit) -> Result<Response, Problem> {
    let (registration, closed) = match visit {
        Visit::Known(registration, closed) => (Some(registration), *closed),
        Visit::Open(_) | Visit::Unknown => (None, Closed::Unknown),
    };
    let known = match registration {
        Some(registration) => {
            // Read again: a race that was lost a moment ago says when the winner came.
            let fresh = registrations::find(&mut app.db.read().await?, registration.id).await?;
            let registration = fresh.unwrap_or_else(|| (**registration).clone());
            let host = host(app, &registration).await?;
            Some((registration, host))
        }
        None => None,
    };
    let now = app.clock.now();
    let gone = match (closed, &known) {
        (Closed::Used, Some((r, _))) => Gone::Used { at: r.used_at.or(r.completed_at).unwrap_or(now) },
        (Closed::Expired, Some((r, _))) => Gone::Expired { at: r.expires_at },
        (Closed::Revoked, _) => Gone::Revoked,
        _ => Gone::Unknown,
    };
    let merchant = known.as_ref().map(|(_, (_, merchant))| merchant);
    let reply_to = merchant.and_then(reply_to);
    let html = app.pages.gone(&GonePage {
        gone,
        merchant_name: merchant.map(|m| m.name.as_str()),
        colour: merchant.map(|m| m.colour.as_str()),
        definition_name: known.as_ref().map(|(_, (definition, _))| definition.name.as_str()),
        time_zone: merchant.map_or("UTC", |m| m.time_zone.as_str()),
        hide_menu: known.as_ref().is_some_and(|(r, _)| r.hide_menu),
        reply_to: reply_to.as_ref(),
    });
    Ok(page(StatusCode::GONE, html))
}

async fn host(app: &App, registration: &Registration) -> Result<(Definition, Merchant), Problem> {
    let mut conn = app.db.read().await?;
    let definition =
        definitions::find(&mut conn, registration.definition_id, registration.merchant_id).await?;
    let merchant = merchants::find(&mut conn, registration.merchant_id).await?;
    definition.zip(merchant).ok_or(Problem::Internal)
}

fn reply_to(merchant: &Merchant) -> Option<EmailAddress> {
    merchant.reply_to.as_deref().and_then(|address| EmailAddress::parse(address).ok())
}

fn page(status: StatusCode, html: String) -> Response {
    let mut response = (status, Html(html)).into_response();
    protect(&mut response);
    response
}

/// The token must not leak by referrer, cache or index.
fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    if let Ok(csp) = HeaderValue::from_str(pages::CSP) {
        headers.insert(header::CONTENT_SECURITY_POLICY, csp);
    }
}
