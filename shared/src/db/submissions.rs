//! Submissions: operations and batches, with their counters.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};
use crate::domain::{SubmissionKind, SubmissionStatus, ViewFlags};

/// A submission's row.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Submission {
    /// The operation's and the batch's id.
    pub id: Uuid,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// A [`SubmissionKind`].
    pub kind: String,
    /// A [`SubmissionStatus`].
    pub status: String,
    /// The definition or position, as the client named it.
    pub interview_id: Option<Uuid>,
    /// The definition.
    pub definition_id: Option<i64>,
    /// The registration that is moved, where one is.
    pub registration_id: Option<i64>,
    /// The interview between two people that is made or moved, where one is.
    pub meeting_id: Option<i64>,
    /// The user who asked, where a user did.
    pub user_id: Option<i64>,
    /// Whether its links are for tests.
    pub is_test: bool,
    /// Whether mails go out.
    pub send_email: bool,
    /// View flag.
    pub hide_menu: bool,
    /// View flag.
    pub hide_iframe: bool,
    /// Rows.
    pub total: i64,
    /// Rows that have a result.
    pub processed: i64,
    /// Rows whose result is an error.
    pub failed: i64,
    /// Mails in the queue or in hand.
    pub mails_queued: i64,
    /// Mails that the server took.
    pub mails_sent: i64,
    /// Mails put off.
    pub mails_deferred: i64,
    /// Mails given up.
    pub mails_failed: i64,
    /// Mails not sent to an address that bounced before.
    pub mails_suppressed: i64,
    /// Jobs that are not done.
    pub jobs_open: i64,
    /// The problem, where it failed.
    pub error: Option<Json<Value>>,
    /// The answer as it was when the operation was done, as JSON; where it is null, it is made from the rows.
    pub result: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When its last job was done.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Submission {
    /// A new one: queued, nothing counted.
    #[must_use]
    pub fn new(id: Uuid, merchant_id: Uuid, kind: SubmissionKind, now: DateTime<Utc>) -> Self {
        Self {
            id,
            merchant_id,
            kind: kind.as_str().to_owned(),
            status: SubmissionStatus::Queued.as_str().to_owned(),
            interview_id: None,
            definition_id: None,
            registration_id: None,
            meeting_id: None,
            user_id: None,
            is_test: false,
            send_email: false,
            hide_menu: false,
            hide_iframe: false,
            total: 1,
            processed: 0,
            failed: 0,
            mails_queued: 0,
            mails_sent: 0,
            mails_deferred: 0,
            mails_failed: 0,
            mails_suppressed: 0,
            jobs_open: 1,
            error: None,
            result: None,
            created_at: now,
            completed_at: None,
        }
    }

    /// The flags of its links.
    #[must_use]
    pub const fn view_flags(&self) -> ViewFlags {
        ViewFlags { hide_menu: self.hide_menu, hide_iframe: self.hide_iframe }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }
}

const INSERT: &str = "INSERT INTO submissions (id, merchant_id, kind, status, interview_id, definition_id, \
    registration_id, is_test, send_email, hide_menu, hide_iframe, total, processed, failed, mails_queued, mails_sent, \
    mails_deferred, mails_failed, mails_suppressed, jobs_open, created_at, meeting_id, user_id) \
    VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0, 0, 0, 0, $12, $13, $14, $15)";

/// Adds a submission.
pub async fn insert(conn: &mut Conn, s: &Submission) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(s.id).bind(s.merchant_id).bind(&s.kind).bind(s.interview_id)
        .bind(s.definition_id).bind(s.registration_id).bind(s.is_test).bind(s.send_email).bind(s.hide_menu)
        .bind(s.hide_iframe).bind(s.total).bind(s.jobs_open).bind(s.created_at).bind(s.meeting_id).bind(s.user_id));
    Ok(())
}

const FIND: &str = "SELECT * FROM submissions WHERE id = $1";

/// One submission, of any merchant: the caller checks whose it is.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Submission>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await?))
}

const PAGE: &str =
    "SELECT * FROM submissions WHERE merchant_id = $1 AND kind = $2 AND id < $3 ORDER BY id DESC LIMIT $4";

