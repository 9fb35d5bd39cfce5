//! The scheduler: turns due rows into ids. It is in every worker process, and one at a time has the seat.
//!
//! What it finds: jobs whose retry has come, jobs whose push was lost, leases that ran out, mails that are due,
//! reminders
//! whose time has come, breakers that have waited long enough, idempotency keys and revoked tokens that are too old.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::db::jobs::{self, DueJob};
use shared::db::messages::Dropped;
use shared::db::submissions::{self, MailDelta};
use shared::db::{DbError, deliveries, idempotency, lanes, notices, revoked_tokens, workers};
use shared::domain::{Lane, Priority};
use uuid::Uuid;

use crate::context::Context;
use crate::intake;
use crate::mail::CLAIM;

const PACE: Duration = Duration::from_secs(1);
/// A waiting job is looked for again so long after it was pushed.
const PUSHED: TimeDelta = TimeDelta::seconds(5);
/// A token is refused for its age alone only this long after it expired: clocks may differ.
const TOKENS_KEPT: TimeDelta = TimeDelta::minutes(5);
/// Ids that are pushed at one look.
const MOST: i64 = 5_000;

/// What an earlier process of the embedded database had in hand is free at once: the file belongs to this one alone.
async fn inherit(ctx: &Context) -> Result<(), DbError> {
    if ctx.db.is_embedded() {
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin().await?;
        jobs::expire_all(&mut tx, now).await?;
        deliveries::expire_all(&mut tx, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Looks every second, while it has the seat.
pub(crate) async fn keep(ctx: &Context) {
    let mut purged = DateTime::UNIX_EPOCH;
    let mut failing = false;
    if let Err(error) = inherit(ctx).await {
        tracing::warn!(%error, "earlier leases could not be ended; they run out by themselves");
    }
    loop {
        match look(ctx, &mut purged).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the scheduler could not look; it tries every second");
            }
            Err(_) => {}
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn look(ctx: &Context, purged: &mut DateTime<Utc>) -> Result<(), DbError> {
    let now = ctx.clock.now();
    if !sit(ctx, now).await? {
        return Ok(());
    }
    free(ctx, now).await?;
    for lane in [Lane::Intake, Lane::Bulk] {
        find_lost(ctx, lane, now).await?;
    }
    wake_mail(ctx, now).await?;
    if now - *purged > TimeDelta::minutes(1) {
        *purged = now;
        let mut tx = ctx.db.begin().await?;
        idempotency::purge(&mut tx, now).await?;
        revoked_tokens::purge(&mut tx, now - TOKENS_KEPT).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn sit(ctx: &Context, now: DateTime<Utc>) -> Result<bool, DbError> {
    let mut tx = ctx.db.begin().await?;
    let has_seat = workers::sit(&mut tx, &ctx.id, now, now + TimeDelta::seconds(10)).await?;
    tx.commit().await?;
    Ok(has_seat)
}

/// Expired leases, due retries, closed breakers.
async fn free(ctx: &Context, now: DateTime<Utc>) -> Result<(), DbError> {
    let mut tx = ctx.db.begin().await?;
    let (mut due, dead) = jobs::free_expired(&mut tx, now).await?;
    due.extend(jobs::wake_retryable(&mut tx, now, MOST).await?);
    let mut ended = Vec::new();
    for job in &dead {
        ended.extend(intake::abandon(&mut tx, job, now).await?);
    }
    let (mails, mut given_up) = deliveries::free_expired(&mut tx, now).await?;
    given_up.sort_by_key(|message| message.submission_id);
    for Dropped { submission_id, deferrals } in given_up {
        let failed = MailDelta { failed: 1, ..MailDelta::leaving(deferrals) };
        if let Some(submission) = submission_id {
            submissions::count_mails(&mut tx, submission, failed).await?;
        }
    }
    notices::wake(&mut tx, now, MOST).await?;
    lanes::close_breakers(&mut tx, now).await?;
    tx.commit().await?;
    ctx.queue.announce(&ended).await;
    for job in &dead {
        tracing::error!(job = %job.id, kind = job.kind, "a job is dead: its worker ended during each attempt");
    }
    if mails > 0 {
        tracing::warn!(mails, "mails whose worker ended are sent again, under the same Message-ID");
    }
    push(ctx, &due).await;
    Ok(())
}

/// Pushes again what the queue must have lost: more wait in the ledger than lie in the lane.
async fn find_lost(ctx: &Context, lane: Lane, now: DateTime<Utc>) -> Result<(), DbError> {
    let before = now - PUSHED;
    let waiting = jobs::count_waiting(&mut ctx.db.read().await?, lane, before).await?;
    if waiting == 0 {
        return Ok(());
    }
    let Ok(backlog) = ctx.queue.backlog(lane).await else { return Ok(()) };
    let lost = waiting - i64::try_from(backlog.waiting).unwrap_or(i64::MAX);
    if lost <= 0 {
        return Ok(());
    }
    let mut tx = ctx.db.begin().await?;
    let due = jobs::take_oldest(&mut tx, lane, before, now, lost.min(MOST)).await?;
    tx.commit().await?;
    tracing::debug!(%lane, jobs = due.len(), "pushed again");
    push(ctx, &due).await;
    Ok(())
}

async fn push(ctx: &Context, due: &[DueJob]) {
    for lane in Lane::ALL {
        let ids: Vec<Uuid> = due.iter().filter(|job| job.lane == lane.as_str()).map(|job| job.id).collect();
        if !ids.is_empty()
            && let Err(error) = ctx.queue.push(lane, &ids).await
        {
            tracing::warn!(%lane, jobs = ids.len(), %error, "the queue took no ids; they are pushed again shortly");
        }
    }
}

/// Sees to it that as many tickets lie in the mail lane as the due mails need.
async fn wake_mail(ctx: &Context, now: DateTime<Utc>) -> Result<(), DbError> {
    let mut conn = ctx.db.read().await?;
    let mut due = 0;
    for merchant in deliveries::merchants_with_mail(&mut conn).await? {
        for priority in Priority::ALL {
            due += deliveries::count_due(&mut conn, merchant, priority, now, MOST).await?;
        }
        if due >= MOST {
            break;
        }
    }
    drop(conn);
    if due == 0 {
        return Ok(());
    }
    let Ok(backlog) = ctx.queue.backlog(Lane::Mail).await else { return Ok(()) };
    let there = i64::try_from(backlog.waiting + backlog.delivered).unwrap_or(i64::MAX);
    let missing = (due + CLAIM - 1) / CLAIM - there;
    if missing > 0 {
        crate::mail::wake(ctx, missing).await;
    }
    Ok(())
}
