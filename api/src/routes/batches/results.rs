//! `GET /api/v1/batches/{id}/results`: what each row came to, a page at a time or as a stream.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use shared::db::batch_rows::{self, BatchRow, Filter};
use shared::db::jobs;
use shared::db::submissions::{self, Submission};
use shared::domain::EmailStatus;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::paging::{OfMerchant, PageByNumber, Query};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{BatchLinks, ResultRow};
use crate::routes::together::Together;

/// Rows read at once while streaming.
const STRIDE: i64 = 1_000;
/// How often a stream looks for more of a batch that is worked on.
const PACE: Duration = Duration::from_millis(300);

/// A page of a batch's results.
#[derive(Serialize, ToSchema)]
pub(crate) struct Results {
    results: Vec<ResultRow>,
    /// Where the next page begins; null: the batch is completed, and this is its last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which rows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
struct Wish {
    /// Only those that went well, or only those that did not.
    #[param(nullable = false, format = "row-outcome")]
    result: Option<String>,
    /// Only those whose mail stands so.
    #[param(nullable = false, format = "email-status")]
    email_status: Option<String>,
    /// The candidate's address, in any case.
    #[param(nullable = false)]
    email: Option<String>,
    /// What the client calls the candidate.
    #[param(nullable = false)]
    external_id: Option<String>,
}

/// What each row came to
///
/// In the order of the request. While the batch is worked on, the rows up to the first one that has no result yet are
/// there, and `next_cursor` goes on from the last. `Accept: text/csv` or `application/x-ndjson` streams every row, to the
/// end of the batch.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}/results", tag = "Bulk registration", operation_id = "list_results",
    params(("id" = Uuid, Path), Wish, OfMerchant, PageByNumber),
    responses((status = 200, description = "The rows.", content(
        (Results = "application/json"),
        (String = "text/csv", example = "name,email,external_id,result,interview_url,registration_id,invitation_status,email_status,email_error\r\n"),
        (String = "application/x-ndjson")
    )))
)]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let submission = super::find(&app, &principal, &id, &query).await?;
    let filter = filter(&query)?;
    let links = BatchLinks::of(&app, &principal, &submission).await?;
    match wanted(&headers) {
        Wanted::Csv => Ok(stream_rows(
            app,
            submission.id,
            links,
            filter,
            "text/csv; charset=utf-8",
            Some(CSV_HEAD),
            csv_line,
        )),
        Wanted::Ndjson => {
            Ok(stream_rows(app, submission.id, links, filter, "application/x-ndjson", None, json_line))
        }
        Wanted::Json => {
            let (limit, after) = (query.limit(), query.cursor(-1)).together()?;
            let (rows, open) = read(&app, submission.id, after, limit + 1, &filter).await?;
            Ok(Json(page(&app, &links, rows, limit, open)).into_response())
        }
    }
}

/// Rows after a place, and the place of the first row without a result.
async fn read(
    app: &App,
    id: Uuid,
    after: i64,
    limit: i64,
    filter: &Filter,
) -> Result<(Vec<BatchRow>, Option<i64>), Problem> {
    let mut conn = app.db.read().await?;
    let open = jobs::first_open_row(&mut conn, id).await?;
    let rows = batch_rows::page(&mut conn, id, after, open.unwrap_or(i64::MAX), limit, filter).await?;
    Ok((rows, open))
}

fn page(app: &App, links: &BatchLinks, mut rows: Vec<BatchRow>, limit: i64, open: Option<i64>) -> Results {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|row| row.idx);
    // At the end of what is known, a batch that goes on is asked again from just before the first open row.
    let next = if more { last } else { open.map(|open| open - 1) };
    let results: Vec<ResultRow> = rows.into_iter().map(|row| links.row(app, row)).collect();
    Results { results, next_cursor: next.map(|at| at.to_string()) }
}

fn filter(query: &Query) -> Result<Filter, Problem> {
    let words = EmailStatus::ALL.map(EmailStatus::as_str);
    let (result, mailed) =
        (query.word("result", &["ok", "error"]), query.word("email_status", &words)).together()?;
    let ok = result.map(|word| word == "ok");
    let mail_statuses = mailed.map(|status| {
        match status {
            "none" => ",none,skipped,",
            "queued" => ",queued,sending,",
            "sent" => ",sent,",
            "deferred" => ",deferred,",
            "failed" => ",failed,",
            _ => ",suppressed,",
        }
        .to_owned()
    });
    let email_key = query.text("email").map(|email| email.trim().to_lowercase());
    Ok(Filter { ok, email_key, external_id: query.text("external_id").map(str::to_owned), mail_statuses })
}

