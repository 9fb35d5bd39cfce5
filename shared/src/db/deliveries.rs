//! Messages on their way: claimed in chunks, held, recorded with what became of them (`DESIGN.md` section 6).

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::messages::Dropped;
use super::{Conn, DbError, Pair, on_db, sqlite_instant};
use crate::domain::{MAX_ATTEMPTS, MessageStatus, Priority};

const MERCHANTS_WITH_MAIL: Pair = Pair {
    postgres: "WITH RECURSIVE w AS ((SELECT merchant_id FROM messages WHERE status IN ('queued', 'deferred') \
        ORDER BY merchant_id LIMIT 1) UNION ALL SELECT (SELECT m.merchant_id FROM messages m \
        WHERE m.status IN ('queued', 'deferred') AND m.merchant_id > w.merchant_id ORDER BY m.merchant_id LIMIT 1) \
        FROM w WHERE w.merchant_id IS NOT NULL) SELECT merchant_id FROM w WHERE merchant_id IS NOT NULL",
    sqlite: "WITH RECURSIVE w (merchant_id) AS (SELECT * FROM (SELECT merchant_id FROM messages \
        WHERE status IN ('queued', 'deferred') ORDER BY merchant_id LIMIT 1) UNION ALL SELECT (SELECT m.merchant_id \
        FROM messages m WHERE m.status IN ('queued', 'deferred') AND m.merchant_id > w.merchant_id \
        ORDER BY m.merchant_id LIMIT 1) FROM w WHERE w.merchant_id IS NOT NULL) \
        SELECT merchant_id FROM w WHERE merchant_id IS NOT NULL",
};

/// The merchants that have mail in the queue, in the order of their ids. Costs one index probe per merchant.
pub async fn merchants_with_mail(conn: &mut Conn) -> Result<Vec<Uuid>, DbError> {
    Ok(on_db!(conn, c, sql = MERCHANTS_WITH_MAIL => sqlx::query_scalar(sql).fetch_all(c).await?))
}

/// A message in hand.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ClaimedMessage {
    /// Its id.
    pub id: i64,
    /// The batch or operation that counts it, where one does.
    pub submission_id: Option<Uuid>,
    /// The registration whose link it carries, where it is about one.
    pub registration_id: Option<i64>,
    /// The interview that it is about, where it is about one.
    pub meeting_id: Option<i64>,
    /// Who of the interview's two people reads it.
    pub recipient_id: Option<i64>,
    /// A [`MessageKind`](crate::domain::MessageKind), or what a newer version wrote.
    pub kind: String,
    /// The link's generation, or the interview's schedule.
    pub version: i64,
    /// Tells mails of one kind and version apart: resends, reminders.
    pub copy: i64,
    /// Which attempt this is; the first is 1. A record must carry it.
    pub attempts: i64,
    /// How often it was put off.
    pub deferrals: i64,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET status = 'sending', attempts = attempts + 1, leased_until = $4 WHERE id IN ",
            "(SELECT id FROM messages WHERE merchant_id = $1 AND priority = $2 AND status IN ('queued', 'deferred') ",
            "AND due_at <= $3 ORDER BY due_at, id LIMIT $5",
            $lock,
            ") AND status IN ('queued', 'deferred') ",
            "RETURNING id, submission_id, registration_id, meeting_id, recipient_id, kind, version, copy, attempts, deferrals, created_at"
        )
    };
}

const CLAIM: Pair = Pair { postgres: claim!(" FOR UPDATE SKIP LOCKED"), sqlite: claim!("") };

/// Claims a merchant's due mails of one priority, oldest first, at most `limit`, until a lease's end.
pub async fn claim(
    conn: &mut Conn,
    merchant: Uuid,
    priority: Priority,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ClaimedMessage>, DbError> {
    Ok(
        on_db!(conn, c, sql = CLAIM => sqlx::query_as(sql).bind(merchant).bind(priority.rank()).bind(now).bind(until)
        .bind(limit).fetch_all(c).await?),
    )
}

const RENEW: Pair = Pair {
    postgres: "UPDATE messages SET leased_until = $2 WHERE id = ANY($1) AND status = 'sending'",
    sqlite: "UPDATE messages SET leased_until = $2 WHERE id IN (SELECT value FROM json_each($1)) AND status = 'sending'",
};

/// Holds messages for longer.
pub async fn renew(conn: &mut Conn, ids: &[i64], until: DateTime<Utc>) -> Result<(), DbError> {
    match conn {
        Conn::Postgres(c) => {
            sqlx::query(RENEW.postgres).bind(ids).bind(until).execute(&mut **c).await.map(drop)?;
        }
        Conn::Sqlite(c) => {
            let ids = sqlx::types::Json(ids);
            sqlx::query(RENEW.sqlite).bind(ids).bind(until).execute(&mut **c).await.map(drop)?;
        }
    }
    Ok(())
}

/// What a message in hand came to.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The message.
    pub id: i64,
    /// The attempt that this is the outcome of.
    pub attempt: i64,
    /// Where it stands now.
    pub status: MessageStatus,
    /// When it is due again, where it is.
    pub due_at: DateTime<Utc>,
    /// What the attempt met, where it did not succeed.
    pub error: Option<String>,
    /// The attempt does not count: it was handed back unbegun, or a breaker opened.
    pub uncounted: bool,
}

