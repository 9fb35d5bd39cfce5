//! Holding what is in hand: a claim is renewed at a third of its lease, for as long as this lives.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;

/// Renews until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease(JoinHandle<()>);

impl Lease {
    /// Calls `renew` at a third of `lease`, again and again, until it says that there is nothing to hold any more.
    pub(crate) fn hold<F, Fut>(lease: Duration, renew: F) -> Self
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = bool> + Send,
    {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(lease / 3).await;
                if !renew().await {
                    return;
                }
            }
        }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.abort();
    }
}
