//! Jobs: claims, leases, attempts, outcomes (`DESIGN.md` sections 2, 3 and 9).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};
use crate::domain::{JobKind, Lane, MAX_ATTEMPTS};

/// A job to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id, which is what travels through the queue.
    pub id: Uuid,
    /// Where it waits.
    pub lane: Lane,
    /// What is to be done.
    pub kind: JobKind,
    /// The first row of its batch that it covers.
    pub first_row: i64,
    /// What the kind needs, as JSON.
    pub payload: String,
}

const INSERT: &str = "INSERT INTO jobs (id, submission_id, merchant_id, lane, kind, status, first_row, payload, \
    attempts, due_at, pushed_at, created_at) VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, 0, $8, $8, $8)";

/// Adds a job, ready to be done.
pub async fn insert(
    conn: &mut Conn,
    submission: Uuid,
    merchant: Uuid,
    job: &NewJob,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(job.id).bind(submission).bind(merchant).bind(job.lane.as_str())
        .bind(job.kind.as_str()).bind(job.first_row).bind(&job.payload).bind(now));
    Ok(())
}

/// A job in hand.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ClaimedJob {
    /// Its id.
    pub id: Uuid,
    /// What it belongs to.
    pub submission_id: Uuid,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// A [`JobKind`], or what a newer version wrote.
    pub kind: String,
    /// The first row of its batch that it covers.
    pub first_row: i64,
    /// What the kind needs.
    pub payload: Option<String>,
    /// Which attempt this is; the first is 1. A completion must carry it.
    pub attempts: i64,
}

const CLAIM: &str = "UPDATE jobs SET status = 'running', attempts = attempts + 1, leased_by = $2, leased_until = $4 \
    WHERE id = $1 AND attempts < $5 \
    AND (status = 'waiting' OR (status = 'retryable' AND due_at <= $3) OR (status = 'running' AND leased_until <= $3)) \
    RETURNING id, submission_id, merchant_id, kind, first_row, payload, attempts";

/// Claims a job for a worker until a lease's end. `None`: somebody else has it, or it is not to be done now.
pub async fn claim(
    conn: &mut Conn,
    id: Uuid,
    worker: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<ClaimedJob>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(CLAIM).bind(id).bind(worker).bind(now).bind(until).bind(MAX_ATTEMPTS)
        .fetch_optional(c).await?))
}

const RENEW: &str =
    "UPDATE jobs SET leased_until = $3 WHERE id = $1 AND attempts = $2 AND status = 'running'";

/// Holds a job for longer. `false`: it is no longer ours.
pub async fn renew(conn: &mut Conn, id: Uuid, attempt: i64, until: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(RENEW).bind(id).bind(attempt).bind(until)) == 1)
}

const FINISH: &str = "UPDATE jobs SET status = 'done', payload = NULL, leased_until = NULL, finished_at = $3, \
    last_error = NULL WHERE id = $1 AND attempts = $2 AND status = 'running'";

/// Marks a job done, in the transaction of its effects. `false`: a successor has it, and nothing may be committed.
pub async fn finish(conn: &mut Conn, id: Uuid, attempt: i64, now: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(FINISH).bind(id).bind(attempt).bind(now)) == 1)
}

const RETRY: &str = "UPDATE jobs SET status = 'retryable', leased_until = NULL, due_at = $3, last_error = $4 \
    WHERE id = $1 AND attempts = $2 AND status = 'running'";

/// Puts a job off.
pub async fn retry(
    conn: &mut Conn,
    id: Uuid,
    attempt: i64,
    at: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(RETRY).bind(id).bind(attempt).bind(at).bind(error)) == 1)
}

const BURY: &str = "UPDATE jobs SET status = 'dead', leased_until = NULL, finished_at = $3, last_error = $4 \
    WHERE id = $1 AND attempts = $2 AND status = 'running'";

/// Gives a job up, for an operator to see.
pub async fn bury(
    conn: &mut Conn,
    id: Uuid,
    attempt: i64,
    now: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(BURY).bind(id).bind(attempt).bind(now).bind(error)) == 1)
}

/// A job that is to be handed to the queue.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DueJob {
    /// Its id.
    pub id: Uuid,
    /// A [`Lane`].
    pub lane: String,
}

// A sweep passes over rows that somebody holds: a frozen process must not stop the scheduler, too.
macro_rules! bury_expired {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET status = 'dead', leased_until = NULL, finished_at = $1, ",
            "last_error = COALESCE(last_error, 'its worker ended during each of its attempts') WHERE id IN ",
            "(SELECT id FROM jobs WHERE status = 'running' AND leased_until <= $1 AND attempts >= $2",
            $lock,
            ") RETURNING id, submission_id, merchant_id, kind, first_row, payload, attempts"
        )
    };
}
macro_rules! free_expired {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET status = 'waiting', leased_until = NULL, pushed_at = $1, ",
            "last_error = 'its worker ended before it was done' WHERE id IN ",
            "(SELECT id FROM jobs WHERE status = 'running' AND leased_until <= $1 AND attempts < $2",
            $lock,
            ") RETURNING id, lane"
        )
    };
}

const BURY_EXPIRED: Pair =
    Pair { postgres: bury_expired!(" FOR UPDATE SKIP LOCKED"), sqlite: bury_expired!("") };
const FREE_EXPIRED: Pair =
    Pair { postgres: free_expired!(" FOR UPDATE SKIP LOCKED"), sqlite: free_expired!("") };