enum Wanted {
    Json,
    Csv,
    Ndjson,
}

/// The representation that is wanted most (RFC 9110 section 12.5.1); of equals the first.
fn wanted(headers: &HeaderMap) -> Wanted {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = (0.0, Wanted::Json);
    for part in accept.split(',') {
        let mut parameters = part.split(';').map(str::trim);
        let kind = match parameters.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "text/csv" | "text/*" => Wanted::Csv,
            "application/x-ndjson" => Wanted::Ndjson,
            "application/json" | "application/*" | "*/*" => Wanted::Json,
            _ => continue,
        };
        let quality =
            parameters.find_map(|p| p.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0);
        if quality > best.0 {
            best = (quality, kind);
        }
    }
    best.1
}

/// Streams every row, a stride at a time: memory stays flat however large the batch is.
fn stream_rows(
    app: App,
    id: Uuid,
    links: BatchLinks,
    filter: Filter,
    kind: &'static str,
    head: Option<&'static str>,
    line: fn(&ResultRow) -> String,
) -> Response {
    let start = (app, links, filter, -1_i64, head, false);
    let rows = stream::try_unfold(start, move |(app, links, filter, after, head, ended)| async move {
        if ended {
            return Ok::<_, std::io::Error>(None);
        }
        let (mut rows, mut open) = look(&app, id, after, &filter).await?;
        // A batch that is worked on is followed to its end: rows come as they get their results.
        while rows.is_empty() && open.is_some() && !*app.stopping.borrow() {
            tokio::time::sleep(PACE).await;
            (rows, open) = look(&app, id, after, &filter).await?;
        }
        let ended = open.is_none() && i64::try_from(rows.len()).unwrap_or(STRIDE) < STRIDE;
        if rows.is_empty() && open.is_some() {
            return Err(std::io::Error::other("the service ends before the batch is done"));
        }
        let last = rows.last().map_or(after, |row| row.idx);
        let mut text = head.unwrap_or_default().to_owned();
        for row in rows {
            text.push_str(&line(&links.row(&app, row)));
        }
        Ok(Some((Bytes::from(text), (app, links, filter, last, None, ended))))
    });
    let mut response = Body::from_stream(rows).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Origin"));
    response
}

async fn look(
    app: &App,
    id: Uuid,
    after: i64,
    filter: &Filter,
) -> Result<(Vec<BatchRow>, Option<i64>), std::io::Error> {
    read(app, id, after, STRIDE, filter).await.map_err(|_| std::io::Error::other("the database went away"))
}

const CSV_HEAD: &str = "name,email,external_id,result,interview_url,registration_id,invitation_status,email_status,email_error\r\n";

fn csv_line(row: &ResultRow) -> String {
    let id = row.registration_id.map(|id| id.to_string());
    let cells = [
        row.name.as_deref(),
        row.email.as_deref(),
        row.external_id.as_deref(),
        Some(row.result.as_str()),
        row.interview_url.as_deref(),
        id.as_deref(),
        row.invitation_status,
        Some(row.email_status),
        row.email_error.as_deref(),
    ];
    let cells: Vec<String> = cells.into_iter().map(|cell| csv_cell(cell.unwrap_or_default())).collect();
    format!("{}\r\n", cells.join(","))
}

/// RFC 4180, with formulas defused: a cell that a spreadsheet would calculate gets an apostrophe before it.
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn json_line(row: &ResultRow) -> String {
    // A row of texts and numbers always serializes.
    serde_json::to_string(row).map(|line| line + "\n").unwrap_or_default()
}

/// Whether a batch is still there and as it was; for [`super::events`].
pub(super) async fn reread(app: &App, id: Uuid) -> Result<Option<Submission>, Problem> {
    Ok(submissions::find(&mut app.db.read().await?, id).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_calculate_are_defused() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            let cell = csv_cell(formula);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell}");
        }
        assert_eq!(csv_cell("O'Neill, \"Bob\""), "\"O'Neill, \"\"Bob\"\"\"");
        assert_eq!(csv_cell("ok"), "ok");
    }
}
