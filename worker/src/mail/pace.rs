//! How much one claim takes: as much as goes out in about a second. What is claimed goes out before anything that comes
//! later, so with a slow server a large claim would make a single invite wait behind a batch.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::CLAIM;

const LEAST: i64 = 8;
const FIRST: i64 = 16;
const WANTED: Duration = Duration::from_secs(1);

/// The size of the next claim.
#[derive(Debug)]
pub(super) struct Pace(AtomicI64);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicI64::new(FIRST))
    }
}

impl Pace {
    /// How many mails to claim now.
    pub(super) fn size(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Learns from a claim that went out.
    pub(super) fn took(&self, mails: usize, elapsed: Duration) {
        let size = self.size();
        if elapsed > WANTED {
            self.0.store((size / 2).max(LEAST), Ordering::Relaxed);
        } else if i64::try_from(mails).is_ok_and(|mails| mails >= size) {
            self.0.store((size * 2).min(CLAIM), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_grow_while_they_are_quick_and_shrink_when_they_are_not() {
        let pace = Pace::default();
        for _ in 0..5 {
            let all = usize::try_from(pace.size()).unwrap();
            pace.took(all, Duration::from_millis(20));
        }
        assert_eq!(pace.size(), CLAIM);
        pace.took(3, Duration::from_millis(1));
        assert_eq!(pace.size(), CLAIM, "a small one tells nothing");
        for _ in 0..9 {
            pace.took(100, Duration::from_secs(3));
        }
        assert_eq!(pace.size(), LEAST);
    }
}
