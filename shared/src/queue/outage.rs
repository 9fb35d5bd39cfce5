//! Waiting out an outage: how long between two tries, and one line in the log at each end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Entropy;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubling waits from 100 ms to 5 s, each shortened by up to half at random, so that processes do not come back in step.
#[derive(Debug)]
pub(super) struct Backoff {
    wait: Duration,
    entropy: Entropy,
}

impl Backoff {
    pub(super) fn new(entropy: Entropy) -> Self {
        Self { wait: FIRST, entropy }
    }

    pub(super) fn reset(&mut self) {
        self.wait = FIRST;
    }

    pub(super) async fn pause(&mut self) {
        let wait = self.next();
        tokio::time::sleep(wait).await;
    }

    fn next(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST);
        wait.mul_f64(0.5 + self.entropy.fraction() / 2.0)
    }
}

/// Whether the server is away, so that an outage is one `warn!` and one `info!`, however many tasks meet it.
#[derive(Debug, Default)]
pub(super) struct Outage(AtomicBool);

impl Outage {
    pub(super) fn begin(&self, error: &dyn std::error::Error) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "redis is away; waiting for it");
        }
    }

    pub(super) fn end(&self) {
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
            tracing::info!("redis is back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_never_vanish() {
        let mut backoff = Backoff::new(Entropy::seeded(1));
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
        assert!(waits[10..].iter().all(|wait| *wait >= LONGEST / 2 && *wait <= LONGEST), "{waits:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
