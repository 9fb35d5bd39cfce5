//! Waiting for a submission to be done: announcements wake the request, a slow poll finds what was missed
//! (`DESIGN.md` section 8).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::db::submissions::{self, Submission};
use shared::db::{Db, DbError};
use shared::queue::Queue;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

type Waiting = Arc<Mutex<HashMap<Uuid, Arc<Notify>>>>;

/// Who waits for what in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hub(Waiting);

/// A place in the hub; given up when it is dropped.
struct Seat {
    waiting: Waiting,
    id: Uuid,
    notify: Arc<Notify>,
}

impl Hub {
    /// Listens to what workers announce, for as long as the queue lives.
    pub(crate) fn listen(queue: &Queue) -> Self {
        let hub = Self::default();
        let waiting = Arc::clone(&hub.0);
        let mut announcements = queue.announcements();
        tokio::spawn(async move {
            loop {
                match announcements.recv().await {
                    Ok(id) => {
                        if let Some(notify) = waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&id)
                        {
                            notify.notify_waiters();
                            notify.notify_one();
                        }
                    }
                    // Whoever was missed is found by the poll.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        hub
    }

    fn seat(&self, id: Uuid) -> Seat {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = Arc::clone(waiting.entry(id).or_default());
        Seat { waiting: Arc::clone(&self.0), id, notify }
    }

    /// The submission once it is done, or as it stood last when the time is up. `hand_over` is run when the seat is
    /// taken, so that no announcement can come too early. That the database is away for a while ends no wait: what
    /// was accepted stays accepted. That this process ends, does.
    pub(crate) async fn wait(
        &self,
        db: &Db,
        mut submission: Submission,
        at_most: Duration,
        mut stopping: watch::Receiver<bool>,
        hand_over: impl FnOnce(),
    ) -> Submission {
        let seat = self.seat(submission.id);
        hand_over();
        let deadline = Instant::now() + at_most;
        let mut pause = Duration::from_millis(250);
        while !submission.is_completed() {
            let look = deadline.min(Instant::now() + pause);
            let woken = tokio::select! {
                woken = tokio::time::timeout_at(look, seat.notify.notified()) => woken.is_ok(),
                _ = stopping.wait_for(|stopping| *stopping) => break,
            };
            match reread(db, submission.id).await {
                Ok(Some(now)) => submission = now,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a waiting request could not look; it goes on waiting"),
            }
            if Instant::now() >= deadline {
                break;
            }
            if !woken {
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
        submission
    }
}

async fn reread(db: &Db, id: Uuid) -> Result<Option<Submission>, DbError> {
    submissions::find(&mut db.read().await?, id).await
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Two references: the map's and this one. More means that somebody else waits for the same.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.id);
        }
    }
}
