//! A person in every table: what is kept of them, and how it is taken away for good.
//!
//! A person is an address, within one merchant. What others still need (an interview that took place, a batch's
//! counters) stays, without the person in it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::notices::{self, NewNotice};
use super::submissions::{self, MailDelta};
use super::{Conn, DbError, Pair, changed, interviews, messages, on_db, registrations, users};
use crate::domain::{InterviewStatus, MessageKind, RegisterCandidates, Row};

/// The name that stands where a person's was.
pub const ERASED: &str = "Erased person";

const TOLD: &str = "the person was erased";

/// How many rows of each kind were erased, or emptied of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Registrations, deleted.
    pub registrations: u64,
    /// Rows of batches, emptied.
    pub batch_rows: u64,
    /// Mails about the person's links, deleted; of those about interviews, emptied.
    pub messages: u64,
    /// Captured mails to the person, deleted.
    pub captured_mails: u64,
    /// Users, emptied.
    pub users: u64,
    /// The person's interviews: emptied, and called off where they were still to come.
    pub interviews: u64,
    /// Entries of the suppression list, deleted.
    pub suppressions: u64,
    /// Recorded answers that showed the person, deleted.
    pub recorded_answers: u64,
}

/// Someone is registering the person at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InHand;

const OPEN_JOBS: Pair = Pair {
    postgres: "SELECT id, status, payload FROM jobs WHERE merchant_id = $1 AND payload IS NOT NULL \
        AND strpos(lower(payload), $2) > 0 FOR UPDATE",
    sqlite: "SELECT id, status, payload FROM jobs WHERE merchant_id = $1 AND payload IS NOT NULL \
        AND instr(lower(payload), $2) > 0",
};
const SET_PAYLOAD: &str = "UPDATE jobs SET payload = $2 WHERE id = $1";

/// Takes a person out of what is still to be registered. A job in hand has read its rows already: then nothing can be
/// promised yet.
pub async fn erase_waiting(
    conn: &mut Conn,
    merchant: Uuid,
    email_key: &str,
) -> Result<Result<(), InHand>, DbError> {
    let jobs: Vec<(Uuid, String, String)> = on_db!(&mut *conn, c, sql = OPEN_JOBS => sqlx::query_as(sql).bind(merchant)
        .bind(email_key).fetch_all(c).await?);
    for (id, status, payload) in jobs {
        if status == "running" {
            return Ok(Err(InHand));
        }
        let Ok(mut chunk) = serde_json::from_str::<RegisterCandidates>(&payload) else { continue };
        for row in &mut chunk.rows {
            if row.email.as_deref().is_some_and(|email| email.trim().to_lowercase() == email_key) {
                *row = Row { fault: Some(TOLD.to_owned()), ..Row::default() };
            }
        }
        if let Ok(payload) = serde_json::to_string(&chunk) {
            changed!(&mut *conn, c => sqlx::query(SET_PAYLOAD).bind(id).bind(payload));
        }
    }
    Ok(Ok(()))
}

const BATCH_ROWS: &str = "UPDATE batch_rows SET name = NULL, email = NULL, external_id = NULL, \
    error = COALESCE(error, 'the person was erased'), registration_id = NULL WHERE (lower(trim(email)) = $2 \
    OR registration_id IN (SELECT id FROM registrations WHERE merchant_id = $1 AND email_key = $2)) \
    AND submission_id IN (SELECT id FROM submissions WHERE merchant_id = $1)";
const CAPTURED: &str = "DELETE FROM captured_mails WHERE merchant_id = $1 AND (lower(recipient) = $2 \
    OR registration_id IN (SELECT id FROM registrations WHERE merchant_id = $1 AND email_key = $2))";
const LINK_MESSAGES: &str = "DELETE FROM messages WHERE registration_id IN \
    (SELECT id FROM registrations WHERE merchant_id = $1 AND email_key = $2)";
const REGISTRATION_IDS: &str =
    "SELECT id FROM registrations WHERE merchant_id = $1 AND email_key = $2 ORDER BY id";
