//! The intake and bulk lanes: a job id becomes a claim, the claim an outcome, and the outcome is recorded.

mod abandon;
mod create_interview;
mod move_interview;
mod move_registration;
mod notices;
mod register_candidates;

pub(crate) use abandon::abandon;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use shared::db::DbError;
use shared::db::interviews::Interview;
use shared::db::jobs::{self, ClaimedJob};
use shared::domain::{InterviewAnswer, JobKind, MAX_ATTEMPTS, Outcome, job_retry_after};
use uuid::Uuid;

use crate::context::Context;
use crate::lease::Lease;
use crate::mail;

/// How often a job that another transaction was in the way of is begun anew at once.
const AT_ONCE: u32 = 5;

/// What a job's committed transaction leaves to be told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// The submission whose last job this was.
    completed: Option<Uuid>,
    /// Mails that now wait.
    mails: i64,
}

/// Why a job is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// A successor has it: nothing was committed, nothing is to be recorded.
    #[error("a successor has the job")]
    Lost,
    /// The database.
    #[error("{0}")]
    Db(#[from] DbError),
    /// What it was given cannot be understood, by this version at least.
    #[error("{0}")]
    Unreadable(String),
}

/// Does one job. An error leaves the ticket unacknowledged: only where not even the outcome could be recorded.
pub(crate) async fn handle(ctx: &Context, id: Uuid) -> Result<(), DbError> {
    let Some(job) = claim(ctx, id).await? else { return Ok(()) };
    let lease = hold(ctx, &job);
    let result = AssertUnwindSafe(perform(ctx, &job)).catch_unwind().await;
    drop(lease);
    let error = match result {
        Ok(Ok(done)) => {
            tell(ctx, done).await;
            return Ok(());
        }
        Ok(Err(JobError::Lost)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("the handler panicked: {}", message(panic.as_ref())),
    };
    record(ctx, &job, after(ctx, &job, error)).await
}

async fn claim(ctx: &Context, id: Uuid) -> Result<Option<ClaimedJob>, DbError> {
    // What is lost when the database's machine dies now is an attempt's count, so nobody waits for its disk.
    let mut tx = ctx.db.begin_unsynced().await?;
    let job = jobs::claim(&mut tx, id, &ctx.id, ctx.clock.now(), ctx.lease_until()).await?;
    tx.commit().await?;
    Ok(job)
}

fn hold(ctx: &Context, job: &ClaimedJob) -> Lease {
    let (held, id, attempt) = (ctx.clone(), job.id, job.attempts);
    Lease::hold(ctx.config.lease, move || {
        let ctx = held.clone();
        async move {
            let renewed = async {
                let mut tx = ctx.db.begin().await?;
                let is_ours = jobs::renew(&mut tx, id, attempt, ctx.lease_until()).await?;
                tx.commit().await?;
                Ok::<_, DbError>(is_ours)
            };
            renewed.await.unwrap_or(true)
        }
    })
}

/// Does what the kind says, and begins anew at once where only another transaction was in the way.
async fn perform(ctx: &Context, job: &ClaimedJob) -> Result<Done, JobError> {
    let kind = job.kind.parse::<JobKind>().map_err(|error| JobError::Unreadable(error.to_string()))?;
    let mut tries = 0;
    loop {
        let result = match kind {
            JobKind::RegisterCandidates => register_candidates::perform(ctx, job).await,
            JobKind::MoveRegistration => move_registration::perform(ctx, job).await,
            JobKind::CreateInterview => create_interview::perform(ctx, job).await,
            JobKind::MoveInterview => move_interview::perform(ctx, job).await,
        };
        match result {
            Err(JobError::Db(DbError::Contended(error))) if tries < AT_ONCE => {
                tries += 1;
                tracing::debug!(job = %job.id, %error, tries, "begun anew");
            }
            other => return other,
        }
    }
}

/// The payload, as its kind has it.
fn payload<T: serde::de::DeserializeOwned>(job: &ClaimedJob) -> Result<T, JobError> {
    let text = job.payload.as_deref().unwrap_or_default();
    serde_json::from_str(text)
        .map_err(|error| JobError::Unreadable(format!("the payload is not understood: {error}")))
}

/// An interview's answer, as the operation keeps it.
fn answer(interview: &Interview) -> Result<String, JobError> {
    serde_json::to_string(&InterviewAnswer::from(interview))
        .map_err(|error| JobError::Unreadable(format!("its answer cannot be written: {error}")))
}

async fn tell(ctx: &Context, done: Done) {
    if let Some(submission) = done.completed {
        ctx.queue.announce(&[submission]).await;
    }
    if done.mails > 0 {
        mail::wake(ctx, (done.mails + mail::CLAIM - 1) / mail::CLAIM).await;
    }
}

fn after(ctx: &Context, job: &ClaimedJob, error: String) -> Outcome {
    if job.attempts >= MAX_ATTEMPTS {
        return Outcome::Dead { error };
    }
    let at = ctx.clock.now() + job_retry_after(job.attempts, ctx.entropy.fraction());
    Outcome::Retry { at, error }
}

async fn record(ctx: &Context, job: &ClaimedJob, outcome: Outcome) -> Result<(), DbError> {
    let mut tx = ctx.db.begin().await?;
    let mut ended = None;
    match &outcome {
        Outcome::Done => {}
        Outcome::Retry { at, error } => {
            tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempts, %error, "the job is tried again");
            jobs::retry(&mut tx, job.id, job.attempts, *at, error).await?;
        }
        Outcome::Dead { error } => {
            tracing::error!(job = %job.id, kind = job.kind, attempt = job.attempts, %error, "the job is dead");
            let now = ctx.clock.now();
            if jobs::bury(&mut tx, job.id, job.attempts, now, error).await? {
                ended = abandon(&mut tx, job, now).await?;
            }
        }
    }
    tx.commit().await?;
    tell(ctx, Done { completed: ended, mails: 0 }).await;
    Ok(())
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