/// A merchant's submissions of one kind below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    kind: SubmissionKind,
    below: Uuid,
    limit: i64,
) -> Result<Vec<Submission>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(kind.as_str()).bind(below).bind(limit).fetch_all(c).await?),
    )
}

/// What one finished job adds to its submission.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rows that now have a result.
    pub processed: i64,
    /// Of these, errors.
    pub failed: i64,
    /// Mails queued.
    pub mails_queued: i64,
    /// Mails suppressed at once.
    pub mails_suppressed: i64,
}

const ADVANCE: &str = "UPDATE submissions SET jobs_open = jobs_open - 1, processed = processed + $2, \
    failed = failed + $3, mails_queued = mails_queued + $4, mails_suppressed = mails_suppressed + $5, \
    status = CASE WHEN jobs_open = 1 THEN 'succeeded' ELSE 'processing' END, \
    completed_at = CASE WHEN jobs_open = 1 THEN $6 ELSE completed_at END \
    WHERE id = $1 RETURNING jobs_open";

/// Counts one finished job; the last one completes the submission. Tells whether it did. Run it last in its
/// transaction: the chunks of one batch queue up behind this row.
pub async fn advance(conn: &mut Conn, id: Uuid, by: Progress, now: DateTime<Utc>) -> Result<bool, DbError> {
    let open: i64 = on_db!(conn, c => sqlx::query_scalar(ADVANCE).bind(id).bind(by.processed).bind(by.failed)
        .bind(by.mails_queued).bind(by.mails_suppressed).bind(now).fetch_one(c).await?);
    Ok(open == 0)
}

const SUCCEED: &str = "UPDATE submissions SET jobs_open = 0, processed = 1, status = 'succeeded', result = $2, \
    meeting_id = $3, completed_at = $4 WHERE id = $1";

/// Ends an operation of one job with its answer, and the interview that it is about.
pub async fn succeed(
    conn: &mut Conn,
    id: Uuid,
    result: &str,
    meeting: Option<i64>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(SUCCEED).bind(id).bind(result).bind(meeting).bind(now));
    Ok(())
}

const FAIL: &str =
    "UPDATE submissions SET jobs_open = 0, status = 'failed', error = $2, completed_at = $3 WHERE id = $1";

/// Ends a submission that the rules refuse, with the problem to be shown.
pub async fn fail(conn: &mut Conn, id: Uuid, problem: &Value, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(FAIL).bind(id).bind(Json(problem)).bind(now));
    Ok(())
}

const HOLD: &str = "SELECT id FROM submissions WHERE id = ANY($1) ORDER BY id FOR UPDATE";

/// Holds submissions whose counters will move, in one order everywhere. Whoever holds nothing else yet can wait here
/// without harm. SQLite has one writer, who waits for nobody.
pub async fn hold(conn: &mut Conn, ids: &[Uuid]) -> Result<(), DbError> {
    if let Conn::Postgres(c) = conn {
        sqlx::query(HOLD).bind(ids).execute(&mut **c).await?;
    }
    Ok(())
}

/// How a submission's mail counters move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailDelta {
    /// Added to `mails_queued`; the others likewise.
    pub queued: i64,
    /// Sent.
    pub sent: i64,
    /// Put off.
    pub deferred: i64,
    /// Given up.
    pub failed: i64,
    /// Suppressed.
    pub suppressed: i64,
}

impl MailDelta {
    /// A mail that leaves the counter of those to be sent.
    #[must_use]
    pub fn leaving(deferrals: i64) -> Self {
        if deferrals > 0 {
            Self { deferred: -1, ..Self::default() }
        } else {
            Self { queued: -1, ..Self::default() }
        }
    }
}

const COUNT_MAILS: &str = "UPDATE submissions SET mails_queued = mails_queued + $2, mails_sent = mails_sent + $3, \
    mails_deferred = mails_deferred + $4, mails_failed = mails_failed + $5, mails_suppressed = mails_suppressed + $6 \
    WHERE id = $1";

/// Moves a submission's mail counters. Where several are moved in one transaction, in the order of their ids.
pub async fn count_mails(conn: &mut Conn, id: Uuid, by: MailDelta) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(COUNT_MAILS).bind(id).bind(by.queued).bind(by.sent).bind(by.deferred)
        .bind(by.failed).bind(by.suppressed));
    Ok(())
}