const RESULTS_OF_REGISTRATIONS: &str = "UPDATE submissions SET registration_id = NULL WHERE merchant_id = $1 \
    AND registration_id IN (SELECT id FROM registrations WHERE merchant_id = $1 AND email_key = $2)";
const REGISTRATIONS: &str = "DELETE FROM registrations WHERE merchant_id = $1 AND email_key = $2";
const SUPPRESSIONS: &str = "DELETE FROM suppressions WHERE merchant_id = $1 AND email_key = $2";
const ANSWERS: Pair = Pair {
    postgres: "DELETE FROM idempotency_records WHERE merchant_id = $1 AND strpos(lower(body), $2) > 0",
    sqlite: "DELETE FROM idempotency_records WHERE merchant_id = $1 AND instr(lower(body), $2) > 0",
};

/// Erases a person's registrations, mails and traces. Mails that wait are taken out of their batches' counters.
pub async fn erase_registrations(
    conn: &mut Conn,
    merchant: Uuid,
    email_key: &str,
) -> Result<Erased, DbError> {
    let ids: Vec<i64> = on_db!(&mut *conn, c => sqlx::query_scalar(REGISTRATION_IDS).bind(merchant).bind(email_key)
        .fetch_all(c).await?);
    let mut dropped = Vec::new();
    for id in ids {
        registrations::lock(conn, id).await?;
        dropped.extend(messages::drop_unsent(conn, id, "the person was erased").await?);
    }
    dropped.sort_by_key(|message| message.submission_id);
    for message in dropped {
        if let Some(submission) = message.submission_id {
            submissions::count_mails(conn, submission, MailDelta::leaving(message.deferrals)).await?;
        }
    }
    macro_rules! run {
        ($sql:expr) => {
            changed!(&mut *conn, c => sqlx::query($sql).bind(merchant).bind(email_key))
        };
    }
    let recorded_answers = on_db!(&mut *conn, c, sql = ANSWERS => sqlx::query(sql).bind(merchant).bind(email_key)
        .execute(c).await?.rows_affected());
    let captured_mails = run!(CAPTURED);
    let messages = run!(LINK_MESSAGES);
    run!(RESULTS_OF_REGISTRATIONS);
    Ok(Erased {
        recorded_answers,
        captured_mails,
        messages,
        batch_rows: run!(BATCH_ROWS),
        registrations: run!(REGISTRATIONS),
        suppressions: run!(SUPPRESSIONS),
        ..Erased::default()
    })
}

macro_rules! of_user {
    ($user:literal) => {
        concat!(
            "(interviewer_id = ",
            $user,
            " OR interviewee_id IN (SELECT id FROM interviewees WHERE user_id = ",
            $user,
            "))"
        )
    };
}

const INTERVIEWS: &str = concat!("SELECT id FROM interviews WHERE ", of_user!("$1"), " ORDER BY id");
const FORGET_RESULTS: &str = concat!(
    "UPDATE submissions SET result = NULL WHERE meeting_id IN (SELECT id FROM interviews WHERE ",
    of_user!("$1"),
    ")"
);
const FORGET_PLACES: &str = concat!("UPDATE interviews SET location = NULL WHERE ", of_user!("$1"));
const FORGET_ERRORS: &str =
    "UPDATE messages SET last_error = NULL WHERE recipient_id = $1 AND status <> 'skipped'";
const CAPTURED_NAMING: &str = "DELETE FROM captured_mails WHERE merchant_id = $1 AND message_id LIKE $2";
const EMPTY_USER: &str = "UPDATE users SET title = $2, email = NULL, email_key = NULL, phone_number = NULL, \
    contact_phone_number = NULL, image = NULL, time_zone = NULL, locale = NULL, subject = $3, role = 'candidate', \
    updated_at = $4 WHERE id = $1";

