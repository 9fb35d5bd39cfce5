//! What every worker has at hand.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock::{Clock, Entropy};
use shared::config::Config;
use shared::db::Db;
use shared::queue::Queue;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// The ledger.
    pub db: Db,
    /// How work finds a worker.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The settings.
    pub config: Arc<Config>,
    /// This process's name among the workers; fresh at every start.
    pub id: String,
}

impl Context {
    /// Puts the parts together under a fresh name.
    #[must_use]
    pub fn new(config: Config, db: Db, queue: Queue, clock: Clock, entropy: Entropy) -> Self {
        let id = format!("worker-{}", entropy.uuid(clock.now()).simple());
        Self { db, queue, clock, entropy, config: Arc::new(config), id }
    }

    /// When a claim that is made, or renewed, now runs out.
    pub(crate) fn lease_until(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::from_std(self.config.lease).unwrap_or(TimeDelta::MAX)
    }
}
