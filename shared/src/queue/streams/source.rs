//! One consumer of a lane's stream: the commands behind reading, acknowledging, taking over and leaving.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use redis::{Cmd, Value};

use super::address::Address;
use super::entry::{self, Read};
use super::line::Line;
use super::{GROUP, stream};
use crate::domain::Lane;
use crate::queue::QueueError;
use crate::queue::outage::Outage;
use crate::queue::source::{Entry, EntryKey};

/// How long a read waits in Redis for the first entry.
const BLOCK: Duration = Duration::from_secs(2);
/// How long an answer may take: a server that stalls for a few seconds is waited for, not left.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long the word that ends a waiting read may take; without it the read ends by itself.
const INTERRUPT: Duration = Duration::from_millis(500);
/// Entries of its own that a consumer looks at after a connection broke.
const OWN: usize = 4096;

/// Strikes consumers off that hold nothing and are idle for ARGV[2] ms: all, or the one that ARGV[3] names. In one step,
/// for a consumer that is struck off while it is given an entry would take the entry with it.
const STRIKE_OFF: &str = r"
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 0 end
local struck = 0
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) and (ARGV[3] == '' or consumer.name == ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    struck = struck + 1
  end
end
return struck
";

#[derive(Debug)]
pub(in crate::queue) struct StreamsSource {
    stream: String,
    consumer: String,
    outage: Arc<Outage>,
    /// Reads wait on a line of their own.
    reads: Line,
    requests: Line,
    /// The connection for which the group was made and lost entries were looked for.
    prepared: AtomicU64,
    /// The number by which the server knows the reading connection; 0 when it is not known.
    client: AtomicI64,
}

impl StreamsSource {
    pub(super) fn new(address: &Arc<Address>, outage: Arc<Outage>, lane: Lane, consumer: &str) -> Self {
        Self {
            stream: stream(lane),
            consumer: consumer.to_owned(),
            outage,
            reads: Line::new(Arc::clone(address), BLOCK + PATIENCE),
            requests: Line::new(Arc::clone(address), PATIENCE),
            prepared: AtomicU64::new(0),
            client: AtomicI64::new(0),
        }
    }

    pub(in crate::queue) async fn fetch(&self, count: usize) -> Result<Vec<Entry>, QueueError> {
        let generation = self.reads.generation().await?;
        if self.prepared.load(Ordering::Relaxed) != generation {
            let lost = self.prepare().await?;
            self.prepared.store(generation, Ordering::Relaxed);
            if !lost.is_empty() {
                return Ok(lost);
            }
        }
        match self.read(count, Some(BLOCK), ">").await {
            // Redis has lost everything. What is pushed again is found by a new group.
            Err(QueueError::Redis(error)) if matches!(error.code(), Some("NOGROUP" | "UNBLOCKED")) => {
                self.create_group().await?;
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// On a new connection: makes sure of the group, and finds what was given to this consumer on the old one and did
    /// not arrive.
    async fn prepare(&self) -> Result<Vec<Entry>, QueueError> {
        self.create_group().await?;
        let client = if self.reads.is_plain().await? {
            self.reads.command(redis::cmd("CLIENT").arg("ID")).await?
        } else {
            0
        };
        self.client.store(client, Ordering::Relaxed);
        self.read(OWN, None, "0").await
    }

    async fn create_group(&self) -> Result<(), QueueError> {
        let mut create = redis::cmd("XGROUP");
        create.arg("CREATE").arg(&self.stream).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.requests.command::<Value>(&create).await {
            Err(QueueError::Redis(error)) if error.code() == Some("BUSYGROUP") => Ok(()),
            created => created.map(drop),
        }
    }

    async fn read(
        &self,
        count: usize,
        block: Option<Duration>,
        from: &str,
    ) -> Result<Vec<Entry>, QueueError> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(count);
        if let Some(block) = block {
            read.arg("BLOCK").arg(block.as_millis());
        }
        read.arg("STREAMS").arg(&self.stream).arg(from);
        self.readable(Read::from_group(self.reads.command(&read).await?)).await
    }

    /// Acknowledges away what nobody can read, so that it does not come again for ever.
    async fn readable(&self, read: Read) -> Result<Vec<Entry>, QueueError> {
        if !read.unreadable.is_empty() {
            tracing::warn!(stream = self.stream, entries = ?read.unreadable, "these entries hold no id; they are dropped");
            self.acknowledge(&read.unreadable).await?;
        }
        Ok(read.entries)
    }

    pub(in crate::queue) async fn interrupt(&self) {
        let client = self.client.load(Ordering::Relaxed);
        if client != 0 {
            let mut unblock = redis::cmd("CLIENT");
            unblock.arg("UNBLOCK").arg(client);
            tokio::time::timeout(INTERRUPT, self.requests.command::<Value>(&unblock)).await.ok();
        }
    }

    pub(in crate::queue) async fn acknowledge(&self, keys: &[EntryKey]) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.add_command(self.acknowledgement(keys.iter())).ignore();
        pipeline.add_command(self.deletion(keys.iter())).ignore();
        self.requests.pipeline(&pipeline).await
    }

    /// Appends them again before it acknowledges them: in one step, so that they are there once.
    pub(in crate::queue) async fn hand_back(&self, entries: &[Entry]) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for entry in entries {
            pipeline.add_command(entry::append(&self.stream, &entry.id)).ignore();
        }
        let keys = || entries.iter().map(|entry| &entry.key);
        pipeline.add_command(self.acknowledgement(keys())).ignore();
        pipeline.add_command(self.deletion(keys())).ignore();
        self.requests.pipeline(&pipeline).await
    }

    fn acknowledgement<'a>(&self, keys: impl Iterator<Item = &'a EntryKey>) -> Cmd {
        let mut command = redis::cmd("XACK");
        command.arg(&self.stream).arg(GROUP);
        for key in keys {
            command.arg(key);
        }
        command
    }

    fn deletion<'a>(&self, keys: impl Iterator<Item = &'a EntryKey>) -> Cmd {
        let mut command = redis::cmd("XDEL");
        command.arg(&self.stream);
        for key in keys {
            command.arg(key);
        }
        command
    }

    /// Claims them for the consumer that has them anyway, which is what makes Redis count from zero again.
    pub(in crate::queue) async fn keep(&self, keys: &[EntryKey]) -> Result<(), QueueError> {
        let mut claim = redis::cmd("XCLAIM");
        claim.arg(&self.stream).arg(GROUP).arg(&self.consumer).arg(0);
        for key in keys {
            claim.arg(key);
        }
        claim.arg("JUSTID");
        or_nothing(self.requests.command::<Value>(&claim).await).map(drop)
    }

    pub(in crate::queue) async fn reclaim(
        &self,
        idle: Duration,
        count: usize,
    ) -> Result<Vec<Entry>, QueueError> {
        let mut entries = Vec::new();
        let mut from = b"0-0".to_vec();
        while entries.len() < count {
            let mut claim = redis::cmd("XAUTOCLAIM");
            claim.arg(&self.stream).arg(GROUP).arg(&self.consumer).arg(idle.as_millis()).arg(&from);
            claim.arg("COUNT").arg(count - entries.len());
            let (read, next) = Read::from_claim(or_nothing(self.requests.command(&claim).await)?);
            entries.extend(self.readable(read).await?);
            if next.is_empty() || next == b"0-0" {
                break;
            }
            from = next;
        }
        Ok(entries)
    }

    pub(in crate::queue) async fn strike_off(&self, idle: Duration) -> Result<(), QueueError> {
        self.strike(idle, "").await
    }

    pub(in crate::queue) async fn leave(&self) -> Result<(), QueueError> {
        self.reads.hang_up();
        self.strike(Duration::ZERO, &self.consumer).await
    }

    async fn strike(&self, idle: Duration, only: &str) -> Result<(), QueueError> {
        let mut eval = redis::cmd("EVAL");
        eval.arg(STRIKE_OFF).arg(1).arg(&self.stream).arg(GROUP).arg(idle.as_millis()).arg(only);
        self.requests.command::<Value>(&eval).await.map(drop)
    }

    pub(in crate::queue) fn is_away(&self, error: &QueueError) {
        self.outage.begin(error);
    }

    pub(in crate::queue) fn is_back(&self) {
        self.outage.end();
    }
}

/// A lane that Redis has forgotten holds nothing. The reader makes it anew.
fn or_nothing(answer: Result<Value, QueueError>) -> Result<Value, QueueError> {
    match answer {
        Err(QueueError::Redis(error)) if error.code() == Some("NOGROUP") => Ok(Value::Nil),
        answer => answer,
    }
}
