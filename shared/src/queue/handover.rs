//! What one consumer has taken from its lane: entries on their way from the reader to the worker, and from the worker to
//! the acknowledger. One lock, held for moments, never across an await.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::source::{Entry, EntryKey};

/// Entries that make up a full batch of acknowledgements.
pub(super) const BATCH: usize = 512;

/// Stops and restarts what a consumer hands to its worker. Clones act on the same consumer.
#[derive(Clone, Debug)]
pub struct PauseSwitch(Arc<Handover>);

impl PauseSwitch {
    pub(super) fn new(handover: Arc<Handover>) -> Self {
        Self(handover)
    }

    /// While paused nothing is fetched, and nothing that was fetched is begun; what runs goes on.
    pub fn set(&self, paused: bool) {
        self.0.set_paused(paused);
    }

    /// Whether the consumer is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.lock().paused
    }
}

#[derive(Debug)]
pub(super) struct Handover {
    prefetch: usize,
    state: Mutex<State>,
    /// The reader may fetch again, or must end.
    room: Notify,
    /// The reader must stop waiting for entries.
    halt: Notify,
    /// There is something to acknowledge.
    first_done: Notify,
    /// There is a full batch to acknowledge.
    batch_done: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Fetched, not begun.
    waiting: VecDeque<Entry>,
    /// Fetched, and neither acknowledged nor given up: this consumer gives signs of life for them.
    held: HashSet<EntryKey>,
    /// Given up by their handler; they come again when they have been silent long enough.
    failed: HashMap<EntryKey, Instant>,
    /// Done, not acknowledged.
    done: Vec<EntryKey>,
    worker: Option<Waker>,
    paused: bool,
    closing: bool,
}

impl Handover {
    pub(super) fn new(prefetch: usize) -> Self {
        Self {
            prefetch,
            state: Mutex::default(),
            room: Notify::new(),
            halt: Notify::new(),
            first_done: Notify::new(),
            batch_done: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_paused(&self, paused: bool) {
        let worker = {
            let mut state = self.lock();
            state.paused = paused;
            // A worker that sleeps through the pause must be there to be woken after it.
            if paused { None } else { state.worker.take() }
        };
        self.room.notify_one();
        if paused {
            self.halt.notify_one();
        } else if let Some(worker) = worker {
            worker.wake();
        }
    }

    /// Nothing more is fetched or begun.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.room.notify_one();
        self.halt.notify_one();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// How many entries to fetch now: none while paused, closing, or more than half full, so that fetches are not tiny.
    pub(super) fn room(&self) -> usize {
        let state = self.lock();
        let free = self.prefetch.saturating_sub(state.waiting.len());
        if state.paused || state.closing || free * 2 < self.prefetch { 0 } else { free }
    }

    /// Waits until entries may be fetched and says how many; `None` when the consumer is closing.
    pub(super) async fn wait_for_room(&self) -> Option<usize> {
        loop {
            match self.room() {
                0 if self.is_closing() => return None,
                0 => self.room.notified().await,
                free => return Some(free),
            }
        }
    }

    /// Resolves when fetching must stop.
    pub(super) async fn halted(&self) {
        loop {
            {
                let state = self.lock();
                if state.paused || state.closing {
                    return;
                }
            }
            self.halt.notified().await;
        }
    }

    /// Entries from the lane. Those that this consumer holds already are left out, and unless they were `reclaimed` also
    /// those that failed, whose time has not come yet.
    pub(super) fn offer(&self, entries: Vec<Entry>, reclaimed: bool) {
        let worker = {
            let mut state = self.lock();
            for entry in entries {
                let failed = !state.failed.is_empty() && state.failed.contains_key(&entry.key);
                if (failed && !reclaimed) || !state.held.insert(entry.key) {
                    continue;
                }
                if failed {
                    state.failed.remove(&entry.key);
                }
                state.waiting.push_back(entry);
            }
            if state.waiting.is_empty() || state.paused { None } else { state.worker.take() }
        };
        if let Some(worker) = worker {
            worker.wake();
        }
    }

    /// The next entry for the worker.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Entry> {
        let mut state = self.lock();
        if !state.paused
            && !state.closing
            && let Some(entry) = state.waiting.pop_front()
        {
            let left = state.waiting.len();
            drop(state);
            if left == 0 || left == self.prefetch / 2 {
                self.room.notify_one();
            }
            return Poll::Ready(entry);
        }
        if state.worker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.worker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Its handler is through with it.
    pub(super) fn done(&self, key: EntryKey) {
        let count = {
            let mut state = self.lock();
            state.done.push(key);
            state.done.len()
        };
        if count == 1 {
            self.first_done.notify_one();
        } else if count >= BATCH {
            self.batch_done.notify_one();
        }
    }

    /// Its handler failed, or was dropped: it is left to come again.
    pub(super) fn give_up(&self, key: EntryKey) {
        let mut state = self.lock();
        state.held.remove(&key);
        state.failed.insert(key, Instant::now());
    }

    /// Waits for something to acknowledge, then at most `linger` for a full batch of it.
    pub(super) async fn wait_for_done(&self, linger: Duration) {
        while self.lock().done.is_empty() {
            self.first_done.notified().await;
        }
        let full = async {
            while self.lock().done.len() < BATCH {
                self.batch_done.notified().await;
            }
        };
        tokio::time::timeout(linger, full).await.ok();
    }

    /// What is to be acknowledged now.
    pub(super) fn take_done(&self) -> Vec<EntryKey> {
        std::mem::take(&mut self.lock().done)
    }

    /// The lane knows that they are done.
    pub(super) fn acknowledged(&self, keys: &[EntryKey]) {
        let mut state = self.lock();
        for key in keys {
            state.held.remove(key);
        }
    }

    /// What this consumer gives signs of life for.
    pub(super) fn held(&self) -> Vec<EntryKey> {
        self.lock().held.iter().copied().collect()
    }

    /// Takes what was not begun out of the worker's reach.
    pub(super) fn take_waiting(&self) -> Vec<Entry> {
        let mut state = self.lock();
        let waiting: Vec<Entry> = state.waiting.drain(..).collect();
        for entry in &waiting {
            state.held.remove(&entry.key);
        }
        waiting
    }

    /// Forgets failures from before `age`: somebody was given them again.
    pub(super) fn forget_failures(&self, age: Duration) {
        self.lock().failed.retain(|_, since| since.elapsed() < age);
    }
}
