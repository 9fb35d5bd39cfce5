//! One move of one interview: amend, accept, reject, cancel, complete, no-show. A compare-and-set: of two racing moves
//! one wins, and the other is told that it came too late.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::db::interviews::{self, Interview};
use shared::db::jobs::{self, ClaimedJob};
use shared::db::{Tx, interviewees, merchants, notices as ledger, submissions, users};
use shared::domain::{InterviewMove, MessageKind, MoveInterview, Side, conflict};

use super::{Done, JobError, answer, notices, payload};
use crate::context::Context;

/// How long an answer waits for a mail that is on its way.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A move that was understood.
struct Asked {
    to: InterviewMove,
    by: Side,
    times: Option<(DateTime<Utc>, DateTime<Utc>)>,
    seen: Option<i64>,
}

/// Does the job. The move and its end are one transaction; an illegal move ends the operation with its 409.
pub(super) async fn perform(ctx: &Context, job: &ClaimedJob) -> Result<Done, JobError> {
    let asked = read(job)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    if !jobs::finish(&mut tx, job.id, job.attempts, now).await? {
        return Err(JobError::Lost);
    }
    let gone = |what: &str| JobError::Unreadable(format!("its {what} is gone"));
    let operation = submissions::find(&mut tx, job.submission_id).await?.ok_or_else(|| gone("submission"))?;
    let id = operation.meeting_id.ok_or_else(|| gone("interview"))?;
    let interview = interviews::lock(&mut tx, id).await?.ok_or_else(|| gone("interview"))?;
    let (mails, version) = match moved(&mut tx, &interview, &asked).await? {
        Ok(moved) => {
            let shown = record(&mut tx, &asked, &interview, &moved, now).await?;
            let mails = tell(&mut tx, &asked, &shown, now).await?;
            submissions::succeed(&mut tx, operation.id, &answer(&shown)?, Some(id), now).await?;
            (mails, Some(shown.schedule_version))
        }
        Err(problem) => {
            submissions::fail(&mut tx, operation.id, &problem, now).await?;
            (0, None)
        }
    };
    tx.commit().await?;
    if let Some(version) = version {
        let_go(ctx, id, version).await;
    }
    Ok(Done { completed: Some(operation.id), mails })
}

/// Gives a reminder of the earlier schedule that is on its way right now the time to be gone before anybody is told of the
/// move: then none begins after the answer. Whoever takes one into hand later sees the move.
async fn let_go(ctx: &Context, interview: i64, version: i64) {
    let gone = async {
        loop {
            let Ok(mut conn) = ctx.db.read().await else { return };
            match ledger::is_earlier_in_hand(&mut conn, interview, version).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
            drop(conn);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, gone).await;
}

fn read(job: &ClaimedJob) -> Result<Asked, JobError> {
    let MoveInterview { to, by, times, seen } = payload(job)?;
    let unknown = |error: &dyn std::fmt::Display| JobError::Unreadable(error.to_string());
    Ok(Asked {
        to: to.parse().map_err(|e| unknown(&e))?,
        by: by.parse().map_err(|e| unknown(&e))?,
        times,
        seen,
    })
}

/// The interview as the move leaves it, or the problem that says why it may not be made.
async fn moved(tx: &mut Tx, i: &Interview, asked: &Asked) -> Result<Result<Interview, Value>, JobError> {
    let newer = || JobError::Unreadable(format!("its state `{}` is not known to this version", i.status));
    let from = i.state().ok_or_else(newer)?;
    let amended_by = i.amended_by.as_deref().and_then(|side| side.parse().ok());
    let to = match asked.to.from(from, asked.by, amended_by) {
        Ok(to) => to,
        Err(illegal) => return Ok(Err(conflict("interview-state", &illegal.to_string()))),
    };
    // Of two racing moves one wins: the other was decided upon without having seen what stands now.
    if asked.seen.is_some_and(|version| version != i.schedule_version) {
        let told = format!(
            "The interview was changed while this waited: it is {from} by now, and does not become {to} unseen. \
             Look at it again."
        );
        return Ok(Err(conflict("interview-state", &told)));
    }
    let mut moved = Interview { status: to.as_str().to_owned(), ..i.clone() };
    match asked.to {
        InterviewMove::Amend => {
            let (start, end) =
                asked.times.ok_or_else(|| JobError::Unreadable("it proposes no times".to_owned()))?;
            moved.amend_start_at = Some(start);
            moved.amend_end_at = Some(end);
            moved.amended_by = Some(asked.by.as_str().to_owned());
        }
        InterviewMove::Accept => {
            moved.start_at = i.amend_start_at.unwrap_or(i.start_at);
            moved.end_at = i.amend_end_at.unwrap_or(i.end_at);
            (moved.amend_start_at, moved.amend_end_at, moved.amended_by) = (None, None, None);
            if is_busy(tx, &moved).await? {
                let told = "The interviewer has another scheduled interview at that time.";
                return Ok(Err(conflict("interviewer-busy", told)));
            }
        }
        InterviewMove::Reject | InterviewMove::Cancel | InterviewMove::Complete | InterviewMove::NoShow => {}
    }
    Ok(Ok(moved))
}

/// Looks under the interviewer's row, so that two interviews do not take the same hour at once.
async fn is_busy(tx: &mut Tx, i: &Interview) -> Result<bool, JobError> {
    users::lock(tx, i.interviewer_id, i.merchant_id).await?;
    Ok(interviews::is_busy(tx, i.interviewer_id, i.start_at, i.end_at, i.id).await?)
}

async fn record(
    tx: &mut Tx,
    asked: &Asked,
    read: &Interview,
    moved: &Interview,
    now: DateTime<Utc>,
) -> Result<Interview, JobError> {
    if asked.to == InterviewMove::Reject {
        interviewees::reject(tx, read.interviewee_id, now).await?;
    }
    let lost = || JobError::Unreadable("its interview changed under a lock".to_owned());
    if !interviews::change(tx, moved, now).await? {
        return Err(lost());
    }
    interviews::find(tx, read.id).await?.ok_or_else(lost)
}

/// Drops the mails that the move makes untrue and queues those that tell of it.
async fn tell(tx: &mut Tx, asked: &Asked, i: &Interview, now: DateTime<Utc>) -> Result<i64, JobError> {
    let kind = match asked.to {
        InterviewMove::Amend => Some(MessageKind::InterviewAmended),
        InterviewMove::Accept => Some(MessageKind::InterviewAccepted),
        InterviewMove::Reject => Some(MessageKind::InterviewRejected),
        InterviewMove::Cancel => Some(MessageKind::InterviewCancelled),
        InterviewMove::Complete | InterviewMove::NoShow => None,
    };
    let reason = format!("the interview was {} before the mail was sent", i.status);
    if matches!(asked.to, InterviewMove::Reject | InterviewMove::Cancel) {
        ledger::drop_unsent(tx, i.id, &reason).await?;
    } else {
        ledger::drop_reminders(tx, i.id, &reason).await?;
    }
    let Some(kind) = kind else { return Ok(0) };
    let gone = || JobError::Unreadable("its merchant is gone".to_owned());
    let merchant = merchants::find(tx, i.merchant_id).await?.ok_or_else(gone)?;
    let copy = i64::from(asked.by == Side::Interviewee);
    let mails = notices::told(i, kind, copy, &merchant.reminder_offsets, now);
    Ok(ledger::insert(tx, merchant.id, i.id, &mails, now).await?)
}
