//! `GET /api/v1/batches/{id}/events`: the batch as server-sent events, until it is completed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use shared::db::submissions::Submission;
use utoipa::ToSchema;

use super::super::paging::{OfMerchant, Query};
use super::results::reread;
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::render::{self, OneBatch};

const PACE: Duration = Duration::from_millis(500);

struct Watch {
    app: App,
    last: Submission,
    told: bool,
}

/// One event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, written as an event")]
struct BatchEvent {
    #[schema(format = "batch-event")]
    event: String,
    /// The batch as JSON, as `GET /api/v1/batches/{id}` shows it.
    data: String,
}

/// A batch as it moves
///
/// Server-sent events named `batch`, each with the batch as its data: at once, whenever it moved (looked at twice a
/// second), and when it is completed, which is the last.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}/events", tag = "Bulk registration", operation_id = "watch_batch",
    params(("id" = Uuid, Path), OfMerchant),
    responses((
        status = 200, description = "The events.", body = BatchEvent, content_type = "text/event-stream",
        example = "event: batch\ndata: {\"batch\": {…}}\n\n"
    ))
)]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<impl IntoResponse, Problem> {
    let submission = super::find(&app, &principal, &id, &query).await?;
    let start = Some(Watch { app, last: submission, told: false });
    let events = stream::unfold(start, |watch| async move { next(watch?).await });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn next(mut watch: Watch) -> Option<(Result<Event, Infallible>, Option<Watch>)> {
    while watch.told {
        tokio::time::sleep(PACE).await;
        if *watch.app.stopping.borrow() {
            return None;
        }
        if let Ok(Some(now)) = reread(&watch.app, watch.last.id).await
            && now != watch.last
        {
            watch.last = now;
            watch.told = false;
        }
    }
    watch.told = true;
    let batch = OneBatch { batch: render::batch(&watch.app, &watch.last) };
    let event = Event::default().event("batch").json_data(batch).ok()?;
    let rest = if watch.last.is_completed() { None } else { Some(watch) };
    Some((Ok(event), rest))
}
