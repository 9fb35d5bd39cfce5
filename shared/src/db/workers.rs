//! Worker processes that live, and the seat of which one of them is the scheduler.

use chrono::{DateTime, Utc};

use super::{Conn, DbError, changed, on_db};

const BEAT: &str = "INSERT INTO workers (id, lanes, started_at, seen_at) VALUES ($1, $2, $3, $3) \
    ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at";

/// Says that a worker lives.
pub async fn beat(conn: &mut Conn, id: &str, lanes: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(BEAT).bind(id).bind(lanes).bind(now));
    Ok(())
}

const LEAVE: &str = "DELETE FROM workers WHERE id = $1";
const LEAVE_SEAT: &str = "UPDATE seats SET held_until = NULL WHERE holder = $1";

/// Says that a worker ends, and frees its seat.
pub async fn leave(conn: &mut Conn, id: &str) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(LEAVE).bind(id));
    changed!(conn, c => sqlx::query(LEAVE_SEAT).bind(id));
    Ok(())
}

const FORGET: &str = "DELETE FROM workers WHERE seen_at <= $1";

/// Forgets workers that were not seen since an instant.
pub async fn forget(conn: &mut Conn, since: DateTime<Utc>) -> Result<u64, DbError> {
    Ok(changed!(conn, c => sqlx::query(FORGET).bind(since)))
}

const COUNT_LIVE: &str = "SELECT COUNT(*) FROM workers WHERE seen_at > $1";

/// How many workers were seen since an instant.
pub async fn count_live(conn: &mut Conn, since: DateTime<Utc>) -> Result<i64, DbError> {
    Ok(on_db!(conn, c => sqlx::query_scalar(COUNT_LIVE).bind(since).fetch_one(c).await?))
}

const SIT: &str = "UPDATE seats SET holder = $1, held_until = $3 WHERE name = 'scheduler' \
    AND (holder = $1 OR held_until IS NULL OR held_until <= $2)";

/// Takes, or keeps, the scheduler's seat until an instant. `false`: another worker has it.
pub async fn sit(
    conn: &mut Conn,
    id: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(SIT).bind(id).bind(now).bind(until)) == 1)
}
