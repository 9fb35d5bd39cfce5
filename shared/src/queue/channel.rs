//! Lanes inside one process: the same deliveries, takeovers and returns as in Redis, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use super::Backlog;
use super::source::{Entry, EntryKey};
use crate::domain::Lane;

/// How many announcements a slow listener may lag behind.
const ANNOUNCEMENTS: usize = 4096;
/// How long a fetch waits for the first entry.
const BLOCK: Duration = Duration::from_secs(2);

/// The lanes of one process. Clones share them.
#[derive(Clone)]
pub struct ChannelQueue {
    lanes: Arc<[InMemory; Lane::ALL.len()]>,
    announcements: broadcast::Sender<Uuid>,
}

impl Default for ChannelQueue {
    fn default() -> Self {
        Self { lanes: Arc::default(), announcements: broadcast::Sender::new(ANNOUNCEMENTS) }
    }
}

impl fmt::Debug for ChannelQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelQueue").finish_non_exhaustive()
    }
}

/// One lane.
#[derive(Debug, Default)]
struct InMemory {
    state: Mutex<State>,
    pushed: Notify,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    waiting: VecDeque<Entry>,
    /// Who was given an entry last does not matter, only when it was last heard of.
    delivered: BTreeMap<EntryKey, Delivery>,
}

#[derive(Debug)]
struct Delivery {
    id: Uuid,
    heard_of: Instant,
}

impl State {
    fn append(&mut self, id: Uuid) {
        self.sequence += 1;
        self.waiting.push_back(Entry { key: EntryKey { millis: 0, sequence: self.sequence }, id });
    }

    fn deliver(&mut self, count: usize) -> Vec<Entry> {
        let heard_of = Instant::now();
        let entries: Vec<Entry> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.delivered.extend(entries.iter().map(|entry| (entry.key, Delivery { id: entry.id, heard_of })));
        entries
    }
}

impl ChannelQueue {
    pub(super) fn push(&self, lane: Lane, ids: &[Uuid]) {
        let lane = self.lane(lane);
        let mut state = lane.lock();
        for id in ids {
            state.append(*id);
        }
        drop(state);
        lane.pushed.notify_waiters();
    }

    pub(super) fn backlog(&self, lane: Lane) -> Backlog {
        let state = self.lane(lane).lock();
        Backlog { waiting: state.waiting.len() as u64, delivered: state.delivered.len() as u64 }
    }

    pub(super) fn source(&self, lane: Lane, _: &str) -> ChannelSource {
        ChannelSource { queue: self.clone(), lane, interrupted: Notify::new() }
    }

    pub(super) fn announce(&self, submissions: &[Uuid]) {
        for submission in submissions {
            // Nobody may be listening.
            self.announcements.send(*submission).ok();
        }
    }

    pub(super) fn announcements(&self) -> broadcast::Receiver<Uuid> {
        self.announcements.subscribe()
    }

    fn lane(&self, lane: Lane) -> &InMemory {
        &self.lanes[lane as usize]
    }
}

impl InMemory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One consumer of a lane.
#[derive(Debug)]
pub(super) struct ChannelSource {
    queue: ChannelQueue,
    lane: Lane,
    interrupted: Notify,
}

impl ChannelSource {
    fn lane(&self) -> &InMemory {
        self.queue.lane(self.lane)
    }

    pub(super) async fn fetch(&self, count: usize) -> Vec<Entry> {
        let mut pushed = std::pin::pin!(self.lane().pushed.notified());
        // Listens before it looks, so that a push between the two is heard.
        pushed.as_mut().enable();
        let entries = self.lane().lock().deliver(count);
        if !entries.is_empty() {
            return entries;
        }
        tokio::select! {
            () = pushed => self.lane().lock().deliver(count),
            () = self.interrupted.notified() => Vec::new(),
            () = tokio::time::sleep(BLOCK) => Vec::new(),
        }
    }

    pub(super) fn interrupt(&self) {
        self.interrupted.notify_one();
    }

    pub(super) fn reclaim(&self, idle: Duration, count: usize) -> Vec<Entry> {
        let mut state = self.lane().lock();
        let now = Instant::now();
        let silent = state.delivered.iter_mut().filter(|(_, delivery)| now - delivery.heard_of >= idle);
        silent
            .take(count)
            .map(|(key, delivery)| {
                delivery.heard_of = now;
                Entry { key: *key, id: delivery.id }
            })
            .collect()
    }

    pub(super) fn keep(&self, keys: &[EntryKey]) {
        let mut state = self.lane().lock();
        for key in keys {
            if let Some(delivery) = state.delivered.get_mut(key) {
                delivery.heard_of = Instant::now();
            }
        }
    }

    pub(super) fn acknowledge(&self, keys: &[EntryKey]) {
        let mut state = self.lane().lock();
        for key in keys {
            state.delivered.remove(key);
        }
    }

    pub(super) fn hand_back(&self, entries: &[Entry]) {
        let mut state = self.lane().lock();
        for entry in entries {
            state.delivered.remove(&entry.key);
            state.append(entry.id);
        }
        drop(state);
        self.lane().pushed.notify_waiters();
    }
}
