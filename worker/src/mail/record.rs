//! Recording what mails came to: messages, their batches' counters, bounces and the embedded mailbox, in one
//! transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use shared::db::captured_mails::{self, NewMail};
use shared::db::deliveries::{self, ClaimedMessage, Recorded};
use shared::db::submissions::{self, MailDelta};
use shared::db::{DbError, lanes, messages, suppressions};
use shared::domain::{Lane, MessageStatus, mail_retry_after};
use uuid::Uuid;

use super::about_link;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::context::Context;

/// How long the breaker stays open.
const BREAKER: TimeDelta = TimeDelta::seconds(60);

/// What one message came to.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server's verdict.
    Verdict(Verdict),
    /// Kept in the embedded mailbox.
    Captured(Box<NewMail>),
    /// No longer wanted.
    Stale(&'static str),
    /// The address bounced before.
    Suppressed,
    /// It cannot be sent, ever.
    Impossible(String),
    /// Not begun, and to be begun not before an instant.
    Released(DateTime<Utc>),
}

/// A message with what it is about, and its end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) message: ClaimedMessage,
    pub(super) subject: Subject,
    pub(super) ended: Ended,
}

/// Records outcomes. What a successor has claimed meanwhile is left to it.
pub(super) async fn record(ctx: &Context, outcomes: &[Outcome]) -> Result<(), DbError> {
    let now = ctx.clock.now();
    let records: Vec<Recorded> = outcomes.iter().map(|outcome| row(ctx, now, outcome)).collect();
    let mut tx = ctx.db.begin().await?;
    // First, and with nothing else in hand: a batch's row may be held for long, and meanwhile the messages' leases must
    // be renewed.
    let batches: BTreeSet<Uuid> =
        outcomes.iter().filter_map(|outcome| outcome.message.submission_id).collect();
    submissions::hold(&mut tx, &batches.into_iter().collect::<Vec<_>>()).await?;
    let ours: HashSet<i64> = deliveries::record(&mut tx, &records, now).await?.into_iter().collect();
    let mut deltas: BTreeMap<Uuid, MailDelta> = BTreeMap::new();
    let mut reminders = Vec::new();
    let mut bounces: BTreeMap<(Uuid, &str), &str> = BTreeMap::new();
    for (outcome, record) in outcomes.iter().zip(&records).filter(|(_, record)| ours.contains(&record.id)) {
        if let Some(submission) = outcome.message.submission_id {
            count(deltas.entry(submission).or_default(), &outcome.message, record.status);
        }
        if let (Subject::Link(link), MessageStatus::Sent) = (&outcome.subject, record.status) {
            reminders.extend(about_link::reminders(&outcome.message, link, now));
        }
        match &outcome.ended {
            Ended::Verdict(Verdict::Bounced { error }) => {
                bounces.insert((outcome.subject.merchant(), outcome.subject.email_key()), error);
            }
            Ended::Captured(mail) => captured_mails::insert(&mut tx, mail).await?,
            _ => {}
        }
    }
    if !reminders.is_empty() {
        messages::insert_reminders(&mut tx, &reminders, now).await?;
    }
    // In one order everywhere, so that two processes never wait for each other.
    for ((merchant, email_key), error) in bounces {
        suppressions::bounce(&mut tx, merchant, email_key, error, now).await?;
    }
    for (submission, delta) in deltas.into_iter().filter(|(_, delta)| *delta != MailDelta::default()) {
        submissions::count_mails(&mut tx, submission, delta).await?;
    }
    if let Some(reason) = refusal(outcomes) {
        lanes::open_breaker(&mut tx, Lane::Mail, reason, now + BREAKER).await?;
    }
    tx.commit().await
}

/// Why the server refuses us, where it does.
pub(super) fn refusal(outcomes: &[Outcome]) -> Option<&str> {
    outcomes.iter().find_map(|outcome| match &outcome.ended {
        Ended::Verdict(Verdict::Refused { error }) => Some(error.as_str()),
        _ => None,
    })
}

fn row(ctx: &Context, now: DateTime<Utc>, outcome: &Outcome) -> Recorded {
    let message = &outcome.message;
    let ended = |status, error: Option<&str>| Recorded {
        id: message.id,
        attempt: message.attempts,
        status,
        due_at: now,
        error: error.map(str::to_owned),
        uncounted: false,
    };
    match &outcome.ended {
        Ended::Verdict(Verdict::Sent { .. }) | Ended::Captured(_) => ended(MessageStatus::Sent, None),
        Ended::Verdict(Verdict::Deferred { error }) => {
            match mail_retry_after(&ctx.config.mail_retry, message.deferrals + 1, ctx.entropy.fraction()) {
                Some(wait) => Recorded { due_at: now + wait, ..ended(MessageStatus::Deferred, Some(error)) },
                None => {
                    ended(MessageStatus::Failed, Some(&format!("given up after the last attempt: {error}")))
                }
            }
        }
        Ended::Verdict(Verdict::Bounced { error } | Verdict::Failed { error }) | Ended::Impossible(error) => {
            ended(MessageStatus::Failed, Some(error))
        }
        Ended::Verdict(Verdict::Refused { error }) => {
            Recorded { uncounted: true, ..ended(MessageStatus::Queued, Some(error)) }
        }
        Ended::Stale(reason) => ended(MessageStatus::Skipped, Some(reason)),
        Ended::Suppressed => ended(MessageStatus::Suppressed, Some("the address bounced before")),
        Ended::Released(due_at) => {
            Recorded { due_at: *due_at, uncounted: true, ..ended(MessageStatus::Queued, None) }
        }
    }
}

/// Moves a message from the counter where it stood to the one where it stands.
fn count(delta: &mut MailDelta, message: &ClaimedMessage, to: MessageStatus) {
    let was_deferred = message.deferrals > 0;
    match to {
        MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending => return,
        MessageStatus::Deferred if was_deferred => return,
        _ if was_deferred => delta.deferred -= 1,
        _ => delta.queued -= 1,
    }
    match to {
        MessageStatus::Sent => delta.sent += 1,
        MessageStatus::Deferred => delta.deferred += 1,
        MessageStatus::Failed => delta.failed += 1,
        MessageStatus::Suppressed => delta.suppressed += 1,
        MessageStatus::Skipped
        | MessageStatus::Scheduled
        | MessageStatus::Queued
        | MessageStatus::Sending => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batchs_counters_follow_each_mail_and_always_add_up() {
        let message = |deferrals| ClaimedMessage {
            id: 1,
            submission_id: Some(Uuid::nil()),
            registration_id: Some(1),
            meeting_id: None,
            recipient_id: None,
            kind: "invitation".to_owned(),
            version: 1,
            copy: 0,
            attempts: 1,
            deferrals,
            created_at: DateTime::UNIX_EPOCH,
        };
        let mut batch = MailDelta { queued: 3, ..MailDelta::default() };
        count(&mut batch, &message(0), MessageStatus::Deferred);
        count(&mut batch, &message(1), MessageStatus::Deferred);
        count(&mut batch, &message(0), MessageStatus::Sent);
        assert_eq!(batch, MailDelta { queued: 1, deferred: 1, sent: 1, ..MailDelta::default() });
        count(&mut batch, &message(2), MessageStatus::Failed);
        count(&mut batch, &message(0), MessageStatus::Queued);
        count(&mut batch, &message(0), MessageStatus::Skipped);
        assert_eq!(batch, MailDelta { sent: 1, failed: 1, ..MailDelta::default() });
    }
}
