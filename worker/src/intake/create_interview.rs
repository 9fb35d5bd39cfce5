//! Stores one interview between two people, and queues the mails that tell them.

use shared::db::interviews::{self, NewInterview};
use shared::db::jobs::{self, ClaimedJob};
use shared::db::{merchants, submissions};
use shared::domain::{CreateInterview, MessageKind};

use super::{Done, JobError, answer, notices, payload};
use crate::context::Context;

/// Does the job. The interview, its mails and the answer are one transaction.
pub(super) async fn perform(ctx: &Context, job: &ClaimedJob) -> Result<Done, JobError> {
    let asked: CreateInterview = payload(job)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    if !jobs::finish(&mut tx, job.id, job.attempts, now).await? {
        return Err(JobError::Lost);
    }
    let new = NewInterview {
        merchant_id: job.merchant_id,
        interviewee_id: asked.interviewee_id,
        interviewer_id: asked.interviewer_id,
        kind: &asked.kind,
        location: asked.location.as_deref(),
        start_at: asked.start_at,
        end_at: asked.end_at,
    };
    let id = interviews::insert(&mut tx, &new, now).await?;
    let gone = |what: &str| JobError::Unreadable(format!("its {what} is gone"));
    let interview = interviews::find(&mut tx, id).await?.ok_or_else(|| gone("interviewee or interviewer"))?;
    let merchant = merchants::find(&mut tx, job.merchant_id).await?.ok_or_else(|| gone("merchant"))?;
    let mails = notices::told(&interview, MessageKind::InterviewCreated, 0, &merchant.reminder_offsets, now);
    let due = shared::db::notices::insert(&mut tx, merchant.id, id, &mails, now).await?;
    submissions::succeed(&mut tx, job.submission_id, &answer(&interview)?, Some(id), now).await?;
    tx.commit().await?;
    Ok(Done { completed: Some(job.submission_id), mails: due })
}
