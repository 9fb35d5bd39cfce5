//! `/healthz` and `/readyz` (`CONTRACT.md` section 9).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::json;
use shared::db::{DbError, jobs, lanes, workers};
use shared::domain::Lane;

use crate::app::App;

/// The process lives.
pub(crate) async fn live() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Database, queue and workers answer, and work is taken.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let database = *app.open.borrow() && app.db.ping().await.is_ok();
    let queue = app.queue.ping().await.is_ok();
    let workers = database && workers_answer(&app).await.unwrap_or(false);
    let moving = database && work_is_taken(&app).await.unwrap_or(false);
    let stopping = *app.stopping.borrow();
    let ready = database && queue && workers && moving && !stopping;
    let word = |ok: bool| if ok { "ok" } else { "failed" };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if ready { "ready" } else if stopping { "stopping" } else { "not ready" },
        "checks": { "database": word(database), "queue": word(queue), "workers": word(workers), "work": word(moving) },
    });
    (status, Json(body)).into_response()
}

async fn workers_answer(app: &App) -> Result<bool, DbError> {
    let since = app.clock.now() - TimeDelta::seconds(15);
    Ok(workers::count_live(&mut app.db.read().await?, since).await? > 0)
}

/// Jobs that have been due for 30 s while none is in hand, in a lane that is not paused, mean that nobody takes them.
async fn work_is_taken(app: &App) -> Result<bool, DbError> {
    let mut conn = app.db.read().await?;
    let late = app.clock.now() - TimeDelta::seconds(30);
    let paused = lanes::all(&mut conn).await?;
    for lane in Lane::ALL {
        if paused.iter().any(|row| row.lane == lane.as_str() && row.paused_by.is_some()) {
            continue;
        }
        let is_late = jobs::oldest_due(&mut conn, lane).await?.is_some_and(|due| due < late);
        if is_late && !jobs::taken_since(&mut conn, lane, late).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
