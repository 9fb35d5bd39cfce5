//! Lanes that are paused, by an operator or by a breaker.

use chrono::{DateTime, Utc};

use super::{Conn, DbError, changed, on_db};
use crate::domain::Lane;

/// A lane's row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LaneRow {
    /// A [`Lane`].
    pub lane: String,
    /// `operator` or `breaker`; `None`: it runs.
    pub paused_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When a breaker tries again.
    pub resume_at: Option<DateTime<Utc>>,
}

const ALL: &str = "SELECT lane, paused_by, reason, resume_at FROM lanes";

/// Every lane.
pub async fn all(conn: &mut Conn) -> Result<Vec<LaneRow>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(ALL).fetch_all(c).await?))
}

const OPEN_BREAKER: &str = "UPDATE lanes SET paused_by = 'breaker', reason = $2, resume_at = $3 \
    WHERE lane = $1 AND (paused_by IS NULL OR paused_by = 'breaker')";

/// Pauses a lane until an instant, because going on would only fail. An operator's pause stays.
pub async fn open_breaker(
    conn: &mut Conn,
    lane: Lane,
    reason: &str,
    resume_at: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(OPEN_BREAKER).bind(lane.as_str()).bind(reason).bind(resume_at));
    Ok(())
}

const CLOSE_BREAKERS: &str = "UPDATE lanes SET paused_by = NULL, reason = NULL, resume_at = NULL \
    WHERE paused_by = 'breaker' AND resume_at <= $1";

/// Lets lanes run again whose breaker has waited long enough.
pub async fn close_breakers(conn: &mut Conn, now: DateTime<Utc>) -> Result<u64, DbError> {
    Ok(changed!(conn, c => sqlx::query(CLOSE_BREAKERS).bind(now)))
}

const PAUSE: &str = "UPDATE lanes SET paused_by = 'operator', reason = $2, resume_at = NULL WHERE lane = $1";

/// Pauses a lane until it is resumed.
pub async fn pause(conn: &mut Conn, lane: Lane, reason: &str) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(PAUSE).bind(lane.as_str()).bind(reason));
    Ok(())
}

const RESUME: &str = "UPDATE lanes SET paused_by = NULL, reason = NULL, resume_at = NULL WHERE lane = $1";

/// Lets a lane run.
pub async fn resume(conn: &mut Conn, lane: Lane) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(RESUME).bind(lane.as_str()));
    Ok(())
}
