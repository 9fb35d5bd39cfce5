//! What every handler has at hand.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use shared::clock::{Clock, Entropy};
use shared::config::Config;
use shared::db::Db;
use shared::queue::Queue;
use tokio::sync::watch;

use crate::auth::jwks::JwksError;
use crate::auth::token::Verifier;
use crate::limit::Limiter;
use crate::pages::Pages;
use crate::wait::Hub;

/// The API's state; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    /// The ledger.
    pub db: Db,
    /// How jobs find a worker.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The settings.
    pub config: Config,
    pub(crate) hub: Hub,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) verifier: Verifier,
    pub(crate) pages: Pages,
    pub(crate) stopping: watch::Receiver<bool>,
    /// True from when the ledger's schema is up to date: before that every request is told to come again.
    pub(crate) open: watch::Receiver<bool>,
}

impl App {
    /// Puts the parts together. `open` turns true when the ledger can be used, `stopping` when the process begins to
    /// end: before the one and after the other it is not ready. Fails where a configured key file cannot be used.
    pub fn new(
        config: Config,
        db: Db,
        queue: Queue,
        clock: Clock,
        entropy: Entropy,
        open: watch::Receiver<bool>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, JwksError> {
        let verifier = Verifier::new(&config)?;
        let limiter = config.rate_limit.map(Limiter::new);
        let hub = Hub::listen(&queue);
        let app = Self(Arc::new(Parts {
            db,
            queue,
            clock,
            entropy,
            config,
            hub,
            limiter,
            verifier,
            pages: Pages::new(),
            stopping,
            open,
        }));
        app.sweep_limits();
        Ok(app)
    }

    fn sweep_limits(&self) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_mins(1)).await;
                let Some(parts) = weak.upgrade() else { return };
                if let Some(limiter) = &parts.limiter {
                    limiter.sweep();
                }
            }
        });
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
