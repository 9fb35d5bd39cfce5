//! The tasks of one consumer, the same for both backends: a reader, an acknowledger that batches, and a keeper that gives
//! signs of life and takes over what others left. None of them ends because of an error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::handover::{BATCH, Handover};
use super::outage::Backoff;
use super::source::{Entry, Source};
use super::{ConsumeOptions, QueueError};
use crate::clock::Entropy;
use crate::domain::Lane;

/// How long done entries gather before they are acknowledged together.
const LINGER: Duration = Duration::from_millis(2);
/// How long each last word to the lane may take when the consumer closes.
const FAREWELL: Duration = Duration::from_secs(4);
/// How long closing may take in all.
const CLOSE: Duration = Duration::from_secs(10);

/// One consumer of a lane, and its tasks, which end with it.
#[derive(Debug)]
pub(super) struct Consumer {
    desk: Arc<Desk>,
    tasks: Mutex<Option<Tasks>>,
}

#[derive(Debug)]
struct Tasks {
    reader: AbortOnDropHandle<()>,
    acknowledger: AbortOnDropHandle<()>,
    keeper: AbortOnDropHandle<()>,
}

/// What the tasks of a consumer share.
#[derive(Debug)]
struct Desk {
    lane: Lane,
    source: Source,
    handover: Arc<Handover>,
    takeover_after: Duration,
    /// Nothing runs any more: flush, and end.
    finish: CancellationToken,
    entropy: Entropy,
}

impl Consumer {
    pub(super) fn new(lane: Lane, source: Source, options: ConsumeOptions) -> Self {
        let desk = Desk {
            lane,
            source,
            handover: Arc::new(Handover::new(options.prefetch)),
            takeover_after: options.takeover_after,
            finish: CancellationToken::new(),
            entropy: Entropy::System,
        };
        Self { desk: Arc::new(desk), tasks: Mutex::default() }
    }

    pub(super) fn lane(&self) -> Lane {
        self.desk.lane
    }

    pub(super) fn handover(&self) -> &Arc<Handover> {
        &self.desk.handover
    }

    /// Begins to read, at the first call.
    pub(super) fn start(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.is_some() || self.desk.finish.is_cancelled() {
            return;
        }
        *tasks = Some(Tasks {
            reader: AbortOnDropHandle::new(tokio::spawn(Arc::clone(&self.desk).read())),
            acknowledger: AbortOnDropHandle::new(tokio::spawn(Arc::clone(&self.desk).acknowledge())),
            keeper: AbortOnDropHandle::new(tokio::spawn(Arc::clone(&self.desk).keep())),
        });
    }

    /// Stops reading, hands back what was not begun, acknowledges what is done, and leaves the lane. To be called when
    /// no handler runs any more. Takes some seconds at most, also when the lane is out of reach.
    pub(super) async fn close(&self) {
        self.desk.handover.close();
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tasks) = tasks
            && tokio::time::timeout(CLOSE, tasks.end(&self.desk)).await.is_err()
        {
            tracing::warn!(lane = %self.desk.lane, "the lane is out of reach; what is left there will be taken over");
        }
        self.desk.finish.cancel();
    }
}

impl Tasks {
    async fn end(self, desk: &Desk) {
        // A task that panicked has nothing left to wait for.
        self.reader.await.ok();
        desk.finish.cancel();
        self.acknowledger.await.ok();
        self.keeper.await.ok();
        if let Err(error) = farewell(desk.source.leave()).await {
            tracing::debug!(lane = %desk.lane, %error, "the consumer could not be struck off");
        }
    }
}

impl Desk {
    async fn read(self: Arc<Self>) {
        let mut backoff = Backoff::new(self.entropy.clone());
        while let Some(room) = self.handover.wait_for_room().await {
            match self.fetch(room).await {
                Ok(entries) => {
                    backoff.reset();
                    self.source.is_back();
                    self.handover.offer(entries, false);
                }
                Err(error) => {
                    self.source.is_away(&error);
                    tokio::select! {
                        () = backoff.pause() => {}
                        () = self.handover.halted() => {}
                    }
                }
            }
        }
        self.hand_back().await;
    }

    /// A fetch that returns early when the consumer is paused or closes. It is never dropped while it waits: what Redis
    /// had just sent would be lost for a while.
    async fn fetch(&self, room: usize) -> Result<Vec<Entry>, QueueError> {
        let mut fetch = std::pin::pin!(self.source.fetch(room));
        tokio::select! {
            fetched = &mut fetch => return fetched,
            () = self.handover.halted() => {}
        }
        self.source.interrupt().await;
        fetch.await
    }

    async fn hand_back(&self) {
        let entries = self.handover.take_waiting();
        if entries.is_empty() {
            return;
        }
        match farewell(self.source.hand_back(&entries)).await {
            Ok(()) => {
                tracing::debug!(lane = %self.lane, count = entries.len(), "handed back what was not begun");
            }
            Err(error) => {
                tracing::warn!(lane = %self.lane, count = entries.len(), %error, "could not hand back what was not begun; others will take it over");
            }
        }
    }

    async fn acknowledge(self: Arc<Self>) {
        let mut backoff = Backoff::new(self.entropy.clone());
        while self.finish.run_until_cancelled(self.handover.wait_for_done(LINGER)).await.is_some() {
            let done = self.handover.take_done();
            for batch in done.chunks(BATCH) {
                while let Err(error) = self.source.acknowledge(batch).await {
                    self.source.is_away(&error);
                    if self.finish.run_until_cancelled(backoff.pause()).await.is_none() {
                        break;
                    }
                }
                backoff.reset();
                self.handover.acknowledged(batch);
            }
        }
        let done = self.handover.take_done();
        for batch in done.chunks(BATCH) {
            if let Err(error) = farewell(self.source.acknowledge(batch)).await {
                tracing::warn!(lane = %self.lane, count = batch.len(), %error, "could not acknowledge; these entries will come again");
                return;
            }
        }
    }

    /// Signs of life go on until nothing runs any more; taking over ends as soon as the consumer closes.
    async fn keep(self: Arc<Self>) {
        let every = (self.takeover_after / 4).max(Duration::from_millis(10));
        loop {
            let wait = every.mul_f64(0.75 + self.entropy.fraction() / 4.0);
            if self.finish.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
            if let Err(error) = self.keep_once().await {
                self.source.is_away(&error);
            }
        }
    }

    async fn keep_once(&self) -> Result<(), QueueError> {
        for batch in self.handover.held().chunks(BATCH) {
            self.source.keep(batch).await?;
        }
        let room = self.handover.room();
        if room > 0 {
            let entries = self.source.reclaim(self.takeover_after, room).await?;
            if !entries.is_empty() {
                tracing::info!(lane = %self.lane, count = entries.len(), "took over entries of which nothing was heard");
                self.handover.offer(entries, true);
            }
            self.source.strike_off(self.takeover_after * 2).await?;
        }
        self.handover.forget_failures(self.takeover_after * 2);
        Ok(())
    }
}

/// The last words may fail, but not take forever.
async fn farewell(words: impl Future<Output = Result<(), QueueError>>) -> Result<(), QueueError> {
    tokio::time::timeout(FAREWELL, words).await.unwrap_or(Err(QueueError::TimedOut))
}
