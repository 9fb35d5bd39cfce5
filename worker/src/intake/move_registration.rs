//! One move of one registration: resend, revoke, reissue, complete (`CONTRACT.md` section 5).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shared::db::jobs::{self, ClaimedJob};
use shared::db::messages::{self, Dropped, Queued};
use shared::db::registrations::{self, Registration};
use shared::db::submissions::{self, MailDelta, Progress};
use shared::db::{Tx, definitions};
use shared::domain::{EmailStatus, InvitationStatus, MoveRegistration, SubmissionKind, conflict};

use super::{Done, JobError, payload};
use crate::context::Context;

/// Does the job. The move and its end are one transaction; an illegal move ends the operation with its 409.
pub(super) async fn perform(ctx: &Context, job: &ClaimedJob) -> Result<Done, JobError> {
    let asked: MoveRegistration = payload(job)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    if !jobs::finish(&mut tx, job.id, job.attempts, now).await? {
        return Err(JobError::Lost);
    }
    let gone = |what: &str| JobError::Unreadable(format!("its {what} is gone"));
    let operation = submissions::find(&mut tx, job.submission_id).await?.ok_or_else(|| gone("submission"))?;
    let kind: SubmissionKind = operation.kind.parse().map_err(|_| gone("meaning"))?;
    let id = operation.registration_id.ok_or_else(|| gone("registration"))?;
    let registration = registrations::lock(&mut tx, id).await?.ok_or_else(|| gone("registration"))?;
    if kind == SubmissionKind::RevokeInvite {
        return revoke_invite(tx, &registration, asked, operation.id, now).await;
    }
    let moved = match legal(kind, registration.status(now)) {
        Ok(()) => Ok(make(ctx, &mut tx, kind, &registration, asked, operation.id, now).await?),
        Err(problem) => Err(problem),
    };
    let mails = match moved {
        Ok(queued) => {
            let progress = Progress {
                processed: 1,
                failed: 0,
                mails_queued: queued.queued,
                mails_suppressed: queued.suppressed,
            };
            submissions::advance(&mut tx, operation.id, progress, now).await?;
            queued.queued
        }
        Err(problem) => {
            submissions::fail(&mut tx, operation.id, &problem, now).await?;
            0
        }
    };
    tx.commit().await?;
    Ok(Done { completed: Some(operation.id), mails })
}

/// Whether a move may be made from a state.
fn legal(kind: SubmissionKind, from: InvitationStatus) -> Result<(), Value> {
    use InvitationStatus::{Completed, Expired, Pending, Revoked, Started};
    use SubmissionKind::{CompleteRegistration, ReissueLink, ResendInvitation, RevokeRegistration};
    let refuse = |verb: &str| {
        let told = format!("A registration that is {} cannot be {verb}.", from.as_str());
        Err(conflict("registration-state", &told))
    };
    match (kind, from) {
        (ResendInvitation, Pending)
        | (RevokeRegistration, Pending | Expired)
        | (CompleteRegistration, Started)
        | (ReissueLink, _) => Ok(()),
        (ResendInvitation, Started | Completed | Expired | Revoked) => {
            refuse("sent its link again; reissue it")
        }
        (RevokeRegistration, Started | Completed | Revoked) => refuse("revoked"),
        (CompleteRegistration, Pending | Expired | Revoked | Completed) => refuse("completed"),
        _ => refuse("moved so"),
    }
}

async fn make(
    ctx: &Context,
    tx: &mut Tx,
    kind: SubmissionKind,
    registration: &Registration,
    asked: MoveRegistration,
    operation: uuid::Uuid,
    now: DateTime<Utc>,
) -> Result<Queued, JobError> {
    let id = registration.id;
    match kind {
        SubmissionKind::ResendInvitation => Ok(messages::insert_copy(tx, id, operation, now).await?),
        SubmissionKind::RevokeRegistration => {
            registrations::revoke(tx, id, now).await?;
            drop_mails(tx, id, "the link was revoked").await?;
            Ok(Queued::default())
        }
        SubmissionKind::CompleteRegistration => {
            registrations::complete(tx, id, now).await?;
            Ok(Queued::default())
        }
        SubmissionKind::ReissueLink => {
            let definition =
                definitions::find(tx, registration.definition_id, registration.merchant_id).await?;
            let life = definition.map_or(TimeDelta::days(14), |d| TimeDelta::seconds(d.link_ttl_seconds));
            let key = i64::from(ctx.config.token_keys.newest());
            drop_mails(tx, id, "a new link replaced it").await?;
            registrations::reissue(tx, id, key, now + life, now).await?;
            let was_mailed = EmailStatus::of(registration.mail_status.as_deref()) != EmailStatus::None;
            if asked.send_email.unwrap_or(was_mailed) {
                Ok(messages::insert_copy(tx, id, operation, now).await?)
            } else {
                Ok(Queued::default())
            }
        }
        _ => Ok(Queued::default()),
    }
}

/// Drops what was not sent yet, and takes it out of its batches' counters.
async fn drop_mails(tx: &mut Tx, registration: i64, reason: &str) -> Result<(), JobError> {
    let mut dropped = messages::drop_unsent(tx, registration, reason).await?;
    dropped.sort_by_key(|message| message.submission_id);
    for Dropped { submission_id, deferrals } in dropped {
        if let Some(submission) = submission_id {
            submissions::count_mails(tx, submission, MailDelta::leaving(deferrals)).await?;
        }
    }
    Ok(())
}

/// Xobin's revocation: it never fails, but says what became of it.
async fn revoke_invite(
    mut tx: Tx,
    registration: &Registration,
    asked: MoveRegistration,
    operation: uuid::Uuid,
    now: DateTime<Utc>,
) -> Result<Done, JobError> {
    let mut mails = 0;
    let status = match registration.status(now) {
        InvitationStatus::Pending | InvitationStatus::Expired => {
            registrations::revoke(&mut tx, registration.id, now).await?;
            drop_mails(&mut tx, registration.id, "the link was revoked").await?;
            if asked.notify {
                messages::insert_revocation(&mut tx, registration.id, now).await?;
                mails = 1;
            }
            "REVOKED"
        }
        InvitationStatus::Started | InvitationStatus::Completed => "NOT_ALLOWED",
        InvitationStatus::Revoked => "ALREADY_REVOKED",
    };
    let answer = serde_json::json!({ "status": status }).to_string();
    submissions::succeed(&mut tx, operation, &answer, None, now).await?;
    tx.commit().await?;
    Ok(Done { completed: Some(operation), mails })
}

#[cfg(test)]
mod tests {
    use super::*;
    use InvitationStatus::{Completed, Expired, Pending, Revoked, Started};

    #[test]
    fn every_move_from_every_state_is_decided() {
        use SubmissionKind::{CompleteRegistration, ReissueLink, ResendInvitation, RevokeRegistration};
        let states = [Pending, Started, Completed, Expired, Revoked];
        let row = |kind| {
            states.map(|from| match legal(kind, from) {
                Ok(()) => 'y',
                Err(problem) => {
                    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(from.as_str())));
                    'n'
                }
            })
        };
        assert_eq!(row(ResendInvitation), ['y', 'n', 'n', 'n', 'n']);
        assert_eq!(row(RevokeRegistration), ['y', 'n', 'n', 'y', 'n']);
        assert_eq!(row(ReissueLink), ['y', 'y', 'y', 'y', 'y']);
        assert_eq!(row(CompleteRegistration), ['n', 'y', 'n', 'n', 'n']);
    }
}
