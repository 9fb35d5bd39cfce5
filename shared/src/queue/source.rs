//! Where the entries of a lane lie, as one consumer sees it: what both backends must be able to do, and nothing more.

use std::time::Duration;

use uuid::Uuid;

use super::QueueError;
use super::channel::ChannelSource;
use super::streams::StreamsSource;

/// The name of an entry in its lane, in the form that Redis gives it. The same id pushed twice has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EntryKey {
    pub(super) millis: u64,
    pub(super) sequence: u64,
}

/// One id in a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: EntryKey,
    pub(super) id: Uuid,
}

/// One consumer's view of its lane.
#[derive(Debug)]
pub(super) enum Source {
    Streams(Box<StreamsSource>),
    Channel(ChannelSource),
}

impl Source {
    /// Up to `count` entries that nobody was given yet, and those that a broken connection swallowed. Waits about 2 s for
    /// the first, then gives none.
    pub(super) async fn fetch(&self, count: usize) -> Result<Vec<Entry>, QueueError> {
        match self {
            Self::Streams(streams) => streams.fetch(count).await,
            Self::Channel(channel) => Ok(channel.fetch(count).await),
        }
    }

    /// Makes a `fetch` that waits return now, with nothing lost.
    pub(super) async fn interrupt(&self) {
        match self {
            Self::Streams(streams) => streams.interrupt().await,
            Self::Channel(channel) => channel.interrupt(),
        }
    }

    /// Up to `count` entries, whoever was given them, of which nothing was heard for `idle`.
    pub(super) async fn reclaim(&self, idle: Duration, count: usize) -> Result<Vec<Entry>, QueueError> {
        match self {
            Self::Streams(streams) => streams.reclaim(idle, count).await,
            Self::Channel(channel) => Ok(channel.reclaim(idle, count)),
        }
    }

    /// The sign of life for entries that this consumer holds.
    pub(super) async fn keep(&self, keys: &[EntryKey]) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.keep(keys).await,
            Self::Channel(channel) => {
                channel.keep(keys);
                Ok(())
            }
        }
    }

    /// Done: the entries are gone for good.
    pub(super) async fn acknowledge(&self, keys: &[EntryKey]) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.acknowledge(keys).await,
            Self::Channel(channel) => {
                channel.acknowledge(keys);
                Ok(())
            }
        }
    }

    /// Not begun: the entries wait again, for anybody.
    pub(super) async fn hand_back(&self, entries: &[Entry]) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.hand_back(entries).await,
            Self::Channel(channel) => {
                channel.hand_back(entries);
                Ok(())
            }
        }
    }

    /// Strikes consumers off that hold nothing and were silent for `idle`.
    pub(super) async fn strike_off(&self, idle: Duration) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.strike_off(idle).await,
            Self::Channel(_) => Ok(()),
        }
    }

    /// Strikes this consumer off, unless something that it was given is unacknowledged.
    pub(super) async fn leave(&self) -> Result<(), QueueError> {
        match self {
            Self::Streams(streams) => streams.leave().await,
            Self::Channel(_) => Ok(()),
        }
    }

    /// A call failed: says so once per outage.
    pub(super) fn is_away(&self, error: &QueueError) {
        if let Self::Streams(streams) = self {
            streams.is_away(error);
        }
    }

    /// A call went well: says so once after an outage.
    pub(super) fn is_back(&self) {
        if let Self::Streams(streams) = self {
            streams.is_back();
        }
    }
}
