//! `/healthz` and `/readyz` (`CONTRACT.md` section 9).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde::Serialize;
use shared::db::{DbError, jobs, lanes, workers};
use shared::domain::Lane;
use utoipa::ToSchema;

use crate::app::App;

/// The process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Life {
    #[schema(format = "ok")]
    status: &'static str,
}

/// Whether work can be done, and what stands in its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    #[schema(format = "readiness")]
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    /// The ledger answers, and its schema is up to date.
    #[schema(format = "check")]
    database: &'static str,
    /// Jobs can be handed over.
    #[schema(format = "check")]
    queue: &'static str,
    /// There are workers.
    #[schema(format = "check")]
    workers: &'static str,
    /// Work that is due is taken.
    #[schema(format = "check")]
    work: &'static str,
}

/// Whether the process lives
#[utoipa::path(
    get, path = "/healthz", tag = "Health", operation_id = "check_life", security(()),
    responses((status = 200, description = "It does.", body = Life))
)]
pub(crate) async fn live() -> Json<Life> {
    Json(Life { status: "ok" })
}

/// Whether it can work
///
/// Database, queue and workers answer, and work is taken.
#[utoipa::path(
    get, path = "/readyz", tag = "Health", operation_id = "check_readiness", security(()),
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot; `checks` says why.", body = Readiness)
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let database = *app.open.borrow() && app.db.ping().await.is_ok();
    let queue = app.queue.ping().await.is_ok();
    let workers = database && workers_answer(&app).await.unwrap_or(false);
    let moving = database && work_is_taken(&app).await.unwrap_or(false);
    let stopping = *app.stopping.borrow();
    let ready = database && queue && workers && moving && !stopping;
    let word = |ok: bool| if ok { "ok" } else { "failed" };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks =
        Checks { database: word(database), queue: word(queue), workers: word(workers), work: word(moving) };
    let word = if ready {
        "ready"
    } else if stopping {
        "stopping"
    } else {
        "not ready"
    };
    (status, Json(Readiness { status: word, checks }))
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
