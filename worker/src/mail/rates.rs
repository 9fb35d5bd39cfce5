//! How fast mails go out: per process, and per recipient domain.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use shared::config::Config;

/// The limits of this process.
#[derive(Debug)]
pub(super) struct Rates {
    all: Option<DefaultDirectRateLimiter>,
    by_domain: Option<DefaultKeyedRateLimiter<String>>,
}

/// A steady pace: mails are spread over the second, and none is saved up for later.
fn quota(per_second: u32) -> Quota {
    Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN))
}

impl Rates {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            all: config.mail_rate.map(|rate| RateLimiter::direct(quota(rate))),
            by_domain: config.mail_domain_rate.map(|rate| RateLimiter::keyed(quota(rate))),
        }
    }

    /// Waits for this process's turn.
    pub(super) async fn wait(&self) {
        if let Some(all) = &self.all {
            all.until_ready().await;
        }
    }

    /// How long a domain's mail must wait; `None`: it may go, and is counted. Nobody waits here for a slow domain:
    /// the mail goes back and others go first.
    pub(super) fn domain_wait(&self, domain: &str) -> Option<Duration> {
        let by_domain = self.by_domain.as_ref()?;
        let refused = by_domain.check_key(&domain.to_ascii_lowercase()).err()?;
        Some(refused.wait_time_from(DefaultClock::default().now()))
    }
}
