//! Tokens that are refused before they expire, by their `jti`.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};

const INSERT: &str = "INSERT INTO revoked_tokens (merchant_id, jti, expires_at, revoked_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (jti, merchant_id) DO UPDATE SET expires_at = CASE WHEN revoked_tokens.expires_at > EXCLUDED.expires_at \
    THEN revoked_tokens.expires_at ELSE EXCLUDED.expires_at END";

/// Refuses a token from now on, until it expires by itself. The nil merchant stands for the platform: its word holds
/// for every merchant's tokens.
pub async fn revoke(
    conn: &mut Conn,
    merchant: Uuid,
    jti: &str,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(merchant).bind(jti).bind(expires_at).bind(now));
    Ok(())
}

const IS_REVOKED: &str =
    "SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $1 AND merchant_id IN ($2, $3))";

/// Whether a token of this merchant was revoked, by the merchant or by the platform.
pub async fn is_revoked(conn: &mut Conn, merchant: Uuid, jti: &str) -> Result<bool, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(IS_REVOKED).bind(jti).bind(merchant).bind(Uuid::nil()).fetch_one(c).await?),
    )
}

const PURGE: &str = "DELETE FROM revoked_tokens WHERE expires_at <= $1";

/// Forgets tokens that are refused for their age by now.
pub async fn purge(conn: &mut Conn, before: DateTime<Utc>) -> Result<u64, DbError> {
    Ok(changed!(conn, c => sqlx::query(PURGE).bind(before)))
}
