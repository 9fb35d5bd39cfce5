//! What a test of the queue plays on: a queue, workers that can be stopped or killed, and a log of what handlers saw.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use convoke_tests::redis::Redis;
use shared::domain::Lane;
use shared::queue::{Backlog, ConsumeOptions, PauseSwitch, Queue, Ticket, run_worker};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// How long anything may take before a test gives up. Long, for the machine may be busy; nothing waits it out in vain.
pub(super) const DEADLINE: Duration = Duration::from_secs(45);

/// Which backend a test runs on.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Streams,
    Channel,
}

/// A queue, and the server behind it if it has one.
pub(super) struct Stage {
    pub(super) queue: Queue,
    pub(super) redis: Option<Redis>,
}

impl Stage {
    pub(super) async fn set(kind: Kind) -> Self {
        match kind {
            Kind::Streams => Self::with(Redis::start().await),
            Kind::Channel => Self { queue: Queue::in_process(), redis: None },
        }
    }

    pub(super) fn with(redis: Redis) -> Self {
        let queue = Queue::redis(&redis.url).expect("the URL is well-formed");
        Self { queue, redis: Some(redis) }
    }

    /// The queue as another process sees it, with connections of its own; in a channel there is no other process.
    pub(super) fn another_process(&self) -> Queue {
        match &self.redis {
            Some(redis) => Queue::redis(&redis.url).expect("the URL is well-formed"),
            None => self.queue.clone(),
        }
    }

    /// A push that must be taken.
    pub(super) async fn push(&self, lane: Lane, ids: &[Uuid]) {
        self.queue.push(lane, ids).await.expect("the push is taken");
    }

    pub(super) async fn backlog(&self, lane: Lane) -> Backlog {
        self.queue.backlog(lane).await.expect("the backlog is told")
    }

    pub(super) async fn until_drained(&self, lane: Lane) {
        eventually("the lane is drained", || async {
            self.queue.backlog(lane).await.is_ok_and(|backlog| backlog == Backlog::default())
        })
        .await;
    }

    pub(super) async fn used_memory(&self) -> Option<u64> {
        match &self.redis {
            Some(redis) => Some(redis.used_memory().await),
            None => None,
        }
    }
}

/// Ids that are told apart by their number.
pub(super) fn ids(from: u128, to: u128) -> Vec<Uuid> {
    (from..to).map(Uuid::from_u128).collect()
}

/// Waits until a condition holds, or fails the test.
pub(super) async fn eventually<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A worker at work.
pub(super) struct Running {
    pub(super) pause: PauseSwitch,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// The orderly end.
    pub(super) async fn stop(self) {
        self.stop.send(()).expect("the worker has not ended by itself");
        tokio::time::timeout(DEADLINE, self.task).await.expect("the worker ends in time").expect("no panic");
    }

    /// The end of a process that was killed: nothing is handed back, nothing is acknowledged any more.
    pub(super) fn abort(self) {
        self.task.abort();
    }
}

/// Starts a worker on a lane.
pub(super) fn start<H, Fut, E>(
    queue: &Queue,
    lane: Lane,
    name: &str,
    options: ConsumeOptions,
    concurrency: usize,
    handler: H,
) -> Running
where
    H: Fn(Ticket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let backend = queue.consume(lane, name, options);
    let pause = backend.pause_switch();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { stopped.await.unwrap_or(()) };
    let task = tokio::spawn(run_worker(name.to_owned(), backend, concurrency, handler, stopped));
    Running { pause, stop, task }
}

/// How often each id was begun, and how many handlers came to their end.
#[derive(Clone, Default)]
pub(super) struct Log {
    begun: Arc<Mutex<HashMap<Uuid, usize>>>,
    total: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

impl Log {
    /// Notes that a handler began, and says for which time with this id.
    pub(super) fn record(&self, ticket: Ticket) -> usize {
        self.total.fetch_add(1, Ordering::SeqCst);
        let mut begun = self.begun.lock().expect("no handler panics here");
        let count = begun.entry(ticket.0).or_default();
        *count += 1;
        *count
    }

    pub(super) fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }

    pub(super) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    pub(super) fn counts(&self, ids: &[Uuid]) -> Vec<usize> {
        let begun = self.begun.lock().expect("no handler panics here");
        ids.iter().map(|id| begun.get(id).copied().unwrap_or(0)).collect()
    }

    /// Those that no handler has seen.
    pub(super) fn missing(&self, ids: &[Uuid]) -> Vec<Uuid> {
        let begun = self.begun.lock().expect("no handler panics here");
        ids.iter().filter(|id| !begun.contains_key(id)).copied().collect()
    }

    /// A handler that only takes note.
    pub(super) fn handler(
        &self,
    ) -> impl Fn(Ticket) -> std::future::Ready<Result<(), std::io::Error>> + Clone + Send + Sync + 'static
    {
        let log = self.clone();
        move |ticket| {
            log.record(ticket);
            log.finished.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(()))
        }
    }

    /// A handler that takes note, and waits for the gate.
    pub(super) fn gated_handler(
        &self,
        gate: &Gate,
    ) -> impl Fn(Ticket) -> futures_util::future::BoxFuture<'static, Result<(), std::io::Error>>
    + Clone
    + Send
    + Sync
    + 'static {
        let (log, gate) = (self.clone(), gate.0.subscribe());
        move |ticket| {
            log.record(ticket);
            let (log, mut gate) = (log.clone(), gate.clone());
            Box::pin(async move {
                // A gate that is gone stays closed.
                if gate.wait_for(|open| *open).await.is_err() {
                    std::future::pending::<()>().await;
                }
                log.finished.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        }
    }
}

/// What holds handlers up until it is opened.
pub(super) struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    pub(super) fn open(&self) {
        self.0.send_replace(true);
    }
}
