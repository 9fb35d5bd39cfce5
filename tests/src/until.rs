//! Waiting for a condition, with a deadline: the tests' only way to let time pass.

use std::time::{Duration, Instant};

/// Asks every 50 ms until `look` gives a value.
///
/// # Panics
/// When the deadline is over; the message names `what` was waited for.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
