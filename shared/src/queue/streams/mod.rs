//! Lanes in Redis Streams: one stream and one consumer group per lane. Only ids are in there.

mod address;
mod announce;
mod entry;
mod line;
mod source;

use std::sync::Arc;

use redis::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use self::address::Address;
use self::announce::Announcer;
use self::line::Line;
pub(super) use self::source::StreamsSource;
use super::outage::Outage;
use super::{Backlog, PATIENCE, QueueError};
use crate::domain::Lane;

/// The consumer group of every lane.
const GROUP: &str = "convoke";
/// How many ids travel in one pipeline.
const CHUNK: usize = 1000;

/// The lanes of a Redis server, cluster or sentinel set. Clones share its connections.
#[derive(Clone, Debug)]
pub struct StreamsQueue(Arc<Shared>);

struct Shared {
    address: Arc<Address>,
    requests: Line,
    outage: Arc<Outage>,
    announcer: Announcer,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("outage", &self.outage).finish_non_exhaustive()
    }
}

impl StreamsQueue {
    pub(super) fn new(url: &str) -> Result<Self, QueueError> {
        let address = Arc::new(Address::parse(url)?);
        let outage = Arc::new(Outage::default());
        Ok(Self(Arc::new(Shared {
            requests: Line::new(Arc::clone(&address), PATIENCE),
            announcer: Announcer::new(Arc::clone(&address), Arc::clone(&outage)),
            address,
            outage,
        })))
    }

    pub(super) async fn push(&self, lane: Lane, ids: &[Uuid]) -> Result<(), QueueError> {
        let stream = stream(lane);
        let push = async {
            for chunk in ids.chunks(CHUNK) {
                let mut pipeline = redis::Pipeline::with_capacity(chunk.len());
                for id in chunk {
                    pipeline.add_command(entry::append(&stream, id)).ignore();
                }
                self.0.requests.pipeline::<()>(&pipeline).await?;
            }
            Ok(())
        };
        self.in_time(push).await
    }

    pub(super) async fn backlog(&self, lane: Lane) -> Result<Backlog, QueueError> {
        let stream = stream(lane);
        let look = async {
            let length: u64 = self.0.requests.command(redis::cmd("XLEN").arg(&stream)).await?;
            let pending = self.0.requests.command(redis::cmd("XPENDING").arg(&stream).arg(GROUP)).await;
            let delivered = match pending {
                Ok(Value::Array(summary)) => count(summary.first()),
                Err(QueueError::Redis(error)) if error.code() == Some("NOGROUP") => 0,
                Ok(_) => 0,
                Err(error) => return Err(error),
            };
            Ok(Backlog { waiting: length.saturating_sub(delivered), delivered })
        };
        self.in_time(look).await
    }

    pub(super) async fn ping(&self) -> Result<(), QueueError> {
        self.in_time(self.0.requests.command::<Value>(&redis::cmd("PING"))).await.map(drop)
    }

    pub(super) fn source(&self, lane: Lane, consumer: &str) -> StreamsSource {
        StreamsSource::new(&self.0.address, Arc::clone(&self.0.outage), lane, consumer)
    }

    pub(super) async fn announce(&self, submissions: &[Uuid]) {
        announce::publish(&self.0.requests, submissions).await;
    }

    pub(super) fn announcements(&self) -> broadcast::Receiver<Uuid> {
        self.0.announcer.listen()
    }

    /// Gives up after 2 s, and the connection with it.
    async fn in_time<T>(
        &self,
        request: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let Ok(result) = tokio::time::timeout(PATIENCE, request).await else {
            self.0.requests.hang_up();
            return Err(QueueError::TimedOut);
        };
        result
    }
}

/// The key of a lane's stream. The braces make a cluster keep all of a lane in one place; the number is its shard.
fn stream(lane: Lane) -> String {
    format!("convoke:{{{lane}}}:0")
}

fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Int(count)) => u64::try_from(*count).unwrap_or(0),
        _ => 0,
    }
}
