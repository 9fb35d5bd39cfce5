//! How work finds a worker: lanes of ids, over Redis Streams or inside one process, with apalis workers at their end.
//!
//! The ledger is the truth. What is lost here is pushed again by the scheduler, and what comes twice is settled by the
//! ledger's compare-and-set. Nothing outside this module knows Redis or the job library.
//!
//! A consumer is made of small parts, the same for both backends: a `Source` (where entries lie), a `Handover` (what
//! this process has taken of them), and a `Consumer` (the tasks between the two).

mod backend;
mod channel;
mod consumer;
mod handover;
mod outage;
mod source;
mod streams;
mod worker;

use std::time::Duration;

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::domain::Lane;
pub use backend::{Acknowledge, Acknowledgement, Acknowledging, LaneBackend};
pub use channel::ChannelQueue;
pub use handover::PauseSwitch;
use source::Source;
pub use streams::StreamsQueue;
pub use worker::run_worker;

/// How long one push, one look at the backlog or one ping may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a worker of a lane is given: the id of a row in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub Uuid);

/// How much lies in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// In the lane, delivered to nobody.
    pub waiting: u64,
    /// Delivered to a consumer, not acknowledged.
    pub delivered: u64,
}

/// How one consumer reads its lane.
#[derive(Clone, Copy, Debug)]
pub struct ConsumeOptions {
    /// How many entries it holds that no handler has begun. At least 1.
    pub prefetch: usize,
    /// After how long without a sign of life an entry is given to another consumer.
    pub takeover_after: Duration,
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        Self { prefetch: 64, takeover_after: Duration::from_mins(1) }
    }
}

/// Why the queue could not do what was asked. The caller goes on: the ledger has it all.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The URL says something that cannot be meant. It is not repeated here, for it may hold a password.
    #[error("not a queue URL: {0}")]
    Url(String),
    /// The server answered with an error, or did not answer.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// The server took longer than a request may wait.
    #[error("redis took longer than {} s", PATIENCE.as_secs())]
    TimedOut,
}

/// The lanes. Clones share them.
#[derive(Clone, Debug)]
pub enum Queue {
    /// In Redis, shared by all processes.
    Streams(StreamsQueue),
    /// In this process, lost with it.
    Channel(ChannelQueue),
}

impl Queue {
    /// Lanes inside this process: nothing to run beside it, nothing left when it ends.
    #[must_use]
    pub fn in_process() -> Self {
        Self::Channel(ChannelQueue::default())
    }

    /// Lanes in Redis: `redis://`, `rediss://`, `redis+cluster://host1,host2…` or
    /// `redis+sentinel://host1,host2…/service-name`. Only a malformed URL is an error: a server that is not there yet is
    /// waited for.
    pub fn redis(url: &str) -> Result<Self, QueueError> {
        Ok(Self::Streams(StreamsQueue::new(url)?))
    }

    /// Hands ids to a lane, within 2 s in all. After an error some may have arrived; the ledger's scheduler pushes again.
    pub async fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.push(lane, ids).await,
            Self::Channel(channel) => {
                channel.push(lane, ids);
                Ok(())
            }
        }
    }

    /// How much lies in a lane.
    pub async fn backlog(&self, lane: Lane) -> Result<Backlog, QueueError> {
        match self {
            Self::Streams(streams) => streams.backlog(lane).await,
            Self::Channel(channel) => Ok(channel.backlog(lane)),
        }
    }

    /// Whether the queue answers.
    pub async fn ping(&self) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.ping().await,
            Self::Channel(_) => Ok(()),
        }
    }

    /// The apalis backend of one consumer of a lane. `consumer` must be a name that no other consumer has or had. It
    /// begins to read when a worker first polls it.
    #[must_use]
    pub fn consume(&self, lane: Lane, consumer: &str, options: ConsumeOptions) -> LaneBackend {
        let options = ConsumeOptions { prefetch: options.prefetch.max(1), ..options };
        let source = match self {
            Self::Streams(streams) => Source::Streams(Box::new(streams.source(lane, consumer))),
            Self::Channel(channel) => Source::Channel(channel.source(lane, consumer)),
        };
        LaneBackend::new(lane, source, options)
    }

    /// Tells every process that these submissions are done. Best effort: who must know looks in the ledger, too.
    pub async fn announce(&self, submissions: &[Uuid]) {
        match self {
            Self::Streams(streams) => streams.announce(submissions).await,
            Self::Channel(channel) => channel.announce(submissions),
        }
    }

    /// Hears what is announced from now on. Redis is subscribed to once per queue, at the first call, which must be made
    /// inside a Tokio runtime.
    #[must_use]
    pub fn announcements(&self) -> broadcast::Receiver<Uuid> {
        match self {
            Self::Streams(streams) => streams.announcements(),
            Self::Channel(channel) => channel.announcements(),
        }
    }
}
