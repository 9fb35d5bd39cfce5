//! Announcements over Redis pub/sub: many ids in one message, one subscription per process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSubSink;
use redis::{ErrorKind, Msg, RedisResult};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::address::Address;
use super::line::Line;
use crate::clock::Entropy;
use crate::queue::outage::{Backoff, Outage};

const CHANNEL: &str = "convoke:announcements";
/// How many ids go into one message.
const CHUNK: usize = 256;
/// How many announcements a slow listener may lag behind.
const BUFFER: usize = 4096;
/// An announcement is only worth something at once.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a silent subscription is trusted, and how long its answer may take.
const SILENCE: Duration = Duration::from_secs(10);

/// Tells every process. What cannot be told now is not told.
pub(super) async fn publish(line: &Line, submissions: &[Uuid]) {
    for chunk in submissions.chunks(CHUNK) {
        let message: Vec<u8> = chunk.iter().flat_map(|id| *id.as_bytes()).collect();
        let mut command = redis::cmd("PUBLISH");
        command.arg(CHANNEL).arg(message);
        match tokio::time::timeout(PATIENCE, line.command::<i64>(&command)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return tracing::debug!(%error, "could not announce"),
            Err(_) => return tracing::debug!("announcing took too long"),
        }
    }
}

/// The one subscription, and those in the process who listen to it.
pub(super) struct Announcer {
    address: Arc<Address>,
    outage: Arc<Outage>,
    heard: broadcast::Sender<Uuid>,
    listener: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Announcer {
    pub(super) fn new(address: Arc<Address>, outage: Arc<Outage>) -> Self {
        Self { address, outage, heard: broadcast::Sender::new(BUFFER), listener: Mutex::default() }
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Uuid> {
        let receiver = self.heard.subscribe();
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| {
            let listener = Listener {
                address: Arc::clone(&self.address),
                outage: Arc::clone(&self.outage),
                heard: self.heard.clone(),
            };
            AbortOnDropHandle::new(tokio::spawn(listener.run()))
        });
        receiver
    }
}

struct Listener {
    address: Arc<Address>,
    outage: Arc<Outage>,
    heard: broadcast::Sender<Uuid>,
}

impl Listener {
    async fn run(self) {
        let mut backoff = Backoff::new(Entropy::System);
        loop {
            if let Err(error) = self.subscribed(&mut backoff).await {
                self.outage.begin(&error);
            }
            backoff.pause().await;
        }
    }

    /// Listens until the subscription ends, which is an error or a closed connection.
    async fn subscribed(&self, backoff: &mut Backoff) -> RedisResult<()> {
        let (mut sink, mut messages) = self.address.subscribe().await?.split();
        in_time(sink.subscribe(CHANNEL)).await?;
        self.outage.end();
        backoff.reset();
        loop {
            match tokio::time::timeout(SILENCE, messages.next()).await {
                Ok(Some(message)) => self.tell(&message),
                Ok(None) => return Ok(()),
                Err(_) => self.check(&mut sink).await?,
            }
        }
    }

    /// A connection may be dead without anybody having said so.
    async fn check(&self, sink: &mut PubSubSink) -> RedisResult<()> {
        in_time(sink.ping::<redis::Value>()).await.map(drop)
    }

    fn tell(&self, message: &Msg) {
        for id in message.get_payload_bytes().chunks_exact(16) {
            if let Ok(id) = Uuid::from_slice(id) {
                // Nobody may be listening at the moment.
                self.heard.send(id).ok();
            }
        }
    }
}

async fn in_time<T>(request: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    tokio::time::timeout(SILENCE, request)
        .await
        .unwrap_or_else(|_| Err((ErrorKind::Io, "the subscription does not answer").into()))
}
