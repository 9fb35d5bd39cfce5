//! The mail lane at work: a ticket claims what is due, many mails are sent at once, and each outcome is recorded as it
//! comes (`DESIGN.md` section 6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use shared::db::deliveries::{self, ClaimedMessage};
use shared::db::{DbError, lanes};
use shared::domain::{Lane, Priority};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::compose::{ComposeError, Templates};
use super::envelope::{Ready, Unsendable, prepare};
use super::pace::Pace;
use super::rates::Rates;
use super::record::{Ended, Outcome, record, refusal};
use super::ring::Ring;
use super::smtp::{SmtpClient, SmtpOptions, SmtpUrlError};
use super::subject::{self, Subject};
use crate::context::Context;
use crate::lease::Lease;

/// A look at a message's subject holds for so long.
const FRESH: Duration = Duration::from_millis(100);
const RECORD_AGAIN: Duration = Duration::from_millis(250);
/// How long outcomes are tried to be recorded after a stop was asked for.
const LAST_TRIES: Duration = Duration::from_secs(15);

/// Why there can be no mail lane.
#[derive(Debug, thiserror::Error)]
pub enum MailLaneError {
    /// `SMTP_URL` cannot be used.
    #[error("SMTP_URL: {0}")]
    Smtp(#[from] SmtpUrlError),
    /// A template that was compiled in does not render.
    #[error("{0}")]
    Templates(#[from] ComposeError),
}

/// Where mails go.
#[derive(Clone, Debug)]
enum Mailer {
    /// To a mail server.
    Smtp(SmtpClient),
    /// Into the embedded mailbox.
    Captured,
}

/// The mail lane of one process; cheap to clone.
#[derive(Clone, Debug)]
pub struct MailLane(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    ctx: Context,
    mailer: Mailer,
    templates: Templates,
    rates: Rates,
    ring: Ring,
    /// As many mails are on their way at once as connections may be open.
    places: Semaphore,
    pace: Pace,
    /// The server refuses us: no more is begun until the ledger says that the lane runs again.
    broken: AtomicBool,
    stopping: watch::Receiver<bool>,
}

impl MailLane {
    /// Reads `SMTP_URL` and the templates. Connects to nobody yet.
    pub fn new(ctx: &Context, stopping: watch::Receiver<bool>) -> Result<Self, MailLaneError> {
        let mailer = match &ctx.config.smtp_url {
            Some(url) => {
                let mut options = SmtpOptions::new(url.expose().clone());
                options.connections = ctx.config.mail_connections;
                Mailer::Smtp(SmtpClient::new(options)?)
            }
            None => Mailer::Captured,
        };
        Ok(Self(Arc::new(Parts {
            mailer,
            templates: Templates::new()?,
            rates: Rates::new(&ctx.config),
            ring: Ring::default(),
            pace: Pace::default(),
            places: Semaphore::new(ctx.config.mail_connections),
            broken: AtomicBool::new(false),
            stopping,
            ctx: ctx.clone(),
        })))
    }

    /// Does what a ticket stands for: claims and sends, round after round, until nothing is due.
    pub(crate) async fn handle(&self) -> Result<(), DbError> {
        while !self.is_stopping() && !self.is_paused().await? {
            let claimed = self.claim().await?;
            if claimed.is_empty() {
                break;
            }
            let (size, begun) = (claimed.len(), Instant::now());
            self.send(claimed).await?;
            self.0.pace.took(size, begun.elapsed());
        }
        Ok(())
    }

    /// Says goodbye to the mail server.
    pub(crate) async fn close(&self) {
        if let Mailer::Smtp(client) = &self.0.mailer {
            client.close().await;
        }
    }

    fn is_stopping(&self) -> bool {
        *self.0.stopping.borrow()
    }

    /// Looks at the ledger, so that a breaker that another process opened holds here at once.
    async fn is_paused(&self) -> Result<bool, DbError> {
        let rows = lanes::all(&mut self.0.ctx.db.read().await?).await?;
        let paused = rows.iter().any(|row| row.lane == Lane::Mail.as_str() && row.paused_by.is_some());
        self.0.broken.store(paused, Ordering::Relaxed);
        Ok(paused)
    }

    /// Claims for the first merchant, in turn, that has something due: single invites before those of batches.
    async fn claim(&self) -> Result<Vec<ClaimedMessage>, DbError> {
        let ctx = &self.0.ctx;
        let merchants = deliveries::merchants_with_mail(&mut ctx.db.read().await?).await?;
        let size = self.0.pace.size();
        for merchant in self.0.ring.turn(merchants) {
            let mut tx = ctx.db.begin().await?;
            let mut claimed = Vec::new();
            for priority in Priority::ALL {
                let room = size - i64::try_from(claimed.len()).unwrap_or(size);
                if room > 0 {
                    claimed.extend(
                        deliveries::claim(
                            &mut tx,
                            merchant,
                            priority,
                            ctx.clock.now(),
                            ctx.lease_until(),
                            room,
                        )
                        .await?,
                    );
                }
            }
            tx.commit().await?;
            if !claimed.is_empty() {
                return Ok(claimed);
            }
        }
        Ok(Vec::new())
    }

    /// Sends a claim, many mails at once, and records outcomes as they come: the sooner, the smaller the window in
    /// which a crash causes a second copy.
    async fn send(&self, claimed: Vec<ClaimedMessage>) -> Result<(), DbError> {
        let ids: Vec<i64> = claimed.iter().map(|message| message.id).collect();
        let held = Arc::new(Mutex::new(ids.clone()));
        let _lease = self.hold(Arc::clone(&held));
        let read_at = Instant::now();
        let mut subjects = subject::look(&mut self.0.ctx.db.read().await?, &claimed).await?;
        let mut sending = JoinSet::new();
        for message in claimed {
            let Some(subject) = subjects.remove(&message.id) else { continue };
            let lane = self.clone();
            sending.spawn(async move {
                let ended = lane.send_one(&message, &subject, read_at).await;
                Outcome { message, subject, ended }
            });
        }
        while let Some(first) = sending.join_next().await {
            let mut outcomes: Vec<Outcome> = first.into_iter().collect();
            while let Some(next) = sending.try_join_next() {
                outcomes.extend(next);
            }
            if let Some(reason) = refusal(&outcomes)
                && !self.0.broken.swap(true, Ordering::Relaxed)
            {
                tracing::error!(
                    reason,
                    "the mail server refuses us: the mail lane is paused for a minute; mend SMTP_URL or the server"
                );
            }
            self.record_surely(&outcomes).await;
            let done: Vec<i64> = outcomes.iter().map(|outcome| outcome.message.id).collect();
            held.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| !done.contains(id));
        }
        Ok(())
    }

    /// Records outcomes, however long the database is away: what the server took must not be forgotten, or it is sent
    /// again. At the process's end it is tried for as long as the grace lasts.
    async fn record_surely(&self, outcomes: &[Outcome]) {
        let mut last = None;
        loop {
            match record(&self.0.ctx, outcomes).await {
                Ok(()) => return,
                Err(DbError::Unavailable(error) | DbError::Contended(error)) => {
                    tracing::warn!(%error, mails = outcomes.len(), "outcomes could not be recorded; trying again");
                }
                Err(error) => {
                    tracing::error!(%error, mails = outcomes.len(), "outcomes cannot be recorded");
                    return;
                }
            }
            if self.is_stopping() && last.get_or_insert_with(Instant::now).elapsed() > LAST_TRIES {
                return;
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
    }

    /// Sends one, when there is a place for it; gives it back where the process ends or the server refuses us.
    async fn send_one(&self, message: &ClaimedMessage, subject: &Subject, read_at: Instant) -> Ended {
        let parts = &*self.0;
        let mut stopping = parts.stopping.clone();
        let place = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            place = async { parts.rates.wait().await; parts.places.acquire().await } => place.ok(),
        };
        if place.is_none() || parts.broken.load(Ordering::Relaxed) {
            return Ended::Released(parts.ctx.clock.now());
        }
        // Who waited for a place may be stale by now: the last look is right before the mail goes out.
        let fresh = if read_at.elapsed() > FRESH { self.look_again(message).await } else { None };
        let subject = fresh.as_ref().unwrap_or(subject);
        let captured = matches!(parts.mailer, Mailer::Captured);
        match prepare(&parts.ctx, &parts.templates, message, subject, captured) {
            Ready::Captured(mail) => Ended::Captured(mail),
            Ready::Not(Unsendable::Stale(reason)) => Ended::Stale(reason),
            Ready::Not(Unsendable::Suppressed) => Ended::Suppressed,
            Ready::Not(Unsendable::Impossible(error)) => Ended::Impossible(error),
            Ready::Letter(letter) => {
                if let Some(wait) = parts.rates.domain_wait(letter.to.domain()) {
                    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::seconds(1));
                    return Ended::Released(parts.ctx.clock.now() + wait);
                }
                match &parts.mailer {
                    Mailer::Smtp(client) => Ended::Verdict(client.send(&letter).await),
                    Mailer::Captured => Ended::Released(parts.ctx.clock.now()),
                }
            }
        }
    }

    /// The subject as it stands now; `None` where the database does not say, and the earlier look must do.
    async fn look_again(&self, message: &ClaimedMessage) -> Option<Subject> {
        let mut conn = self.0.ctx.db.read().await.ok()?;
        subject::look(&mut conn, std::slice::from_ref(message)).await.ok()?.remove(&message.id)
    }

    fn hold(&self, ids: Arc<Mutex<Vec<i64>>>) -> Lease {
        let lane = self.clone();
        Lease::hold(self.0.ctx.config.lease, move || {
            let (ctx, ids) = (lane.0.ctx.clone(), ids.lock().unwrap_or_else(PoisonError::into_inner).clone());
            async move {
                let renewed = async {
                    let mut tx = ctx.db.begin().await?;
                    deliveries::renew(&mut tx, &ids, ctx.lease_until()).await?;
                    tx.commit().await
                };
                if let Err(error) = renewed.await {
                    tracing::warn!(%error, "the lease of mails in hand could not be renewed");
                }
                true
            }
        })
    }
}
