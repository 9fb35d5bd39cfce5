//! A line to Redis that is laid when it is first needed, and anew after an error. Requests share it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::Sentinel;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture,
    RedisResult, Value,
};
use tokio::sync::Mutex;

use super::address::Address;
use crate::queue::QueueError;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_millis(1500);

/// A connection, whatever is at its other end.
#[derive(Clone)]
pub(super) enum Link {
    Plain(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Plain(plain) => plain.req_packed_command(cmd),
            Self::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Plain(plain) => plain.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Plain(plain) => plain.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}

impl Address {
    /// A connection of its own. An answer that takes longer than `patience` is an error.
    async fn connect(&self, patience: Duration) -> RedisResult<Link> {
        if let Self::Cluster(nodes) = self {
            let client = ClusterClient::builder(nodes.clone())
                .connection_timeout(CONNECT)
                .response_timeout(patience)
                // Enough to follow a slot that moved; outages are waited out by the callers.
                .retries(3)
                .build()?;
            return client.get_async_connection().await.map(Link::Cluster);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(patience));
        let client = self.node().await?;
        client.get_multiplexed_async_connection_with_config(&config).await.map(Link::Plain)
    }

    /// A connection that hears what is published. In a cluster any node will do.
    pub(super) async fn subscribe(&self) -> RedisResult<PubSub> {
        let connect = async { self.node().await?.get_async_pubsub().await };
        tokio::time::timeout(CONNECT * 2, connect).await.unwrap_or_else(|_| Err(slow()))
    }

    /// The server, the first node of a cluster that answers, or the master, asked for anew each time.
    async fn node(&self) -> RedisResult<Client> {
        match self {
            Self::Server(info) => Client::open(info.clone()),
            Self::Cluster(nodes) => {
                let mut last = slow();
                for node in nodes {
                    let client = Client::open(node.clone())?;
                    match client.get_multiplexed_async_connection().await {
                        Ok(_) => return Ok(client),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Self::Sentinel { sentinels, service, node } => {
                Sentinel::build(sentinels.clone())?.async_master_for(service, Some(node)).await
            }
        }
    }
}

fn slow() -> RedisError {
    (ErrorKind::Io, "no connection in time").into()
}

/// See the module.
pub(super) struct Line {
    address: Arc<Address>,
    patience: Duration,
    laid: Mutex<Laid>,
}

#[derive(Default)]
struct Laid {
    /// Counts connections, so that who saw one fail does not tear down the next.
    generation: u64,
    link: Option<Link>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Line {
    /// A line on which an answer may take `patience`.
    pub(super) fn new(address: Arc<Address>, patience: Duration) -> Self {
        Self { address, patience, laid: Mutex::default() }
    }

    /// Sends one command.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, QueueError> {
        let (generation, mut link) = self.link().await?;
        let result = command.query_async(&mut link).await;
        self.settle(generation, result).await
    }

    /// Sends several commands at once.
    pub(super) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, QueueError> {
        let (generation, mut link) = self.link().await?;
        let result = pipeline.query_async(&mut link).await;
        self.settle(generation, result).await
    }

    /// Which connection this is, counted from 1; connects if there is none.
    pub(super) async fn generation(&self) -> Result<u64, QueueError> {
        self.link().await.map(|(generation, _)| generation)
    }

    /// Whether the connection is to one server, which then knows it by a number.
    pub(super) async fn is_plain(&self) -> Result<bool, QueueError> {
        self.link().await.map(|(_, link)| matches!(link, Link::Plain(_)))
    }

    /// Gives a connection up that does not answer, unless another is being laid already.
    pub(super) fn hang_up(&self) {
        if let Ok(mut laid) = self.laid.try_lock() {
            laid.link = None;
        }
    }

    async fn link(&self) -> Result<(u64, Link), QueueError> {
        let mut laid = self.laid.lock().await;
        if let Some(link) = &laid.link {
            return Ok((laid.generation, link.clone()));
        }
        let link = tokio::time::timeout(CONNECT * 3, self.address.connect(self.patience))
            .await
            .unwrap_or_else(|_| Err(slow()))?;
        laid.generation += 1;
        laid.link = Some(link.clone());
        Ok((laid.generation, link))
    }

    /// After an error the line is laid anew: the connection may be dead, or lead to a server that is no master any more.
    /// A lane that is not there, or memory that is full, is nothing that a new connection would mend.
    async fn settle<T>(&self, generation: u64, result: RedisResult<T>) -> Result<T, QueueError> {
        if let Err(error) = &result
            && !matches!(error.code(), Some("NOGROUP" | "UNBLOCKED" | "OOM"))
        {
            let mut laid = self.laid.lock().await;
            if laid.generation == generation {
                laid.link = None;
            }
        }
        result.map_err(QueueError::Redis)
    }
}
