//! Interviewees: a user as the one who is interviewed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};

/// An interviewee's row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Interviewee {
    /// Its id.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// The person: the driver, as the interviews' document calls them.
    pub user_id: i64,
    /// `interview`, `verified` or `rejected`.
    pub kind: String,
    /// ISO 4217, where one is known.
    pub currency: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO interviewees (merchant_id, user_id, kind, currency, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5) RETURNING *";

/// Adds an interviewee; the id is the database's.
pub async fn insert(conn: &mut Conn, e: &Interviewee) -> Result<Interviewee, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(INSERT).bind(e.merchant_id).bind(e.user_id).bind(&e.kind).bind(&e.currency)
        .bind(e.created_at).fetch_one(c).await?),
    )
}

const UPDATE: &str = "UPDATE interviewees SET user_id = $3, kind = $4, currency = $5, updated_at = $6 \
    WHERE id = $1 AND merchant_id = $2";

/// Writes every member but the ids and the day of making.
pub async fn update(conn: &mut Conn, e: &Interviewee) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(UPDATE).bind(e.id).bind(e.merchant_id).bind(e.user_id).bind(&e.kind)
        .bind(&e.currency).bind(e.updated_at));
    Ok(rows == 1)
}

const REJECT: &str = "UPDATE interviewees SET kind = 'rejected', updated_at = $2 WHERE id = $1";

/// Marks an interviewee rejected.
pub async fn reject(conn: &mut Conn, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(REJECT).bind(id).bind(now));
    Ok(())
}

const FIND: &str = "SELECT * FROM interviewees WHERE id = $1 AND merchant_id = $2";

/// One of a merchant's interviewees.
pub async fn find(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<Interviewee>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).bind(merchant).fetch_optional(c).await?))
}

const LOCK: Pair = Pair {
    postgres: "SELECT * FROM interviewees WHERE id = $1 AND merchant_id = $2 FOR UPDATE",
    sqlite: FIND,
};

/// One of a merchant's interviewees, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<Interviewee>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).bind(merchant).fetch_optional(c).await?))
}

const PAGE: &str = "SELECT * FROM interviewees WHERE merchant_id = $1 AND id < $2 AND ($4 IS NULL OR user_id = $4) \
    AND ($5 IS NULL OR kind = $5) ORDER BY id DESC LIMIT $3";

/// A merchant's interviewees below an id, newest first: of one user, of one kind, or all.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    user: Option<i64>,
    kind: Option<&str>,
) -> Result<Vec<Interviewee>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(user).bind(kind)
        .fetch_all(c).await?))
}