macro_rules! record {
    ($from:literal) => {
        concat!(
            "UPDATE messages SET status = CASE WHEN t.status = 'queued' AND messages.deferrals > 0 THEN 'deferred' ",
            "ELSE t.status END, due_at = t.due_at, last_error = t.error, leased_until = NULL, ",
            "attempts = messages.attempts - t.uncounted, ",
            "deferrals = messages.deferrals + CASE WHEN t.status = 'deferred' THEN 1 ELSE 0 END, ",
            "sent_at = CASE WHEN t.status = 'sent' THEN $1 ELSE messages.sent_at END FROM ",
            $from,
            " WHERE messages.id = t.id AND messages.attempts = t.attempt AND messages.status = 'sending' RETURNING messages.id"
        )
    };
}

const RECORD: Pair = Pair {
    postgres: record!(
        "UNNEST($2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[]) \
         AS t (id, attempt, status, due_at, error, uncounted)"
    ),
    sqlite: record!(
        "(SELECT value ->> 0 AS id, value ->> 1 AS attempt, value ->> 2 AS status, value ->> 3 AS due_at, \
         value ->> 4 AS error, value ->> 5 AS uncounted FROM json_each($2)) AS t"
    ),
};

/// Records what messages came to, and gives the ids of those that were still ours.
pub async fn record(conn: &mut Conn, outcomes: &[Recorded], now: DateTime<Utc>) -> Result<Vec<i64>, DbError> {
    Ok(match conn {
        Conn::Postgres(c) => {
            let query = sqlx::query_scalar(RECORD.postgres).bind(now);
            query
                .bind(outcomes.iter().map(|o| o.id).collect::<Vec<_>>())
                .bind(outcomes.iter().map(|o| o.attempt).collect::<Vec<_>>())
                .bind(outcomes.iter().map(|o| o.status.as_str()).collect::<Vec<_>>())
                .bind(outcomes.iter().map(|o| o.due_at).collect::<Vec<_>>())
                .bind(outcomes.iter().map(|o| o.error.as_deref()).collect::<Vec<_>>())
                .bind(outcomes.iter().map(|o| i64::from(o.uncounted)).collect::<Vec<_>>())
                .fetch_all(&mut **c)
                .await?
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = outcomes
                .iter()
                .map(|o| {
                    (
                        o.id,
                        o.attempt,
                        o.status.as_str(),
                        sqlite_instant(o.due_at),
                        &o.error,
                        i64::from(o.uncounted),
                    )
                })
                .collect();
            sqlx::query_scalar(RECORD.sqlite)
                .bind(now)
                .bind(sqlx::types::Json(rows))
                .fetch_all(&mut **c)
                .await?
        }
    })
}

macro_rules! fail_expired {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET status = 'failed', leased_until = NULL, ",
            "last_error = 'given up: its worker ended each time while sending' WHERE id IN ",
            "(SELECT id FROM messages WHERE status = 'sending' AND leased_until <= $1 AND attempts - deferrals > $2",
            $lock,
            ") RETURNING submission_id, deferrals"
        )
    };
}
macro_rules! free_expired {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET status = CASE WHEN deferrals > 0 THEN 'deferred' ELSE 'queued' END, leased_until = NULL, ",
            "last_error = 'its worker ended while sending; it may have been sent' WHERE id IN ",
            "(SELECT id FROM messages WHERE status = 'sending' AND leased_until <= $1",
            $lock,
            ")"
        )
    };
}

const FAIL_EXPIRED: Pair =
    Pair { postgres: fail_expired!(" FOR UPDATE SKIP LOCKED"), sqlite: fail_expired!("") };
const FREE_EXPIRED: Pair =
    Pair { postgres: free_expired!(" FOR UPDATE SKIP LOCKED"), sqlite: free_expired!("") };