/// Frees the jobs whose worker is gone: those with attempts left come back to be pushed, the others are dead.
pub async fn free_expired(
    conn: &mut Conn,
    now: DateTime<Utc>,
) -> Result<(Vec<DueJob>, Vec<ClaimedJob>), DbError> {
    let dead = on_db!(&mut *conn, c, sql = BURY_EXPIRED => sqlx::query_as(sql).bind(now).bind(MAX_ATTEMPTS)
        .fetch_all(c).await?);
    let free = on_db!(conn, c, sql = FREE_EXPIRED => sqlx::query_as(sql).bind(now).bind(MAX_ATTEMPTS)
        .fetch_all(c).await?);
    Ok((free, dead))
}

const EXPIRE_ALL: &str = "UPDATE jobs SET leased_until = $1 WHERE status = 'running'";

/// Ends every lease at once: for a process that knows itself to be the only one.
pub async fn expire_all(conn: &mut Conn, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(EXPIRE_ALL).bind(now));
    Ok(())
}

macro_rules! wake_retryable {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET status = 'waiting', pushed_at = $1 WHERE id IN ",
            "(SELECT id FROM jobs WHERE status = 'retryable' AND due_at <= $1 ORDER BY due_at LIMIT $2",
            $lock,
            ") RETURNING id, lane"
        )
    };
}

const WAKE_RETRYABLE: Pair =
    Pair { postgres: wake_retryable!(" FOR UPDATE SKIP LOCKED"), sqlite: wake_retryable!("") };

/// The jobs whose time to be tried again has come, at most `limit`, to be pushed.
pub async fn wake_retryable(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueJob>, DbError> {
    Ok(on_db!(conn, c, sql = WAKE_RETRYABLE => sqlx::query_as(sql).bind(now).bind(limit).fetch_all(c).await?))
}

const COUNT_WAITING: &str =
    "SELECT COUNT(*) FROM jobs WHERE status = 'waiting' AND lane = $1 AND pushed_at <= $2";

/// How many jobs of a lane wait that were pushed before an instant.
pub async fn count_waiting(conn: &mut Conn, lane: Lane, before: DateTime<Utc>) -> Result<i64, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(COUNT_WAITING).bind(lane.as_str()).bind(before).fetch_one(c).await?),
    )
}

macro_rules! take_oldest {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET pushed_at = $3 WHERE id IN ",
            "(SELECT id FROM jobs WHERE status = 'waiting' AND lane = $1 AND pushed_at <= $2 ",
            "ORDER BY pushed_at LIMIT $4",
            $lock,
            ") RETURNING id, lane"
        )
    };
}

const TAKE_OLDEST: Pair =
    Pair { postgres: take_oldest!(" FOR UPDATE SKIP LOCKED"), sqlite: take_oldest!("") };

/// The jobs of a lane that have waited longest since they were pushed, to be pushed again.
pub async fn take_oldest(
    conn: &mut Conn,
    lane: Lane,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueJob>, DbError> {
    Ok(
        on_db!(conn, c, sql = TAKE_OLDEST => sqlx::query_as(sql).bind(lane.as_str()).bind(before).bind(now).bind(limit).fetch_all(c).await?),
    )
}

const FIRST_OPEN_ROW: Pair = Pair {
    postgres: "SELECT first_row FROM jobs WHERE submission_id = $1 AND status IN ('waiting', 'running', 'retryable') ORDER BY first_row LIMIT 1",
    sqlite: "SELECT first_row FROM jobs INDEXED BY jobs_open_by_submission \
        WHERE submission_id = $1 AND status IN ('waiting', 'running', 'retryable') ORDER BY first_row LIMIT 1",
};

/// The first row of a batch that has no result yet; `None`: all have one. Rows before it can be paged through
/// without one being missed.
pub async fn first_open_row(conn: &mut Conn, submission: Uuid) -> Result<Option<i64>, DbError> {
    Ok(
        on_db!(conn, c, sql = FIRST_OPEN_ROW => sqlx::query_scalar(sql).bind(submission).fetch_optional(c).await?),
    )
}

const NEXT_FIRST_ROW: &str = "SELECT MIN(first_row) FROM jobs WHERE submission_id = $1 AND first_row > $2";

/// Where the chunk after this one begins; `None`: it is the last.
pub async fn next_first_row(
    conn: &mut Conn,
    submission: Uuid,
    first_row: i64,
) -> Result<Option<i64>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(NEXT_FIRST_ROW).bind(submission).bind(first_row).fetch_one(c).await?),
    )
}

const OLDEST_DUE: &str = "SELECT MIN(due_at) FROM jobs WHERE status = 'waiting' AND lane = $1";

/// Since when the oldest waiting job of a lane is due.
pub async fn oldest_due(conn: &mut Conn, lane: Lane) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_scalar(OLDEST_DUE).bind(lane.as_str()).fetch_one(c).await?))
}

const TAKEN_SINCE: &str = "SELECT EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND status = 'running') \
    OR EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND finished_at > $2)";

/// Whether a job of a lane is in hand, or was finished since an instant.
pub async fn taken_since(conn: &mut Conn, lane: Lane, since: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(on_db!(conn, c => sqlx::query_scalar(TAKEN_SINCE).bind(lane.as_str()).bind(since).fetch_one(c).await?))
}
