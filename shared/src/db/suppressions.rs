//! Addresses that bounced: after two bounces nothing more is sent there.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed};

const BOUNCE: &str = "INSERT INTO suppressions (merchant_id, email_key, bounces, last_error, updated_at) \
    VALUES ($1, $2, 1, $3, $4) ON CONFLICT (merchant_id, email_key) DO UPDATE SET bounces = suppressions.bounces + 1, \
    last_error = EXCLUDED.last_error, updated_at = EXCLUDED.updated_at, \
    suppressed_at = COALESCE(suppressions.suppressed_at, CASE WHEN suppressions.bounces >= 1 THEN EXCLUDED.updated_at END)";

/// Counts a bounce; the second one suppresses the address for this merchant.
pub async fn bounce(
    conn: &mut Conn,
    merchant: Uuid,
    email_key: &str,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(BOUNCE).bind(merchant).bind(email_key).bind(error).bind(now));
    Ok(())
}

const LIFT: &str = "DELETE FROM suppressions WHERE merchant_id = $1 AND email_key = $2";

/// Forgets an address's bounces. `false`: there were none.
pub async fn lift(conn: &mut Conn, merchant: Uuid, email_key: &str) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(LIFT).bind(merchant).bind(email_key)) == 1)
}
