//! Mails about interviews between two people: queued with each move, reminders put down for later, judged once more
//! right before they are sent.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db, sqlite_instant};
use crate::domain::{MessageKind, MessageStatus};

/// A mail to be queued, or put down for later.
#[derive(Clone, Copy, Debug)]
pub struct NewNotice {
    /// The user who reads it.
    pub recipient_id: i64,
    /// What it is for.
    pub kind: MessageKind,
    /// The schedule that it tells of.
    pub version: i64,
    /// See [`MessageKind`].
    pub copy: i64,
    /// When it is to be sent; in the future: a reminder.
    pub due_at: DateTime<Utc>,
}

macro_rules! insert {
    ($from:literal) => {
        concat!(
            "INSERT INTO messages (merchant_id, meeting_id, recipient_id, kind, version, copy, priority, status, attempts, ",
            "deferrals, due_at, created_at) SELECT $1, $2, t.recipient, t.kind, t.version, t.copy, 0, ",
            "CASE WHEN t.due_at > $3 THEN 'scheduled' ELSE 'queued' END, 0, 0, t.due_at, $3 FROM ",
            $from,
            " ON CONFLICT DO NOTHING RETURNING status"
        )
    };
}

const INSERT: Pair = Pair {
    postgres: insert!(
        "UNNEST($4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::timestamptz[]) \
         AS t (recipient, kind, version, copy, due_at)"
    ),
    sqlite: insert!(
        "(SELECT value ->> 0 AS recipient, value ->> 1 AS kind, value ->> 2 AS version, value ->> 3 AS copy, \
         value ->> 4 AS due_at FROM json_each($4)) AS t WHERE true"
    ),
};

/// Queues an interview's mails and tells how many are due now.
pub async fn insert(
    conn: &mut Conn,
    merchant: Uuid,
    meeting: i64,
    notices: &[NewNotice],
    now: DateTime<Utc>,
) -> Result<i64, DbError> {
    if notices.is_empty() {
        return Ok(0);
    }
    let statuses: Vec<String> = match conn {
        Conn::Postgres(c) => {
            let query = sqlx::query_scalar(INSERT.postgres).bind(merchant).bind(meeting).bind(now);
            query
                .bind(notices.iter().map(|n| n.recipient_id).collect::<Vec<_>>())
                .bind(notices.iter().map(|n| n.kind.as_str()).collect::<Vec<_>>())
                .bind(notices.iter().map(|n| n.version).collect::<Vec<_>>())
                .bind(notices.iter().map(|n| n.copy).collect::<Vec<_>>())
                .bind(notices.iter().map(|n| n.due_at).collect::<Vec<_>>())
                .fetch_all(&mut **c)
                .await?
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = notices
                .iter()
                .map(|n| (n.recipient_id, n.kind.as_str(), n.version, n.copy, sqlite_instant(n.due_at)))
                .collect();
            let query = sqlx::query_scalar(INSERT.sqlite).bind(merchant).bind(meeting).bind(now);
            query.bind(sqlx::types::Json(rows)).fetch_all(&mut **c).await?
        }
    };
    let due = statuses.iter().filter(|status| *status == MessageStatus::Queued.as_str()).count();
    Ok(i64::try_from(due).unwrap_or(i64::MAX))
}

const DROP_REMINDERS: &str = "UPDATE messages SET status = 'skipped', last_error = $2 WHERE meeting_id = $1 \
    AND kind = 'interview_reminder' AND status IN ('scheduled', 'queued', 'deferred')";

/// Drops an interview's reminders that nobody has in hand, with the reason.
pub async fn drop_reminders(conn: &mut Conn, meeting: i64, reason: &str) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(DROP_REMINDERS).bind(meeting).bind(reason));
    Ok(())
}

const DROP_UNSENT: &str = "UPDATE messages SET status = 'skipped', last_error = $2 WHERE meeting_id = $1 \
    AND status IN ('scheduled', 'queued', 'deferred')";

/// Drops all of an interview's mails that nobody has in hand, with the reason.
pub async fn drop_unsent(conn: &mut Conn, meeting: i64, reason: &str) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(DROP_UNSENT).bind(meeting).bind(reason));
    Ok(())
}

const IN_HAND: &str = "SELECT EXISTS (SELECT 1 FROM messages WHERE meeting_id = $1 AND version < $2 \
    AND kind = 'interview_reminder' AND status = 'sending')";

