//! API keys, by their hashes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};

/// A key's row; the key itself is nowhere.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// As people call it.
    pub name: String,
    /// `admin`, `staff` or `operator`.
    pub role: String,
    /// Its first characters.
    pub prefix: String,
    /// SHA-256 of the key.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

const INSERT: &str = "INSERT INTO api_keys (id, merchant_id, name, role, prefix, hash, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Adds a key.
pub async fn insert(conn: &mut Conn, k: &ApiKeyRow) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(k.id).bind(k.merchant_id).bind(&k.name).bind(&k.role)
        .bind(&k.prefix).bind(&k.hash).bind(k.created_at));
    Ok(())
}

const FIND_LIVE: &str = "SELECT * FROM api_keys WHERE hash = $1 AND revoked_at IS NULL";

/// The key with this hash, unless it is revoked.
pub async fn find_live(conn: &mut Conn, hash: &[u8]) -> Result<Option<ApiKeyRow>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND_LIVE).bind(hash).fetch_optional(c).await?))
}

const FIND: &str = "SELECT * FROM api_keys WHERE id = $1 AND merchant_id = $2";

/// One of a merchant's keys.
pub async fn find(conn: &mut Conn, id: Uuid, merchant: Uuid) -> Result<Option<ApiKeyRow>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).bind(merchant).fetch_optional(c).await?))
}

const PAGE: &str = "SELECT * FROM api_keys WHERE merchant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

/// A merchant's keys below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: Uuid,
    limit: i64,
) -> Result<Vec<ApiKeyRow>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).fetch_all(c).await?))
}

const REVOKE: &str =
    "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND merchant_id = $2";

/// Revokes a key; again changes nothing. `false`: there is none.
pub async fn revoke(conn: &mut Conn, id: Uuid, merchant: Uuid, now: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(REVOKE).bind(id).bind(merchant).bind(now)) == 1)
}

const RENAME: &str = "UPDATE api_keys SET name = $3 WHERE id = $1 AND merchant_id = $2";

/// Renames a key.
pub async fn rename(conn: &mut Conn, id: Uuid, merchant: Uuid, name: &str) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(RENAME).bind(id).bind(merchant).bind(name)) == 1)
}
