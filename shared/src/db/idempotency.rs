//! Idempotency records: which answer belongs to a key (`CONTRACT.md` section 1).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};

/// How long a key is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// Where a key belongs: the same key elsewhere is another key.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose it is.
    pub merchant: Uuid,
    /// The request's path, without a trailing slash.
    pub path: String,
    /// As the client chose it.
    pub key: String,
    /// SHA-256 of the body.
    pub fingerprint: [u8; 32],
}

/// What is recorded under a key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Record {
    /// SHA-256 of the body that came first.
    pub fingerprint: Vec<u8>,
    /// The submission, whose answer is read anew.
    pub submission_id: Option<Uuid>,
    /// The status of a recorded answer.
    pub status: Option<i64>,
    /// The body of a recorded answer.
    pub body: Option<String>,
}

const FIND: &str = "SELECT fingerprint, submission_id, status, body FROM idempotency_records \
    WHERE merchant_id = $1 AND path = $2 AND key = $3 AND created_at > $4";

/// What is recorded under a key, unless it is too old.
pub async fn find(conn: &mut Conn, s: &Scope, now: DateTime<Utc>) -> Result<Option<Record>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(s.merchant).bind(&s.path).bind(&s.key).bind(now - KEPT)
        .fetch_optional(c).await?))
}

const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";

const CLAIM: &str = "INSERT INTO idempotency_records (merchant_id, path, key, fingerprint, submission_id, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (merchant_id, path, key) DO UPDATE SET \
    fingerprint = EXCLUDED.fingerprint, submission_id = EXCLUDED.submission_id, status = NULL, body = NULL, \
    created_at = EXCLUDED.created_at WHERE idempotency_records.created_at <= $7";

/// Takes a key in the transaction of the work that it stands for. `false`: it is taken; commit nothing, and read what
/// is recorded. A twin whose transaction is still open is waited for, two seconds at most, then
/// [`DbError::Contended`].
pub async fn claim(
    conn: &mut Conn,
    s: &Scope,
    submission: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    if let Conn::Postgres(c) = conn {
        sqlx::query(LOCK_TIMEOUT).execute(&mut **c).await?;
    }
    let rows = changed!(conn, c => sqlx::query(CLAIM).bind(s.merchant).bind(&s.path).bind(&s.key)
        .bind(s.fingerprint.as_slice()).bind(submission).bind(now).bind(now - KEPT));
    Ok(rows == 1)
}

const ANSWER: &str =
    "UPDATE idempotency_records SET status = $4, body = $5 WHERE merchant_id = $1 AND path = $2 AND key = $3";

/// Records the answer of plain work, in its transaction.
pub async fn answer(conn: &mut Conn, s: &Scope, status: u16, body: &str) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(ANSWER).bind(s.merchant).bind(&s.path).bind(&s.key).bind(i64::from(status)).bind(body));
    Ok(())
}

const PURGE: &str = "DELETE FROM idempotency_records WHERE created_at <= $1";

/// Forgets keys that are too old.
pub async fn purge(conn: &mut Conn, now: DateTime<Utc>) -> Result<u64, DbError> {
    Ok(changed!(conn, c => sqlx::query(PURGE).bind(now - KEPT)))
}