/// Whether a reminder of an earlier schedule is in somebody's hand at this moment.
pub async fn is_earlier_in_hand(conn: &mut Conn, meeting: i64, version: i64) -> Result<bool, DbError> {
    Ok(on_db!(conn, c => sqlx::query_scalar(IN_HAND).bind(meeting).bind(version).fetch_one(c).await?))
}

/// What a mail about an interview needs to be judged and written.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NoticeSubject {
    /// The message.
    pub id: i64,
    /// The interview.
    pub meeting_id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// As people read it.
    pub merchant_name: String,
    /// `#rrggbb`
    pub colour: String,
    /// The sender's name, where it is not the merchant's.
    pub mail_from_name: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The merchant's zone.
    pub merchant_time_zone: String,
    /// The reader's address; null by now, if it was taken away.
    pub email: Option<String>,
    /// Lower-cased.
    pub email_key: Option<String>,
    /// The reader's name.
    pub recipient_title: String,
    /// The reader's own zone.
    pub recipient_time_zone: Option<String>,
    /// Whether the reader is the one who is interviewed.
    pub is_interviewee: bool,
    /// Who is interviewed.
    pub interviewee_title: String,
    /// Who interviews.
    pub interviewer_title: String,
    /// How they meet.
    pub kind: String,
    /// Where.
    pub location: Option<String>,
    /// From when.
    pub start_at: DateTime<Utc>,
    /// Until when.
    pub end_at: DateTime<Utc>,
    /// The proposed times.
    pub amend_start_at: Option<DateTime<Utc>>,
    /// See `amend_start_at`.
    pub amend_end_at: Option<DateTime<Utc>>,
    /// Where the interview stands.
    pub status: String,
    /// The schedule as it is now.
    pub schedule_version: i64,
    /// The address bounced before.
    pub is_suppressed: bool,
}

macro_rules! subjects {
    ($ids:literal) => {
        concat!(
            "SELECT m.id, i.id AS meeting_id, i.merchant_id, o.name AS merchant_name, o.colour, o.mail_from_name, ",
            "o.reply_to, o.time_zone AS merchant_time_zone, u.email, u.email_key, u.title AS recipient_title, ",
            "u.time_zone AS recipient_time_zone, u.id = e.user_id AS is_interviewee, d.title AS interviewee_title, ",
            "r.title AS interviewer_title, i.kind, i.location, i.start_at, i.end_at, i.amend_start_at, i.amend_end_at, ",
            "i.status, i.schedule_version, s.suppressed_at IS NOT NULL AS is_suppressed ",
            "FROM messages m JOIN interviews i ON i.id = m.meeting_id JOIN interviewees e ON e.id = i.interviewee_id ",
            "JOIN users d ON d.id = e.user_id JOIN users r ON r.id = i.interviewer_id ",
            "JOIN users u ON u.id = m.recipient_id JOIN merchants o ON o.id = i.merchant_id ",
            "LEFT JOIN suppressions s ON s.merchant_id = i.merchant_id AND s.email_key = u.email_key WHERE m.id ",
            $ids
        )
    };
}

const SUBJECTS: Pair =
    Pair { postgres: subjects!("= ANY($1)"), sqlite: subjects!("IN (SELECT value FROM json_each($1))") };

/// What mails about interviews need, as it stands right now: the last look before they are sent.
pub async fn subjects(conn: &mut Conn, messages: &[i64]) -> Result<Vec<NoticeSubject>, DbError> {
    Ok(match conn {
        Conn::Postgres(c) => sqlx::query_as(SUBJECTS.postgres).bind(messages).fetch_all(&mut **c).await?,
        Conn::Sqlite(c) => {
            sqlx::query_as(SUBJECTS.sqlite).bind(sqlx::types::Json(messages)).fetch_all(&mut **c).await?
        }
    })
}

macro_rules! wake {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET status = 'queued' WHERE id IN (SELECT id FROM messages WHERE status = 'scheduled' ",
            "AND due_at <= $1 ORDER BY due_at LIMIT $2",
            $lock,
            ")"
        )
    };
}

const WAKE: Pair = Pair { postgres: wake!(" FOR UPDATE SKIP LOCKED"), sqlite: wake!("") };

/// Queues the reminders whose time has come, at most `limit`. Tells how many.
pub async fn wake(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<u64, DbError> {
    Ok(
        on_db!(conn, c, sql = WAKE => sqlx::query(sql).bind(now).bind(limit).execute(c).await?.rows_affected()),
    )
}
