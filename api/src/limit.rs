//! How many requests a credential may make: `RateLimit` headers on each answer, 429 beyond
//! (draft-ietf-httpapi-ratelimit-headers).

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use governor::clock::{Clock, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use shared::config::Rate;

use crate::problem::Problem;

type Keyed = RateLimiter<String, DefaultKeyedStateStore<String>, QuantaClock, StateInformationMiddleware>;

/// One bucket per credential, in this process.
#[derive(Debug)]
pub(crate) struct Limiter {
    rate: Rate,
    buckets: Keyed,
}

/// Where a credential stands after this request; filled in when it is recognised, written when it is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing(Arc<OnceLock<(Rate, u32, u64)>>);

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Self {
        let per_second = NonZeroU32::new(rate.per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { rate, buckets: RateLimiter::keyed(quota).with_middleware() }
    }

    /// Counts one request of a credential.
    pub(crate) fn count(&self, credential: &str, standing: &Standing) -> Result<(), Problem> {
        let key = credential.to_owned();
        match self.buckets.check_key(&key) {
            Ok(state) => {
                let _ = standing.0.set((self.rate, state.remaining_burst_capacity(), 1));
                Ok(())
            }
            Err(refused) => {
                let wait = refused.wait_time_from(QuantaClock::default().now());
                let seconds = wait.max(Duration::from_millis(1)).as_secs_f64().ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a wait is a few seconds"
                )]
                let seconds = seconds as u64;
                let _ = standing.0.set((self.rate, 0, seconds));
                Err(Problem::TooManyRequests(seconds))
            }
        }
    }

    /// Forgets credentials that have their whole burst again.
    pub(crate) fn sweep(&self) {
        self.buckets.retain_recent();
    }
}

impl Standing {
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Some((rate, remaining, reset)) = self.0.get() else { return };
        let window = (rate.burst / rate.per_second.max(1)).max(1);
        let policy = format!("\"credential\";q={};w={window}", rate.burst);
        let state = format!("\"credential\";r={remaining};t={reset}");
        if let (Ok(policy), Ok(state)) = (HeaderValue::from_str(&policy), HeaderValue::from_str(&state)) {
            headers.insert("ratelimit-policy", policy);
            headers.insert("ratelimit", state);
        }
    }
}