/// Puts back the messages whose worker is gone, to be sent again under the same `Message-ID`, and tells how many.
/// Those that ended their worker too often are given up and listed, for their batches' counters.
pub async fn free_expired(conn: &mut Conn, now: DateTime<Utc>) -> Result<(u64, Vec<Dropped>), DbError> {
    let failed = on_db!(&mut *conn, c, sql = FAIL_EXPIRED => sqlx::query_as(sql).bind(now).bind(MAX_ATTEMPTS).fetch_all(c).await?);
    let free =
        on_db!(conn, c, sql = FREE_EXPIRED => sqlx::query(sql).bind(now).execute(c).await?.rows_affected());
    Ok((free, failed))
}

const EXPIRE_ALL: &str = "UPDATE messages SET leased_until = $1 WHERE status = 'sending'";

/// Ends every lease at once: for a process that knows itself to be the only one.
pub async fn expire_all(conn: &mut Conn, now: DateTime<Utc>) -> Result<(), DbError> {
    super::changed!(conn, c => sqlx::query(EXPIRE_ALL).bind(now));
    Ok(())
}

const COUNT_DUE: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE status IN ('queued', 'deferred') \
    AND merchant_id = $1 AND priority = $2 AND due_at <= $3 LIMIT $4) AS due";

/// How many of a merchant's mails of one priority are due, counted up to `most`.
pub async fn count_due(
    conn: &mut Conn,
    merchant: Uuid,
    priority: Priority,
    now: DateTime<Utc>,
    most: i64,
) -> Result<i64, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(COUNT_DUE).bind(merchant).bind(priority.rank()).bind(now).bind(most)
        .fetch_one(c).await?),
    )
}

/// What a mail needs beside its message: the candidate, what they are invited to and by whom.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MailSubject {
    /// The message.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// The merchant's name.
    pub merchant_name: String,
    /// Its colour.
    pub colour: String,
    /// Its own base of links.
    pub base_url: Option<String>,
    /// The sender's name.
    pub mail_from_name: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Its time zone.
    pub time_zone: String,
    /// The definition's name.
    pub definition_name: String,
    /// The definition's long id.
    pub interview_id: Uuid,
    /// Its own subject.
    pub mail_subject: Option<String>,
    /// Its own text.
    pub mail_text: Option<String>,
    /// Seconds after the invitation at which an unopened link is reminded of.
    pub remind_after: Json<Vec<i64>>,
    /// Seconds before the link's end at which it is, too.
    pub remind_before_expiry: Json<Vec<i64>>,
    /// The candidate's address.
    pub email: String,
    /// Lower-cased.
    pub email_key: String,
    /// The candidate's name.
    pub name: Option<String>,
    /// For tests only.
    pub is_test: bool,
    /// View flag.
    pub hide_menu: bool,
    /// View flag.
    pub hide_iframe: bool,
    /// The registration's current generation.
    pub generation: i64,
    /// The key that signed its link.
    pub key_id: i64,
    /// The link's share of secrecy.
    pub nonce: Vec<u8>,
    /// The link's end of life.
    pub expires_at: DateTime<Utc>,
    /// When it was consumed.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the interview was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// The address bounced before.
    pub is_suppressed: bool,
}

macro_rules! subjects {
    ($ids:literal) => {
        concat!(
            "SELECT m.id, r.merchant_id, o.name AS merchant_name, o.colour, o.base_url, o.mail_from_name, o.reply_to, ",
            "o.time_zone, d.name AS definition_name, d.interview_id, d.mail_subject, d.mail_text, d.remind_after, ",
            "d.remind_before_expiry, r.email, r.email_key, ",
            "r.name, r.is_test, r.hide_menu, r.hide_iframe, r.generation, r.key_id, r.nonce, r.expires_at, r.used_at, ",
            "r.revoked_at, r.completed_at, s.suppressed_at IS NOT NULL AS is_suppressed ",
            "FROM messages m JOIN registrations r ON r.id = m.registration_id ",
            "JOIN interview_definitions d ON d.id = r.definition_id JOIN merchants o ON o.id = r.merchant_id ",
            "LEFT JOIN suppressions s ON s.merchant_id = r.merchant_id AND s.email_key = r.email_key WHERE m.id ",
            $ids
        )
    };
}

const SUBJECTS: Pair =
    Pair { postgres: subjects!("= ANY($1)"), sqlite: subjects!("IN (SELECT value FROM json_each($1))") };

/// What messages need to be composed, as it stands right now: the last look before they are sent.
pub async fn subjects(conn: &mut Conn, ids: &[i64]) -> Result<Vec<MailSubject>, DbError> {
    Ok(match conn {
        Conn::Postgres(c) => sqlx::query_as(SUBJECTS.postgres).bind(ids).fetch_all(&mut **c).await?,
        Conn::Sqlite(c) => {
            sqlx::query_as(SUBJECTS.sqlite).bind(sqlx::types::Json(ids)).fetch_all(&mut **c).await?
        }
    })
}