/// Empties a user of the person. Interviews that were still to come are called off, and the other side is told.
/// `nobody` becomes the subject: no token finds the user again.
pub async fn erase_user(
    conn: &mut Conn,
    user: &users::User,
    nobody: Uuid,
    now: DateTime<Utc>,
) -> Result<Erased, DbError> {
    let all: Vec<i64> =
        on_db!(&mut *conn, c => sqlx::query_scalar(INTERVIEWS).bind(user.id).fetch_all(c).await?);
    let mut erased = Erased { users: 1, ..Erased::default() };
    for interview in all {
        call_off(conn, interview, user.id, now).await?;
        for kind in MessageKind::ALL {
            let naming = format!("<{}.{interview}.%", kind.as_str());
            if kind.as_str().starts_with("interview_") {
                erased.captured_mails += changed!(&mut *conn, c => sqlx::query(CAPTURED_NAMING).bind(user.merchant_id).bind(naming));
            }
        }
    }
    changed!(&mut *conn, c => sqlx::query(FORGET_RESULTS).bind(user.id));
    erased.messages = changed!(&mut *conn, c => sqlx::query(FORGET_ERRORS).bind(user.id));
    erased.interviews = changed!(&mut *conn, c => sqlx::query(FORGET_PLACES).bind(user.id));
    changed!(&mut *conn, c => sqlx::query(EMPTY_USER).bind(user.id).bind(ERASED).bind(nobody.to_string()).bind(now));
    Ok(erased)
}

/// Cancels an interview that is still to come; `gone` is who will not come.
async fn call_off(conn: &mut Conn, id: i64, gone: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    let Some(read) = interviews::lock(conn, id).await? else { return Ok(()) };
    let (pending, amended, scheduled) =
        (InterviewStatus::Pending, InterviewStatus::Amended, InterviewStatus::Scheduled);
    let is_open = read.state().is_some_and(|state| [pending, amended, scheduled].contains(&state));
    if !is_open || read.end_at <= now {
        return Ok(());
    }
    let off = interviews::Interview {
        status: InterviewStatus::Cancelled.as_str().to_owned(),
        amend_start_at: None,
        amend_end_at: None,
        amended_by: None,
        ..read.clone()
    };
    interviews::change(conn, &off, now).await?;
    notices::drop_unsent(conn, id, TOLD).await?;
    let readers =
        [(read.driver_id, read.driver_has_email), (read.interviewer_id, read.interviewer_has_email)];
    let told: Vec<NewNotice> = readers
        .into_iter()
        .filter(|(reader, has_email)| *has_email && *reader != gone)
        .map(|(recipient_id, _)| NewNotice {
            recipient_id,
            kind: MessageKind::InterviewCancelled,
            version: read.schedule_version + 1,
            copy: 0,
            due_at: now,
        })
        .collect();
    notices::insert(conn, read.merchant_id, id, &told, now).await.map(drop)
}

/// A row of a batch, as it was sent.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SentRow {
    /// The batch.
    pub submission_id: Uuid,
    /// As sent.
    pub name: Option<String>,
    /// As sent.
    pub email: Option<String>,
    /// As sent.
    pub external_id: Option<String>,
}

const SENT_ROWS: &str = "SELECT submission_id, name, email, external_id FROM batch_rows WHERE lower(trim(email)) = $2 \
    AND submission_id IN (SELECT id FROM submissions WHERE merchant_id = $1) ORDER BY submission_id, idx";

/// The person's rows in a merchant's batches.
pub async fn sent_rows(conn: &mut Conn, merchant: Uuid, email_key: &str) -> Result<Vec<SentRow>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(SENT_ROWS).bind(merchant).bind(email_key).fetch_all(c).await?))
}

const IS_SUPPRESSED: &str =
    "SELECT EXISTS (SELECT 1 FROM suppressions WHERE merchant_id = $1 AND email_key = $2)";

/// Whether the address bounced.
pub async fn has_bounced(conn: &mut Conn, merchant: Uuid, email_key: &str) -> Result<bool, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(IS_SUPPRESSED).bind(merchant).bind(email_key).fetch_one(c).await?),
    )
}
